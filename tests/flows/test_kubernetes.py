"""scripts/kubernetes_pool.json: the work pool's template fits itself, the deployments and the image."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATE = json.loads((ROOT / "scripts" / "kubernetes_pool.json").read_text())
POD: dict[str, Any] = TEMPLATE["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_each_blank_is_a_variable_and_each_variable_is_used() -> None:
    blanks = set(re.findall(r"{{ (\w+) }}", json.dumps(TEMPLATE["job_configuration"])))
    assert blanks == set(TEMPLATE["variables"]["properties"])


def test_what_prefect_demands_of_a_job() -> None:
    """prefect-kubernetes 0.8 refuses a manifest without these."""
    assert (POD["completions"], POD["parallelism"], POD["restartPolicy"]) == (1, 1, "Never")
    assert CONTAINER["name"] == "prefect-job"
    assert {"command", "env", "labels", "name", "namespace"} <= TEMPLATE["job_configuration"].keys()


def test_each_folder_has_a_volume_and_the_ones_of_the_compose_file_can_be_written() -> None:
    folders = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert [volume["name"] for volume in POD["volumes"]] == list(folders)
    worker = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]
    writable = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    mounted = {mount.split(":")[1] for mount in worker["volumes"] if not mount.endswith(":ro")}
    assert writable == {*worker["tmpfs"], *mounted, "/dev/shm"}  # Chromium's
    assert TEMPLATE["variables"]["properties"]["env"]["default"]["PREFECT_HOME"].startswith(tuple(writable))


def test_jobs_have_no_rights() -> None:
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["automountServiceAccountToken"] is False


def test_deployments_go_to_the_pool_that_the_docs_create() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    (pool,) = {deployment["work_pool"]["name"] for deployment in deployments}
    assert f"work-pool create {pool} --type kubernetes" in (ROOT / "docs" / "deployment.md").read_text()
