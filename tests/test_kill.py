"""kill -9 anywhere, run again: the same catalog and the same version as undisturbed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from kills import DERIVED, dump, kill_times
from PIL import Image
from projects import write_config
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import digests, fetches, fingerprints, images, outcomes, seen, sightings
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from simulator.internet import Internet
from simulator.world import World

KILLS = 2
PICTURES, COPIES = 160, 9


def test_collect(world: World, tmp_path: Path) -> None:
    """No stored image is downloaded again; outcomes, images and sightings are the same."""
    net = Internet.start(world)
    disturbed = write_config(net, tmp_path / "disturbed")
    kill_times(disturbed.parent, "collect", KILLS)
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


def test_collect_of_folders(tmp_path: Path) -> None:
    """Several batches of two sources, with copies and a file that is no picture: all rows and files are the same."""
    names = ("disturbed", "calm")
    for name in names:
        _two_folders(tmp_path / name)
    kill_times(tmp_path / "disturbed", "collect", KILLS)
    projects = [open_project(tmp_path / name / "isitcake.toml") for name in names]
    for project in projects:
        collect(project).raise_for_failures()
    disturbed, calm = (dump(project, images, sightings, fetches, fingerprints, digests, seen) for project in projects)
    assert len(calm["images"]) == PICTURES
    assert disturbed == calm
    kept = [
        {path.relative_to(project.home) for part in ("blobs", "derived") for path in (project.home / part).rglob("*.*")}
        for project in projects
    ]
    assert kept[0] == kept[1]
    for project in projects:
        with project.catalog.read() as connection:
            rows = connection.execute(select(outcomes.c.image_url, outcomes.c.sha256).distinct()).all()
        assert len(rows) == PICTURES + COPIES + 1  # each candidate has one outcome, whatever the run
        project.close()


def _two_folders(folder: Path) -> None:
    """A project with two sources that are folders. The same pictures each time."""
    sources = ""
    for number, label in enumerate(("cake", "not_cake")):
        (folder / label).mkdir(parents=True)
        sources += f'[[sources]]\nname = "{label}s"\nkind = "folder"\nlabel = "{label}"\npath = "{label}"\n'
        for n in range(number, PICTURES, 2):
            noise = np.random.default_rng(n).integers(0, 255, (25, 25, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((220, 220)).save(folder / label / f"{n:03}.jpg")
    for n in range(0, 2 * COPIES, 2):
        shutil.copy(folder / "cake" / f"{n:03}.jpg", folder / "cake" / f"copy-{n:03}.jpg")
    (folder / "cake" / "notes.txt").write_text("no picture")
    (folder / "isitcake.toml").write_text(f'[project]\nname = "folders"\n\n{sources}')


@pytest.mark.parametrize("command", ["curate", "publish"])
def test_curate_and_publish(collected: Project, tmp_path: Path, command: str) -> None:
    """Derived tables, decisions, splits and the id of the version do not depend on the moment of the kill."""
    calm_folder = tmp_path / "calm"
    if command == "curate":
        with collected.catalog.write() as connection:
            for table in DERIVED:
                connection.execute(table.delete())
    collected.close()  # to copy a file of SQLite, or to open it elsewhere, takes away the locks of who has it open
    shutil.copytree(collected.settings.root, calm_folder)
    kill_times(collected.settings.root, command, KILLS)
    calm = open_project(calm_folder / "isitcake.toml")
    published = []
    for project in (collected, calm):
        curate(project)
        publish(project)
        version = json.loads(next((project.home / "versions").glob("*/version.json")).read_text())
        published.append(version["id"])
        assert [path.name[0] for path in (project.home / "versions").iterdir()] == ["2"]
    assert dump(collected, *DERIVED) == dump(calm, *DERIVED)
    assert published[0] == published[1]
    calm.close()
