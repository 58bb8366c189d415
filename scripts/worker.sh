#!/usr/bin/env bash
# Register the deployments of prefect.yaml, and run a Prefect worker for them.
set -euo pipefail
cd "$(dirname "$0")/.."
prefect --no-prompt work-pool create isitcake --type process --overwrite
prefect --no-prompt deploy --all
exec prefect worker start --pool isitcake --type process --with-healthcheck
