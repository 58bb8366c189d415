"""kill -9 anywhere, run again: the same catalog and the same version as undisturbed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
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

MOVES = {"id", "run_id", "at", "first_seen", "seen_at", "assigned_at", "decided_at"}
KILLS = 3


def dump(project: Project, *tables: Any) -> dict[str, list[str]]:
    """Every row but for numbers and times, in an order of its own."""
    with project.catalog.read() as connection:
        return {
            table.name: sorted(
                json.dumps({k: str(v) for k, v in row.items() if k not in MOVES}, sort_keys=True)
                for row in connection.execute(select(table)).mappings()
            )
            for table in tables
        }


def killed(folder: Path, command: str, after_s: float) -> bool:
    """Start the command and kill it, and it alone, after a time. Returns whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from isitcake.cli import main; main()", command, "--json"],
        cwd=folder, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def killed_three_times(folder: Path, command: str, low_s: float, high_s: float) -> None:
    rng = random.Random(f"{command} 7")
    caught = 0
    while caught < KILLS:
        if killed(folder, command, rng.uniform(low_s, high_s)):
            caught += 1
        else:
            high_s = max(low_s, high_s * 0.7)  # it was through: earlier next time
            low_s *= 0.7


def test_collect(world: World, tmp_path: Path) -> None:
    """No stored image is asked for again, and outcomes, images and sightings are the same."""
    net = Internet.start(world)
    disturbed = write_config(net, tmp_path / "disturbed")
    killed_three_times(disturbed.parent, "collect", 2.0, 9.0)
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


@pytest.mark.parametrize(("command", "low_s", "high_s"), [("curate", 1.0, 3.0), ("publish", 1.0, 2.2)])
def test_curate_and_publish(collected: Project, tmp_path: Path, command: str, low_s: float, high_s: float) -> None:
    """Derived tables, decisions, splits and the version's id do not depend on where it was killed."""
    calm_folder = tmp_path / "calm"
    tables = (fingerprints, features, pairs, clusters, findings, queue, decisions, splits)
    if command == "curate":
        with collected.catalog.write() as connection:
            for table in tables:
                connection.execute(table.delete())
    shutil.copytree(collected.settings.root, calm_folder)
    killed_three_times(collected.settings.root, command, low_s, high_s)
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
