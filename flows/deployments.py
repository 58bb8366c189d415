"""The table of deployments: schedules and automations, for `isitcake serve` and for a Prefect work pool.

`python -m flows.deployments > prefect.yaml` writes the same table for `prefect deploy`.
"""

import contextlib
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from crawlers.parents import WATCHER
from flows.events import Event
from foundation.environment import prefect_api_url, put_in_environment
from foundation.errors import FlowError, IsItCakeError
from foundation.files import may_write

WORK_POOL = "isitcake"
CONCURRENT_RUNS = 1  # of one deployment
HEALTH_TIMEOUT_S = 10

Result = TypeVar("Result")


@dataclass(frozen=True)
class Automation:
    """Run a deployment when an event arrives. parameters: of the run; a Jinja template may read the event."""

    name: str
    event: Event
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """A flow that the Prefect server runs: at times, or after an event, or when somebody asks for it.

    flow: name of a function in flows/loop.py. cron: a schedule, in the server's time zone.
    """

    name: str
    flow: str
    description: str
    cron: str | None = None
    interval: timedelta | None = None
    automation: Automation | None = None


DEPLOYMENTS = (
    Deployment("weekly", "collect", "Collect every source, curate, ask reviewers.", cron="0 4 * * 1"),
    Deployment("frequent", "review_pull", "Fetch answers from Label Studio.", interval=timedelta(minutes=5)),
    Deployment(
        "on-answers",
        "publish",
        "Publish when a review round is finished.",
        automation=Automation("isitcake: publish when a review round is finished", Event.ROUND_FINISHED),
    ),
    Deployment(
        "on-version",
        "train",
        "Train on a new version.",
        automation=Automation(
            "isitcake: train on a new version",
            Event.PUBLISHED,
            {
                "version": {"__prefect_kind": "jinja", "template": "{{ event.payload.version }}"},
                "by_event": True,
            },
        ),
    ),
    Deployment("by-hand", "refresh", "Run the whole loop once."),
)


def run(flow: Callable[..., Result], *arguments: Any) -> Result:
    """Run a flow in this process. Raises FlowError where Prefect cannot be used; our own errors as they are."""
    # The error is raised and shown as one sentence; Prefect's log would show it as a traceback before that.
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    with _port():
        if not prefect_api_url():
            _start_temporary_server()
        return flow(*arguments)


def _start_temporary_server() -> None:
    """Start the server that Prefect would start by itself, so that it ends after this process, and soon after it.

    Ctrl-C reaches all processes of a terminal. Without its server, Prefect tries for minutes to report the end of the
    flow; so the server never gets Ctrl-C, and Prefect stops it at the end. If we are killed, a watcher stops it.
    """
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_HOME

    home = PREFECT_HOME.value()
    if not home.is_dir() or not may_write(home):  # Prefect has tried to create it, and would wait for two minutes
        raise FlowError(f"Prefect cannot write to {home}; set PREFECT_HOME to a folder that you may write to")

    class Server(SubprocessASGIServer):
        def _run_uvicorn_command(self) -> "subprocess.Popen[Any]":
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # subprocesses inherit it
            try:
                process = super()._run_uvicorn_command()
                command = [sys.executable, "-c", WATCHER, str(process.pid)]
                self.watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return process

    Server().start()  # from now on it is the one that Prefect finds


def serve_deployments(config: Path, started: Callable[[], None]) -> None:
    """Run the deployments of one project until interrupted. Raises FlowError without a Prefect server.

    started: called when the deployments and automations are registered.
    """
    import httpx
    from prefect import serve
    from prefect.settings import PREFECT_API_URL

    from flows import loop

    api_url = PREFECT_API_URL.value()
    if not api_url:
        raise FlowError("no Prefect server to run schedules on; start one and set PREFECT_API_URL")
    put_in_environment(ISITCAKE_CONFIG=str(config.absolute()))  # runs open this project; none comes by parameter
    with _port():
        httpx.get(f"{api_url}/health", timeout=HEALTH_TIMEOUT_S).raise_for_status()
        _require_password(api_url)
        runners: list[Any] = [
            getattr(loop, deployment.flow).to_deployment(
                deployment.name,
                description=deployment.description,
                cron=deployment.cron,
                interval=deployment.interval,
                concurrency_limit=CONCURRENT_RUNS,
            )
            for deployment in DEPLOYMENTS
        ]
        deployment_ids = [runner.apply() for runner in runners]
        for deployment, deployment_id in zip(DEPLOYMENTS, deployment_ids, strict=True):
            if deployment.automation:
                _register(deployment.automation, deployment_id)
        started()
        serve(*runners, print_starting_message=False)


