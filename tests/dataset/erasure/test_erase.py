"""Taken down everywhere, and versions keep their ids."""

import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset
from sqlalchemy import func, select

from dataset.catalog.tables import erasures, fingerprints, sightings
from dataset.curate import curate
from dataset.erasure.erase import erase, finish
from dataset.erasure.restored import still_here
from dataset.erasure.tombstones import Erased
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published, verify
from foundation.errors import UsageError
from web.pages.report import write_report


def chosen(project: Project) -> tuple[str, str, bytes]:
    """SHA-256, address and bytes of an image in the newest version."""
    version = published.newest(project.home)
    assert version is not None
    row = next(row for row in version.rows() if row.split == "train")
    return row.sha256, row.image_url, project.blobs.path(row.sha256, row.format).read_bytes()


def traces(home: Path, *needles: bytes) -> list[str]:
    """Files that hold any of the needles; tombstones apart, which hold hashes and are meant to."""
    found = []
    for path in home.rglob("*"):
        if path.is_file() and any(needle in path.read_bytes() or needle in str(path).encode() for needle in needles):
            found.append(str(path.relative_to(home)))
    return found


def test_nothing_of_it_is_left_and_the_version_is_the_same(published_project: Project) -> None:
    """No byte, row, thumbnail or address; the id is unchanged; verify passes; Hugging Face still loads it."""
    write_report(published_project)
    sha256, url, content = chosen(published_project)
    before = published.newest(published_project.home)
    assert before is not None
    with published_project.catalog.read() as connection:
        looks = connection.execute(select(fingerprints.c.phash16).where(fingerprints.c.sha256 == sha256)).scalar_one()
    assert len(traces(published_project.home, sha256[:16].encode(), url.encode(), content)) > 3
    report = erase(published_project, "the maker asked", url=url)
    assert report.images >= 1
    assert report.versions == [before.name]
    assert traces(published_project.home, url.encode(), content[-300:-100]) == []
    left = traces(published_project.home, sha256[:16].encode())
    assert left == ["catalog.db"]  # the tombstone and the journal
    after = published.load(published_project.home, before.name)
    assert after.id == before.id
    proof = verify.verify(published_project.home, before.name)
    assert proof.problems == []
    assert proof.images == before.images - report.images
    loaded = load_dataset(str(after.path))
    assert sum(len(part) for part in loaded.values()) == proof.images
    with published_project.catalog.read() as connection:
        erased = Erased.read(connection)
        assert erased.has_url(url)
        assert sha256 in erased.bytes_
        assert looks
    curate(published_project)
    publish(published_project)
    assert verify.verify(published_project.home, published.names(published_project.home)[-1]).problems == []


def test_by_site_and_what_is_wrong_with_a_request(published_project: Project) -> None:
    with published_project.catalog.read() as connection:
        counted = select(sightings.c.site).group_by(sightings.c.site).order_by(func.count().desc()).limit(1)
        site = connection.execute(counted).scalar_one()
    would = erase(published_project, "asked", site=site, dry_run=True)
    assert would.images > 5
    assert would.note == "nothing was done"
    for words in ({}, {"site": site, "url": "x"}):
        with pytest.raises(UsageError, match="name what to erase"):
            erase(published_project, "asked", **words)
    with pytest.raises(UsageError, match="say why"):
        erase(published_project, " ", site=site)
    done = erase(published_project, "asked", site=site)
    assert done.images == would.images
    (name,) = published.names(published_project.home)
    assert verify.verify(published_project.home, name).problems == []
    assert all(row.site != site for row in published.load(published_project.home, name).rows())
    assert erase(published_project, "asked", site=site).images == 0


def test_a_restored_backup_is_caught(published_project: Project) -> None:
    sha256, _, _ = chosen(published_project)
    (name,) = published.names(published_project.home)
    path = published.load(published_project.home, name).path
    kept = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    erase(published_project, "asked", sha256=sha256)
    assert still_here(published_project, published.load(published_project.home, name)) == []
    for file, content in kept.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content)
    (path / published.ERASED).unlink()
    (restored,) = still_here(published_project, published.load(published_project.home, name))
    assert sha256[:16] in restored


@pytest.mark.parametrize("step", range(10))
def test_killed_anywhere_the_next_command_finishes(published_project: Project, step: int) -> None:
    """kill -9 before the n-th change of a file, or of the catalog, in the middle of it."""
    sha256, url, content = chosen(published_project)
    before = published.newest(published_project.home)
    assert before is not None
    config = published_project.settings.config_path
    killed = subprocess.run([sys.executable, "-c", KILLED, str(config), sha256, str(step)], check=False)
    assert killed.returncode == -9
    reopened = open_project(config)
    with reopened.catalog.read() as connection:
        assert connection.execute(select(erasures).where(erasures.c.done_at.is_(None))).first() is None
    if step == 0:  # before anything was noted: it is as if nobody had asked
        erase(reopened, "asked", sha256=sha256)
    reopened.close()
    assert traces(published_project.home, url.encode(), content[-300:-100]) == []
    proof = verify.verify(published_project.home, before.name)
    assert (proof.problems, proof.id) == ([], before.id)
    assert finish(published_project).images == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from dataset.erasure import erase as stage
from dataset.versions import manifest
from dataset.opening import open_project

left = int(sys.argv[3])

def counted(act):
    def acting(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return act(*args, **kwargs)
    return acting

project = open_project(Path(sys.argv[1]))
stage._bury = counted(stage._bury)
stage.replace_file = counted(stage.replace_file)
manifest.replace_file = counted(manifest.replace_file)
Path.unlink = counted(Path.unlink)
stage._from_catalog = counted(stage._from_catalog)
stage.erase(project, "asked", sha256=sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""
