"""flows.deployments and flows.events: one table for `isitcake serve` and for the work pool."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from flows import loop
from flows.deployments import DEPLOYMENTS, prefect_yaml
from foundation.environment import child_environment

ROOT = Path(__file__).parents[2]


def described(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Deployments of prefect.yaml, without what is the same for all."""
    return [
        {key: value for key, value in deployment.items() if key not in ("concurrency_limit", "work_pool")}
        for deployment in content["deployments"]
    ]


def test_prefect_yaml_is_the_table() -> None:
    """The file in the repository is what `python -m flows.deployments` prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "flows.deployments"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed == prefect_yaml()
    assert (ROOT / "prefect.yaml").read_text() == printed, "run `python -m flows.deployments > prefect.yaml`"


def test_prefect_yaml_says_everything_of_the_table() -> None:
    """Read as YAML: schedules, events and parameters of each deployment, `by_event` included."""
    content = yaml.safe_load(prefect_yaml())
    assert all(d["concurrency_limit"] == 1 and d["work_pool"] == {"name": "isitcake"} for d in content["deployments"])
    expected = []
    for deployment in DEPLOYMENTS:
        entry: dict[str, Any] = {
            "name": deployment.name,
            "entrypoint": f"flows/loop.py:{deployment.flow}",
            "description": deployment.description,
        }
        if deployment.cron:
            entry["schedules"] = [{"cron": deployment.cron}]
        if deployment.interval:
            entry["schedules"] = [{"interval": deployment.interval.total_seconds()}]
        if automation := deployment.automation:
            trigger = {"name": automation.name, "type": "event", "expect": [automation.event.value]}
            parameters = {"parameters": dict(automation.parameters)} if automation.parameters else {}
            entry["triggers"] = [trigger | parameters]
        expected.append(entry)
    assert described(content) == expected
    (by_version,) = [d for d in expected if d["name"] == "on-version"]
    assert by_version["triggers"][0]["parameters"]["by_event"] is True


def test_every_deployment_names_a_flow() -> None:
    """With the parameters that its automation passes."""
    for deployment in DEPLOYMENTS:
        flow = getattr(loop, deployment.flow)
        parameters = set(flow.parameters.properties)
        assert "config" in parameters
        if deployment.automation:
            assert set(deployment.automation.parameters) <= parameters


def test_prefect_that_is_not_installed_is_one_sentence(tmp_path: Path) -> None:
    """The message names the extra to install."""
    program = "import sys; sys.modules['prefect'] = None; from isitcake.cli import main; main()"
    (tmp_path / "isitcake.toml").write_text('[project]\ncontact = "https://example.org"\n')
    ended = subprocess.run(
        [sys.executable, "-c", program, "run"],
        cwd=tmp_path, env=child_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.strip() == 'error: this needs the flows extra: pip install "isitcake[flows]"'
