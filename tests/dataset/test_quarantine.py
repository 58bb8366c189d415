"""dataset/quarantine.py: an original that goes bad is said, left out and listed; everything else goes on."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import here
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.ledger.listing import list_outcomes
from dataset.catalog.tables import images, quarantined, splits
from dataset.curate import curate
from dataset.damage import damaged_originals
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from foundation.errors import StorageError
from labeling.queue import next_items
from simulator import drawings
from web.pages.report import report_html
from web.pages.source import source_html

PICTURES = 4  # of each label


@pytest.fixture(scope="module")
def collected_drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two folders of drawings, collected, to copy from."""
    folder = tmp_path_factory.mktemp("drawings")
    text = '[project]\nlabels = ["cake", "not_cake"]\n'
    for label, draw in (("cake", drawings.cake), ("not_cake", drawings.biscuits)):
        (folder / label).mkdir()
        text += f'[[sources]]\nname = "{label}"\nkind = "folder"\nlabel = "{label}"\npath = "{label}"\n'
        for number in range(PICTURES):
            (folder / label / f"{number}.jpg").write_bytes(draw(random.Random(f"{label} {number}")))
    (folder / "isitcake.toml").write_text(text)
    opened = open_project(folder)
    collect(opened).raise_for_failures()
    opened.close()
    return folder


@pytest.fixture
def project(collected_drawings: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with those drawings."""
    shutil.copytree(collected_drawings, tmp_path, dirs_exist_ok=True)
    opened = open_project(tmp_path)
    yield opened
    opened.close()


def original(project: Project) -> tuple[str, Path]:
    """SHA-256 and file of one image."""
    with project.catalog.read() as connection:
        image = connection.execute(select(images).order_by(images.c.sha256)).first()
    assert image
    path = project.blobs.path(image.sha256, image.format)
    path.chmod(0o644)
    return image.sha256, path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


BREAK: dict[str, Callable[[Path], object]] = {
    "bit rot": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:2000]),
    "missing": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(b"not what it was" * 30),
}


def held(project: Project) -> set[str]:
    """SHA-256s of the newest version."""
    newest = published.newest(project.home)
    assert newest
    return {row.sha256 for row in newest.rows()}


def has_split(project: Project, sha256: str) -> bool:
    with project.catalog.read() as connection:
        return connection.execute(select(splits).where(splits.c.sha256 == sha256)).first() is not None


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("bit rot", "before curate"),
        ("missing", "before curate"),
        ("bit rot", "before publish"),
        ("truncated", "after publish"),
        ("garbage", "after publish"),
    ],
)
def test_a_broken_original_is_left_out_until_it_is_restored(fault: str, when: str, project: Project) -> None:
    """Data F2: curate, publish, review, report and status go on; the image is listed, and comes back by itself."""
    sha256, path = original(project)
    content = path.read_bytes()
    if when != "before curate":
        curate(project)
    if when == "after publish":
        publish(project)
        assert sha256 in held(project)
    BREAK[fault](path)
    if when == "before curate":
        report = curate(project)
        assert report.images == 2 * PICTURES - 1
        assert report.line().count(sha256) == 1
    assert publish(project).line().count(str(path)) == 1
    assert has_split(project, sha256) == (when == "after publish")  # a picture that stays out changes no other split
    assert sha256 not in held(project)
    assert len(held(project)) >= PICTURES
    assert sha256 not in {item["sha256"] for item in next_items(project, 100)}
    assert [one.sha256 for name in ("cake", "not_cake") for one in list_outcomes(project, name, "quarantined")] == [
        sha256
    ]
    assert any(sha256 in line for line in damaged_originals(project))
    assert "in quarantine" in report_html(project)
    assert "quarantined" in source_html(project, "cake") + source_html(project, "not_cake")
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    assert curate(project).quarantined == []
    publish(project)
    assert sha256 in held(project)
    assert damaged_originals(project) == []


def test_collecting_again_restores_an_original(project: Project) -> None:
    """Data F2: its source still has the bytes."""
    sha256, path = original(project)
    flip(path)
    assert len(curate(project).quarantined) == 1
    collect(project)
    assert curate(project).quarantined == []
    publish(project)
    assert sha256 in held(project)


def test_a_broken_original_can_be_erased(project: Project) -> None:
    """Data F2: and nothing of it is listed any more."""
    sha256, path = original(project)
    flip(path)
    curate(project)
    assert erase(project, Selection(Kind.SHA256, sha256), "asked for").images == 1
    assert not path.exists()
    with project.catalog.read() as connection:
        assert connection.execute(select(quarantined)).all() == []
    assert curate(project).images == 2 * PICTURES - 1


def test_a_lost_disk_is_no_quarantine(project: Project) -> None:
    """When all originals are gone at once, their disk is; nothing is changed."""
    blobs = project.home / "blobs"
    blobs.rename(project.home / "elsewhere")
    with pytest.raises(StorageError, match="is gone; mount its disk"):
        curate(project)
    (project.home / "elsewhere").rename(blobs)
    assert curate(project).quarantined == []


def test_status_and_the_command_list_it(project: Project) -> None:
    """Data F2: `status --json` and `outcomes --outcome quarantined` name the image."""
    sha256, path = original(project)
    flip(path)
    curate(project)
    folder = project.settings.root
    state = json.loads(here(folder, "status", "--json").stdout)
    assert state["damaged_originals"] == [f"{path} is not what was stored"]
    found = [json.loads(here(folder, "outcomes", name, "--json").stdout) for name in ("cake", "not_cake")]
    by_outcome = {one["sha256"]: one["outcome"] for listing in found for one in listing}
    assert by_outcome[sha256] == "quarantined"
    assert sorted(by_outcome.values()) == ["quarantined"] + ["stored"] * (2 * PICTURES - 1)
    assert "no outcome 'lost'" in here(folder, "outcomes", "cake", "--outcome", "lost").stderr
