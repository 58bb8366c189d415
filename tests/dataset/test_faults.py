"""Every fault of the table: each command ends with a result or with one sentence that names it, and nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import apart, here
from faults import FAULTS, GONE, Fault, newest, published_picture, rewrite, some_original, try_fault

from dataset.catalog.tables import versions as versions_table
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify
from labeling.answer_files import import_answers
from labeling.queue import next_items


@pytest.fixture
def folder(published_home: Path, tmp_path: Path) -> Path:
    """The folder of a project with one version, closed."""
    shutil.copytree(published_home, tmp_path / "project")
    return tmp_path / "project"


def answer_one(project: Project) -> None:
    """Change what the next version holds."""
    chosen = next_items(project, 1)[0]["sha256"]
    path = project.settings.root / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{chosen},unusable,ann\n")
    import_answers(project, path)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_and_takes_nothing_else(fault: Fault, folder: Path) -> None:
    """Security 21, 27, 29, 31 and 33: catalog, versions and originals that are empty, cut, lost or of another shape."""
    assert try_fault(fault, folder).problems == []


def test_a_lost_catalog_is_not_replaced(folder: Path) -> None:
    """Security 31: the empty file stays as it is, so that nobody takes a new catalog for the old one."""
    catalog = folder / "library" / "catalog.db"
    for path in catalog.parent.glob("catalog.db*"):
        path.unlink()
    catalog.touch()
    for command in ("curate", "publish", "collect"):
        assert "restore the catalog from a backup" in here(folder, command).sentence()
    assert catalog.stat().st_size == 0


@pytest.mark.parametrize("content", [GONE, GONE[:5], b""])
def test_a_damaged_normalised_picture_is_made_again(folder: Path, content: bytes) -> None:
    """Security 25: no version gets it, and the version that shares the file gets its picture back."""
    project = open_project(folder)
    name = published.names(project.home)[0]
    row = next(row for row in published.load(project.home, name).rows() if row.split == "train")
    picture = project.normalised.path(row.sha256)
    in_version = project.home / "versions" / name / row.file
    in_version.unlink()
    os.link(picture, in_version)  # copying the library for this test made two files of it
    rewrite(picture, content.ljust(picture.stat().st_size, b"x") if content == GONE else content)
    assert verify(project.home, name).problems
    answer_one(project)
    report = publish(project)
    assert any("were damaged and were made again" in note for note in report.notes)
    for version in published.names(project.home):
        assert verify(project.home, version).problems == []
    project.close()


def test_a_picture_that_cannot_be_made_again_is_not_published(folder: Path) -> None:
    """Security 25: its original is damaged too; publishing says which file it needs, and leaves the image out."""
    project = open_project(folder)
    row = published.load(project.home, published.names(project.home)[0]).rows()[0]
    rewrite(project.normalised.path(row.sha256), GONE)
    rewrite(project.blobs.path(row.sha256, row.format), GONE)
    answer_one(project)
    project.close()
    ended = here(folder, "publish")
    assert ended.returncode == 0
    assert row.sha256 in ended.stdout
    version = published.newest(folder / "library")
    assert version
    assert len(published.names(folder / "library")) == 2
    assert row.sha256 not in {one.sha256 for one in version.rows()}
    assert verify(folder / "library", version.name).problems == []
    assert not list((folder / "library" / "versions").glob(".building-*"))


def test_the_name_of_a_removed_version_is_not_used_for_another(folder: Path) -> None:
    """Security 26: other content gets another name; the same content is made again as it was."""
    project = open_project(folder)
    first = published.load(project.home, published.names(project.home)[0])
    shutil.rmtree(first.path)
    assert publish(project).version == first.name
    assert published.load(project.home, first.name).id == first.id
    shutil.rmtree(first.path)
    answer_one(project)
    second = publish(project).version
    assert second is not None
    assert published.order(second) > published.order(first.name)
    with project.catalog.read() as connection:
        recorded = {row.name: row.id for row in connection.execute(versions_table.select())}
    assert recorded == {first.name: first.id, second: published.load(project.home, second).id}
    project.close()


def test_a_clock_that_went_back_is_said(folder: Path) -> None:
    """Security 26: no version is created before its parent."""
    project = open_project(folder)
    parent = published.newest(project.home)
    assert parent is not None
    answer_one(project)
    report = publish(project, datetime.now(UTC) - timedelta(days=3000))
    version = published.newest(project.home)
    assert version is not None
    assert version.parent == parent.name
    assert datetime.fromisoformat(version.created) >= datetime.fromisoformat(parent.created)
    assert "set the clock" in report.line()
    project.close()


def test_a_report_that_a_kill_prevented_is_written(folder: Path) -> None:
    """Security 23: a publish was killed between version and report; the next one writes both pages."""
    name = newest(folder / "library").name
    reports = folder / "library" / "reports"
    assert not (reports / f"{name}.html").exists()
    assert here(folder, "publish").returncode == 0
    assert (reports / f"{name}.html").is_file()
    assert (reports / f"{name}.jpg").is_file()


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """The project on a file system of its own, with room for it."""
    place = folder.parent / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs here")
    shutil.copytree(folder, place / "project")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, left: int) -> Path:
    """Fill a file system until so many bytes are left."""
    state = os.statvfs(place)
    filler = place / "filler"
    filler.write_bytes(b"x" * max(0, state.f_bavail * state.f_frsize - left))
    return filler


@pytest.mark.parametrize("left", [0, 60_000, 200_000])
def test_a_disk_that_fills_while_publishing(disk: Path, left: int) -> None:
    """Security 22: one sentence, nothing half; with room, the next publish makes the version."""
    project = open_project(disk / "project")
    answer_one(project)
    project.close()
    before = published.names(disk / "project" / "library")
    filler = fill(disk, left)
    assert "no room left on the disk" in here(disk / "project", "publish").sentence()
    assert not list((disk / "project" / "library" / "versions").glob(".building-*"))
    filler.unlink()
    assert here(disk / "project", "publish").returncode == 0
    names = published.names(disk / "project" / "library")
    assert len(names) == len(before) + 1
    assert verify(disk / "project" / "library", names[-1]).problems == []


READING = (
    ("status",), ("review", "next"), ("review", "status"), ("review", "aside"), ("review", "reviewers"),
    ("models", "list"), ("versions", "list"), ("report", "--to", "{outside}/report.html"), ("why", "{sha256}"),
    ("versions", "verify", "{version}"), ("versions", "show", "{version}"),
)  # fmt: skip
WRITING = (("curate",), ("publish",), ("collect",), ("erase", "--sha256", "ab" * 32, "--reason", "asked"), ("report",))


@pytest.mark.parametrize("left_open", ["closed", "killed", "killed, and its index is gone"])
def test_a_read_only_library(disk: Path, left_open: str) -> None:
    """Security 24: what reads works, also where a killed program left its write-ahead log; what writes says which
    folder is read-only.
    """
    home = disk / "project" / "library"
    names = {"outside": str(disk.parent), "version": newest(home).name, "sha256": some_original(home).stem}
    if left_open != "closed":
        script = (
            "import os, signal; from pathlib import Path; from dataset.opening import open_project\n"
            "from dataset.catalog.tables import cursors\n"
            "with open_project(Path('isitcake.toml')).catalog.write() as connection:\n"
            "    connection.execute(cursors.insert().values(name='left', value='in the log'))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        subprocess.run([sys.executable, "-c", script], cwd=disk / "project", check=False)
        assert (home / "catalog.db-wal").stat().st_size
    if left_open.endswith("gone"):
        (home / "catalog.db-shm").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for command in READING:
        ended = here(disk / "project", *(part.format(**names) for part in command))
        assert ended.returncode == 0, (command, ended.stderr)
    project = open_project(disk / "project", reads_only=True)
    with project.catalog.read() as connection:
        found = connection.exec_driver_sql("SELECT value FROM cursors WHERE name = 'left'").scalar()
    assert found == (None if left_open == "closed" else "in the log")
    project.close()
    for arguments in WRITING:
        assert str(home) in here(disk / "project", *arguments).sentence(2)
    assert "only commands that read work" in " ".join(here(disk / "project", "doctor").stdout.split())


def test_an_interrupted_erasure_is_not_shown_by_a_read_only_library(disk: Path) -> None:
    """What is to be erased is not listed; the sentence says where to finish."""
    project = open_project(disk / "project")
    sha256 = some_original(project.home).stem

    def stop(step: str) -> None:
        if step.startswith("original of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase(project, Selection(Kind.SHA256, sha256), "asked", before=stop)
    project.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert "an erasure was interrupted" in here(disk / "project", "review", "next").sentence()


def test_status_as_json_lists_damage(folder: Path) -> None:
    """Security 27: for scripts."""
    rewrite(some_original(folder / "library"), GONE)
    state = json.loads(here(folder, "status", "--json").stdout)
    assert len(state["damaged_originals"]) == 1
    assert state["damaged_versions"] == {}


def test_a_picture_of_the_same_size_that_is_not_what_was_stored_is_found(folder: Path) -> None:
    """Security 27: in a small library every original is hashed."""
    original = some_original(folder / "library")
    rewrite(original, b"x" * original.stat().st_size)
    state = json.loads(here(folder, "status", "--json").stdout)
    assert state["damaged_originals"] == [f"{original} is not what was stored"]


def test_published_pictures_are_there(folder: Path) -> None:
    """The helpers of this file find what they break."""
    assert published_picture(folder / "library").is_file()
    assert apart(folder, "versions", "list").returncode == 0
