#!/usr/bin/env bash
# A Prefect worker of this project: registers prefect.yaml's deployments, then runs what they ask for.
set -euo pipefail
cd "$(dirname "$0")/.."
prefect --no-prompt work-pool create isitcake --type process --overwrite
prefect --no-prompt deploy --all
exec prefect worker start --pool isitcake --type process --with-healthcheck
