"""A list that comes after a picture was stored: the picture is erased by the next curate or publish."""

import contextlib
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import here
from crawling import photo
from PIL import Image
from small_projects import SmallProject, smaller
from sqlalchemy import select

from crawlers.ledger.ledger import Ledger
from crawlers.ledger.rows import Download, RunTotals
from dataset.catalog.tables import images
from dataset.erasure.erase import erase_all
from dataset.erasure.erase_listed import erase_listed
from dataset.exports.pushed_to import push_begins
from dataset.opening import open_project
from dataset.versions import published


@pytest.fixture
def small(tmp_path: Path) -> SmallProject:
    """Eight pictures in a version."""
    project = SmallProject(tmp_path)
    project.configure("cups n not_cake own", "cakes c cake own")
    project.run("collect", "curate", "publish")
    return project


def with_list(folder: Path, *contents: bytes) -> None:
    (folder / "late.txt").write_text("\n".join(hashlib.md5(content).hexdigest() for content in contents))
    path = folder / "isitcake.toml"
    if "[safety]" not in path.read_text():
        path.write_text(f'{path.read_text()}\n[safety]\nhash_lists = ["late.txt"]\ncontact = "the hotline"\n')


def names(folder: Path) -> set[str]:
    with open_project(folder).catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())


@pytest.mark.parametrize("command", ["curate", "publish"])
def test_a_stored_picture_leaves_library_and_versions(command: str, small: SmallProject) -> None:
    victim = sorted((small.folder / "c").iterdir())[0].read_bytes()
    sha256 = hashlib.sha256(victim).hexdigest()
    assert sha256 in names(small.folder)
    with_list(small.folder, victim)
    library = small.folder / "library"
    before = published.newest(library)
    assert before is not None
    push_begins(library, "hf://ann/cakes", before)
    printed = " ".join(small.run(command)[0].split())
    assert "1 picture on a hash list (late.txt 1) was erased; tell the hotline" in printed
    assert "run `isitcake versions push hf://ann/cakes` to remove the erased pictures there, too" in printed
    assert sha256 not in names(small.folder)
    assert [path for path in library.rglob(f"*{sha256[:16]}*") if path.is_file()] == []
    version = published.newest(library)
    assert version is not None
    assert sha256 not in {row.sha256 for row in version.rows()}
    assert "hash list" not in small.run(command)[0]  # told once; the lists did not change
    assert json.loads(here(small.folder, "curate", "--json").stdout)["listed"]["by_list"] == {}


def test_lists_that_have_half_the_library_are_the_wrong_files(tmp_path: Path) -> None:
    """Nothing is erased, and the message says what to do."""
    project = SmallProject(tmp_path, pictures=14)
    project.configure("cups n not_cake own", "cakes c cake own")
    project.run("collect")
    before = names(tmp_path)
    with_list(tmp_path, *(path.read_bytes() for path in sorted((tmp_path / "c").iterdir())))
    said = here(tmp_path, "curate").sentence()
    assert "so many that they are probably the wrong files; nothing was erased" in said
    assert names(tmp_path) == before


@pytest.mark.parametrize("is_there", [False, True])
def test_a_picture_whose_original_was_lost_is_compared_when_it_is_back(is_there: bool, small: SmallProject) -> None:
    """First its bytes are gone or other ones, then it is in quarantine; restored, the same list still erases it."""
    victim = sorted((small.folder / "c").iterdir())[0].read_bytes()
    sha256 = hashlib.sha256(victim).hexdigest()
    with_list(small.folder, victim)
    with contextlib.closing(open_project(small.folder)) as project:
        with project.catalog.read() as connection:
            picture = connection.execute(select(images).where(images.c.sha256 == sha256)).one()
        project.blobs.discard(sha256)
        if is_there:
            project.blobs.path(sha256, picture.format).write_bytes(b"damaged")
        small.run("curate", "curate")
        assert sha256 in names(small.folder)
        project.blobs.discard(sha256)
        project.blobs.put(victim, picture.format)
    assert "1 picture on a hash list" in " ".join(small.run("publish")[0].split())
    assert sha256 not in names(small.folder)
    for version in published.listing(small.folder / "library"):
        assert sha256 not in {row.sha256 for row in version.rows()}


def begun(folder: Path, source: str) -> Ledger:
    """A run of a source that has just begun, with the lists as they are now."""
    project = open_project(folder)
    return Ledger(project, project.settings.source(source), datetime.now(UTC))


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_list_that_came_during_a_run_holds_for_what_the_run_stored(is_killed: bool, small: SmallProject) -> None:
    """The other pictures were compared with the new list before the run stored its last one."""
    with_list(small.folder, b"another picture")
    content = photo(77)
    sha256 = hashlib.sha256(content).hexdigest()
    ledger = begun(small.folder, "cakes")
    with_list(small.folder, b"another picture", content)
    small.run("curate")
    assert ledger.accept("folder:cakes/late.jpg", "folder:cakes", Download(content, "folder:cakes/late.jpg")) == sha256
    if not is_killed:
        ledger.finish(RunTotals(0, 1, 0), [])
    assert sha256 in names(small.folder)
    assert "1 picture on a hash list (late.txt 1) was erased" in " ".join(small.run("curate")[0].split())
    assert sha256 not in names(small.folder)
    assert "hash list" not in small.run("curate")[0]


def test_only_pictures_that_these_lists_were_not_compared_with_are_compared(small: SmallProject) -> None:
    """New pictures were compared when they were collected, also by a project that had no list before."""
    with_list(small.folder, b"another picture")
    Image.new("RGB", (300, 300), "red").save(small.folder / "c" / "new.png")
    small.run("collect")
    compared: list[tuple[int, int]] = []
    for content in (b"another picture", b"a third one"):
        with_list(small.folder, content)
        with contextlib.closing(open_project(small.folder)) as project:
            for _ in range(2):
                erase_listed(project, lambda _step, done, total: compared.append((done, total)))
    assert compared == [(8, 8), (9, 9)]


def test_all_listed_pictures_are_erased_in_one_go(tmp_path: Path) -> None:
    """With their copies, from several lists; the catalog's file is rewritten once."""
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own", "cakes c cake own")
    first, second = (path.read_bytes() for path in sorted((tmp_path / "c").iterdir())[:2])
    (tmp_path / "c" / "copy.jpg").write_bytes(smaller(first))
    small.run("collect", "curate")
    steps: list[str] = []
    with contextlib.closing(open_project(tmp_path)) as project:
        reasons = {hashlib.sha256(one).hexdigest(): f"on {name}" for name, one in (("one", first), ("two", second))}
        report = erase_all(project, reasons, steps.append)
    assert report.images == 3
    assert steps.count("deleted rows in the catalog's file") == 1
    gone = {hashlib.sha256(one).hexdigest() for one in (first, second, smaller(first))}
    assert names(tmp_path).isdisjoint(gone)
    small.run("collect")
    assert names(tmp_path).isdisjoint(gone)
