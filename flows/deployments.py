"""Schedules and triggers: what runs when, on a Prefect server."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect import serve
from prefect.automations import Automation
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_API_URL

from flows import loop
from foundation.errors import FlowError, IsItCakeError

WEEKLY = "0 4 * * 1"  # Mondays at four
PULL_EVERY = timedelta(minutes=5)

Answer = TypeVar("Answer")


def run(flow: Callable[..., Answer], *arguments: Any) -> Answer:
    """Run a flow here and now. Raises FlowError where Prefect is out of reach; our own errors as they are."""
    # What failed is raised as one sentence; Prefect's log would show it as a traceback first.
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    with _port():
        return flow(*arguments)


def serve_deployments(config: Path, started: Callable[[], None]) -> None:
    """Keep the deployments, until interrupted. Raises FlowError where there is no Prefect server."""
    if not PREFECT_API_URL.value():
        raise FlowError("no Prefect server to serve on; start one and set PREFECT_API_URL")
    parameters = {"config": str(config)}
    with _port():
        _reachable(str(PREFECT_API_URL.value()))
        parts: list[Any] = [
            loop.collect.to_deployment("weekly", cron=WEEKLY, parameters=parameters, concurrency_limit=1),
            loop.review_pull.to_deployment("frequent", interval=PULL_EVERY, parameters=parameters, concurrency_limit=1),
            loop.publish.to_deployment("on-answers", parameters=parameters, concurrency_limit=1),
            loop.train.to_deployment("on-version", parameters=parameters, concurrency_limit=1),
            loop.refresh.to_deployment("by-hand", parameters=parameters, concurrency_limit=1),
        ]
        ids = {part.name: part.apply() for part in parts}
        _automate(
            "isitcake: publish when a review round is finished", loop.ROUND_FINISHED, ids["on-answers"], parameters
        )
        version = {"__prefect_kind": "jinja", "template": "{{ event.payload.version }}"}
        _automate(
            "isitcake: train on a new version",
            loop.PUBLISHED,
            ids["on-version"],
            {**parameters, "version": version, "by_event": True},
        )
        started()
        serve(*parts, print_starting_message=False)


def _automate(name: str, event: str, deployment: Any, parameters: dict[str, Any]) -> None:
    """Create the automation, or bring it up to date."""
    wanted = Automation(
        name=name,
        trigger=EventTrigger(expect={event}, posture=Posture.Reactive, threshold=1),
        actions=[RunDeployment(source="selected", deployment_id=deployment, parameters=parameters)],
    )
    with contextlib.suppress(ValueError, PrefectException):
        before: Any = Automation.read(name=name)
        if before is not None:
            before.trigger, before.actions = wanted.trigger, wanted.actions
            before.update()
            return
    wanted.create()


def _reachable(api_url: str) -> None:
    httpx.get(f"{api_url}/health", timeout=10).raise_for_status()


@contextlib.contextmanager
def _port() -> Iterator[None]:
    """Where Prefect's and the network's errors become ours."""
    try:
        yield
    except IsItCakeError:
        raise
    except (httpx.HTTPError, PrefectException, OSError) as error:
        raise FlowError(_explain(error)) from error
    except RuntimeError as error:
        if "reach API" not in str(error):
            raise
        raise FlowError(_explain(error)) from error


def _explain(error: Exception) -> str:
    where = PREFECT_API_URL.value() or "its temporary server"
    return (
        f"Prefect at {where} cannot be used ({type(error).__name__}); start it (`prefect server start`) or unset "
        "PREFECT_API_URL; nothing is lost"
    )
