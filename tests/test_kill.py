"""kill -9 anywhere, run again: the same catalog and the same version as undisturbed."""

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from projects import write_config
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import (  # fmt: skip
    clusters,
    decisions,
    features,
    fetches,
    findings,
    fingerprints,
    images,
    outcomes,
    pairs,
    queue,
    sightings,
    splits,
)
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from foundation.environment import child_environment
from simulator.internet import Internet
from simulator.world import World

CHANGING = {"id", "run_id", "at", "first_seen", "seen_at", "assigned_at", "decided_at"}
KILLS = 3
MOST_CHANGES = 40  # of the library, before a kill
POLL_S = 0.01
DEADLINE_S = 120


def dump(project: Project, *tables: Any) -> dict[str, list[str]]:
    """Every row without its numbers and times, sorted."""
    with project.catalog.read() as connection:
        return {
            table.name: sorted(
                json.dumps({k: str(v) for k, v in row.items() if k not in CHANGING}, sort_keys=True)
                for row in connection.execute(select(table)).mappings()
            )
            for table in tables
        }


def files(folder: Path) -> set[tuple[str, int, int]]:
    """Every file of the library with its size and time of change."""
    states = set()
    for path in (folder / "library").rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # temporary files come and go
            states.add((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    return states


def changes_before_kill(folder: Path, command: str, kill_after: int) -> int | None:
    """Start the command; kill it, and it alone, when the library changed that often.

    Returns None if it was killed, or the number of changes if it ended before.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", "from isitcake.cli import main; main()", command, "--json"],
        cwd=folder, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    changes, before = 0, files(folder)
    deadline = time.monotonic() + DEADLINE_S
    while changes < kill_after:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
            return changes
        assert time.monotonic() < deadline, f"{command} neither ended nor changed {kill_after} times"
        after = files(folder)
        changes, before = changes + (after != before), after
    process.kill()
    process.wait()
    return None


def kill_three_times(folder: Path, command: str) -> None:
    rng = random.Random(f"{command} 7")
    most, kills = MOST_CHANGES, 0
    while kills < KILLS:
        changes = changes_before_kill(folder, command, rng.randint(min(1, most), most))
        if changes is None:
            kills += 1
        else:
            most = min(changes, most - 1)  # it ended: kill earlier


def test_collect(world: World, tmp_path: Path) -> None:
    """No stored image is downloaded again; outcomes, images and sightings are the same."""
    net = Internet.start(world)
    disturbed = write_config(net, tmp_path / "disturbed")
    kill_three_times(disturbed.parent, "collect")
    project = open_project(disturbed)
    with project.catalog.read() as connection:
        before = {row.fetched_url for row in connection.execute(select(fetches))}
    for server in net.servers:
        server.log.clear()
    collect(project).raise_for_failures()
    bodies = {f"{s.url}{hit.path}" for s in net.servers for hit in s.log if hit.is_image and hit.status == 200}
    assert not bodies & before
    calm = open_project(write_config(net, tmp_path / "calm"))
    collect(calm).raise_for_failures()
    net.stop()
    # A run that ended before its kill counts as a run of its own: compare what the newest run settled.
    assert dump(project, images, sightings, fetches) == dump(calm, images, sightings, fetches)
    settled = [
        sorted({(row.source, row.image_url, row.sha256) for row in connection.execute(select(outcomes))})
        for opened in (project, calm)
        for connection in [opened.catalog.engine.connect()]
    ]
    assert settled[0] == settled[1]
    blobs = [sorted(p.name for p in (opened.home / "blobs").rglob("*.*")) for opened in (project, calm)]
    assert blobs[0] == blobs[1]


@pytest.mark.parametrize("command", ["curate", "publish"])
def test_curate_and_publish(collected: Project, tmp_path: Path, command: str) -> None:
    """Derived tables, decisions, splits and the id of the version do not depend on the moment of the kill."""
    calm_folder = tmp_path / "calm"
    tables = (fingerprints, features, pairs, clusters, findings, queue, decisions, splits)
    if command == "curate":
        with collected.catalog.write() as connection:
            for table in tables:
                connection.execute(table.delete())
    shutil.copytree(collected.settings.root, calm_folder)
    kill_three_times(collected.settings.root, command)
    calm = open_project(calm_folder / "isitcake.toml")
    published = []
    for project in (collected, calm):
        curate(project)
        publish(project)
        version = json.loads(next((project.home / "versions").glob("*/version.json")).read_text())
        published.append(version["id"])
        assert [path.name[0] for path in (project.home / "versions").iterdir()] == ["2"]
    assert dump(collected, *tables) == dump(calm, *tables)
    assert published[0] == published[1]
    calm.close()