def _require_password(api_url: str) -> None:
    """Raise FlowError where the Prefect server takes orders from anybody."""
    import httpx

    if httpx.post(f"{api_url}/flows/filter", json={"limit": 1}, timeout=HEALTH_TIMEOUT_S).is_success:
        raise FlowError(
            f"the Prefect server at {api_url} has no password: any page in a browser on this machine could run code "
            "there; start it with PREFECT_SERVER_API_AUTH_STRING=user:password and "
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS set to its own address, and set PREFECT_API_AUTH_STRING for this "
            "command"
        )


def _register(automation: Automation, deployment_id: Any) -> None:
    """Create the automation on the Prefect server, or update the one of that name."""
    from prefect.automations import Automation as PrefectAutomation
    from prefect.events.actions import RunDeployment
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.exceptions import PrefectException

    wanted = PrefectAutomation(
        name=automation.name,
        trigger=EventTrigger(expect={automation.event.value}, posture=Posture.Reactive, threshold=1),
        actions=[RunDeployment(source="selected", deployment_id=deployment_id, parameters=dict(automation.parameters))],
    )
    with contextlib.suppress(ValueError, PrefectException):
        existing: Any = PrefectAutomation.read(name=automation.name)
        if existing is not None:
            existing.trigger, existing.actions = wanted.trigger, wanted.actions
            existing.update()
            return
    wanted.create()


@contextlib.contextmanager
def _port() -> Iterator[None]:
    """Turn errors of Prefect and of the network into FlowError."""
    import httpx
    from prefect.exceptions import PrefectException

    try:
        yield
    except IsItCakeError:
        raise
    except (httpx.HTTPError, PrefectException, OSError) as error:
        raise FlowError(_message(error)) from error
    except RuntimeError as error:
        if "reach API" not in str(error) and "ephemeral" not in str(error):
            raise
        raise FlowError(_message(error)) from error


def _message(error: Exception) -> str:
    from prefect.settings import PREFECT_API_URL

    server = PREFECT_API_URL.value() or "its temporary server"
    return (
        f"Prefect at {server} cannot be used ({type(error).__name__}); start it (`prefect server start`) or unset "
        "PREFECT_API_URL; nothing is lost"
    )


def prefect_yaml() -> str:
    """The table as prefect.yaml, for a work pool. Its project is the one that ISITCAKE_CONFIG names."""
    lines = [
        "# Deployments for a work pool: `scripts/worker.sh` registers them and runs them.",
        "# Written by `python -m flows.deployments > prefect.yaml`: change flows/deployments.py, not this file.",
        "# `isitcake serve` keeps the same schedules and automations without a pool: use one or the other.",
        "# The project is the one that ISITCAKE_CONFIG names.",
        "definitions:",
        "  pool: &pool",
        f"    name: {WORK_POOL}",
        "",
        "deployments:",
    ]
    for deployment in DEPLOYMENTS:
        lines += _yaml_lines(deployment)
    return "\n".join(lines) + "\n"


def _yaml_lines(deployment: Deployment) -> list[str]:
    lines = [
        f"  - name: {deployment.name}",
        f"    entrypoint: flows/loop.py:{deployment.flow}",
        f"    description: {json.dumps(deployment.description)}",  # JSON is YAML
        f"    concurrency_limit: {CONCURRENT_RUNS}",
        "    work_pool: *pool",
    ]
    if deployment.cron:
        lines.append(f"    schedules: {json.dumps([{'cron': deployment.cron}])}")
    if deployment.interval:
        lines.append(f"    schedules: {json.dumps([{'interval': int(deployment.interval.total_seconds())}])}")
    if automation := deployment.automation:
        lines += [
            "    triggers:",
            f"      - name: {json.dumps(automation.name)}",
            "        type: event",
            f"        expect: {json.dumps([automation.event])}",
        ]
        if automation.parameters:
            lines.append(f"        parameters: {json.dumps(automation.parameters)}")
    return lines


if __name__ == "__main__":
    sys.stdout.write(prefect_yaml())
