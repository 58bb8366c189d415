"""A list that comes after a picture was stored: the picture is erased by the next curate or publish."""

import hashlib
import json
from pathlib import Path

import pytest
from commands import here
from small_projects import SmallProject
from sqlalchemy import select

from dataset.catalog.tables import images
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
