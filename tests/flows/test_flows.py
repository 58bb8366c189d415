"""flows.loop and flows.deployments on a real Prefect server, in processes of their own, as users run them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import IN_FRONT
from small_projects import SmallProject
from sqlalchemy import select

from dataset.catalog.tables import judgements, sightings
from dataset.catalog.writes import append
from dataset.project import Project
from dataset.versions import published
from flows.deployments import DEPLOYMENTS
from flows.loop import NO_STUDIO
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from simulator.servers import Service, prefect_environment, start_prefect
from training import models

DEADLINE_S = 300.0  # other tests may use all cores


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {DEADLINE_S:.0f} s"
        time.sleep(0.3)


def isitcake(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from isitcake.cli import main; main()", *arguments],
        cwd=folder, env=child_environment(**environment), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@contextmanager
def served(folder: Path, prefect: Service, tmp_path: Path, port: int) -> Iterator[httpx.Client]:
    """Run `isitcake serve` in a process; yield a client of its Prefect server."""
    environment = prefect_environment(tmp_path / "prefect", f"{prefect.url}/api", prefect.auth)
    server = subprocess.Popen(
        [sys.executable, "-c", IN_FRONT, "serve", "--port", str(port)],
        cwd=folder, env=child_environment(**environment), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        user, _, password = prefect.auth.partition(":")
        with httpx.Client(base_url=f"{prefect.url}/api", auth=(user, password), timeout=20) as api:
            yield api
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
        server.communicate()


def test_prefect_down_is_one_sentence(collected: Project, tmp_path: Path) -> None:
    """Exit code 1 and no traceback; stages run without Prefect."""
    environment = prefect_environment(tmp_path, f"http://127.0.0.1:{free_ports(1)[0]}/api", "user:password")
    ended = isitcake(collected.settings.root, "run", **environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: Prefect at http://127.0.0.1:")
    assert len(ended.stderr.strip().splitlines()) == 1
    assert isitcake(collected.settings.root, "publish", **environment).returncode == 0


def test_without_label_studio_the_loop_goes_on(tmp_path: Path) -> None:
    """Reviewers answer on the wall. It ended in an error after collecting and curating."""
    small = SmallProject(tmp_path / "p", 12)
    small.configure("things n not_cake CC0", "cakes c cake CC0")
    prefect = str(tmp_path / "prefect")
    ended = isitcake(small.folder, "run", ISITCAKE_LABEL_STUDIO_API_KEY="", PREFECT_HOME=prefect)
    assert ended.returncode == 0, ended.stderr
    assert "published 20" in ended.stdout
    assert NO_STUDIO in " ".join(ended.stderr.split())


@pytest.fixture
def own_prefect(tmp_path: Path) -> Iterator[Service]:
    """A new Prefect server, without runs and automations of other tests."""
    service = start_prefect(tmp_path / "own-prefect", free_ports(1)[0])
    try:
        service.wait("/api/health")
        yield service
    finally:
        service.stop()


def test_publish_and_train_as_flows(trained: Project, own_prefect: Service, tmp_path: Path) -> None:
    """`serve` registers the table of deployments; the event of a new version starts a training on it.

    After wrong answers about bakers that are trained on, the new model is not promoted: the default model stays.
    """
    port = free_ports(1)[0]
    before = models.find(trained.home)
    version = published.load(trained.home, before.version)
    bakers = sorted({row.site for row in version.rows() if row.split == "train" and row.source_label == "cake"})
    with trained.catalog.write() as connection:
        rows = connection.execute(
            select(judgements).join(sightings, sightings.c.sha256 == judgements.c.sha256)
            .where(sightings.c.source.in_(bakers[:3]))
        ).all()  # fmt: skip
        now = datetime.now(UTC)
        append(connection, judgements, [
            {"sha256": row.sha256, "reviewer": row.reviewer, "origin": "import", "external_id": f"not {row.sha256}",
             "answer": {"cake": "not_cake", "not_cake": "cake"}[row.answer], "answered_at": now, "recorded_at": now}
            for row in rows])  # fmt: skip
    with served(trained.settings.root, own_prefect, tmp_path, port) as api:

        def automations() -> dict[str, Any]:
            return {automation["name"]: automation for automation in api.post("/automations/filter", json={}).json()}

        wait_for(lambda: len(automations()) == 2, "automations")
        deployments = {deployment["name"]: deployment for deployment in api.post("/deployments/filter", json={}).json()}
        assert set(deployments) == {deployment.name for deployment in DEPLOYMENTS}
        assert deployments["weekly"]["schedules"][0]["schedule"]["cron"] == "0 4 * * 1"
        assert deployments["frequent"]["schedules"][0]["schedule"]["interval"] == 300
        for expected in [deployment.automation for deployment in DEPLOYMENTS if deployment.automation]:
            registered = automations()[expected.name]
            assert registered["trigger"]["expect"] == [expected.event]
            assert registered["actions"][0]["parameters"] == dict(expected.parameters)
        assert httpx.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok"}
        new_run = f"/deployments/{deployments['on-answers']['id']}/create_flow_run"
        # On SQLite Prefect answers 503 while another writer holds its database; its own client repeats, too.
        wait_for(lambda: api.post(new_run, json={}).is_success, "flow run")
        wait_for(lambda: len(published.names(trained.home)) == 2, "second version")
        newest = published.names(trained.home)[-1]

        def descriptions() -> list[str]:
            artifacts = api.post("/artifacts/filter", json={"artifacts": {"key": {"any_": ["leaderboard"]}}}).json()
            return [each["description"] for each in artifacts if each["description"].startswith(f"{newest}: ")]

        wait_for(descriptions, "training on the second version")
        (description, *_) = descriptions()
        assert f"balanced/{newest} not promoted: " in description
        assert models.default_model_id(trained.home) == before.id
        model = trained.home / "models" / "balanced" / newest / "metrics.json"
        assert json.loads(model.read_text())["version_id"] == published.load(trained.home, newest).id

        def artifacts() -> set[str]:
            return {artifact["key"] for artifact in api.post("/artifacts/filter", json={}).json()}

        assert {"curated", "published", "contact-sheet", "leaderboard"} <= artifacts()
        assert (trained.home / "reports" / f"{newest}.jpg").is_file()


def test_serve_needs_a_server(collected: Project, tmp_path: Path) -> None:
    """A Prefect server that is configured but does not run is reported at once."""
    environment = prefect_environment(tmp_path, f"http://127.0.0.1:{free_ports(1)[0]}/api", "user:password")
    ended = isitcake(collected.settings.root, "serve", "--port", str(free_ports(1)[0]), **environment)
    assert ended.returncode == 1
    assert "cannot be used" in ended.stderr


@pytest.mark.slow  # it imports a server
@pytest.mark.parametrize("module", ["prefect.server.api.server", "fastapi"])
def test_prefect_server_can_be_imported(module: str) -> None:
    """Prefect 3.8 does not work with a newer FastAPI than the pinned one (docs/decisions/0002)."""
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, capture_output=True)
