"""Tombstones are also in library/erased.jsonl, so that a restored catalog does not bring pictures back."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.tables import images, tombstones
from dataset.erasure.erase import erase
from dataset.erasure.erased_file import is_merged
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published


def erase_one(project: Project) -> str:
    version = published.newest(project.home)
    assert version is not None
    sha256 = version.rows()[0].sha256
    erase(project, Selection(Kind.SHA256, sha256), "the creator asked")
    return sha256


def buried(project: Project) -> set[tuple[str, str]]:
    with project.catalog.read() as connection:
        return {(row.kind, row.value) for row in connection.execute(select(tombstones))}


def test_a_backup_of_everything_but_the_file_brings_nothing_back(published_project: Project, tmp_path: Path) -> None:
    """Security 30: catalog, originals, versions of yesterday; the next command erases again what came back."""
    project, backup = published_project, tmp_path / "backup"
    project.close()
    shutil.copytree(project.home, backup)
    project = open_project(project.settings)
    sha256 = erase_one(project)
    kept = project.erased_file.read_bytes()
    expected = buried(project)
    project.close()
    shutil.rmtree(project.home)
    shutil.copytree(backup, project.home)
    project.erased_file.write_bytes(kept)
    again = open_project(project.settings)
    assert buried(again) == expected
    with again.catalog.read() as connection:
        assert connection.execute(select(images).where(images.c.sha256 == sha256)).first() is None
    assert not list(again.home.glob(f"*/**/{sha256[:16]}*"))
    publish(again)
    for name in published.names(again.home):
        assert sha256 not in {row.sha256 for row in published.load(again.home, name).rows()}
    again.close()


def test_the_file_holds_hashes_only(published_project: Project) -> None:
    """No address, no reason, no name."""
    erase_one(published_project)
    records = [json.loads(line) for line in published_project.erased_file.read_text().splitlines()]
    assert {key for record in records for key in record} == {"kind", "value", "erased_at"}
    assert "creator" not in published_project.erased_file.read_text()
    assert is_merged(published_project)


@pytest.mark.parametrize("damage", ["torn", "gone", "text", "numbers"])
def test_a_damaged_file_is_written_anew(published_project: Project, damage: str) -> None:
    """A line that a kill cut, a lost file, other text: the catalog has the tombstones, and the file gets them back."""
    erase_one(published_project)
    expected = buried(published_project)
    path = published_project.erased_file
    published_project.close()
    content = path.read_bytes()
    other = {"torn": content + b'{"kind": "sha2', "text": b"\xff\xfe no JSON\n", "numbers": b'1\n{"kind": 1}\n'}
    path.unlink() if damage == "gone" else path.write_bytes(other[damage])
    again = open_project(published_project.settings)
    assert buried(again) == expected
    assert {(json.loads(line)["kind"]) for line in path.read_text().splitlines()} == {kind for kind, _ in expected}
    assert is_merged(again)
    again.close()


def test_an_older_library_gets_the_file(published_project: Project) -> None:
    """Programs before this one kept tombstones in the catalog only."""
    erase_one(published_project)
    published_project.erased_file.unlink()
    with published_project.catalog.write() as connection:
        connection.exec_driver_sql("DELETE FROM cursors WHERE name = 'erased.jsonl'")
    published_project.close()
    again = open_project(published_project.settings)
    assert len(again.erased_file.read_text().splitlines()) == len(buried(again))
    again.close()


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "isitcake.toml").write_text("[project]\n")
    project = open_project(tmp_path / "isitcake.toml")
    yield project
    project.close()


def test_a_project_without_erasures_has_no_file(new: Project) -> None:
    assert not new.erased_file.exists()
    assert is_merged(new)


def test_the_documented_backup_is_a_whole_catalog(published_project: Project, tmp_path: Path) -> None:
    """docs/deployment.md: SQLite's own backup, while the project is open; restored, it opens with every row."""
    copy = tmp_path / "copy.db"
    source, target = sqlite3.connect(published_project.home / "catalog.db"), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    with published_project.catalog.read() as connection:
        before = connection.execute(select(images)).all()
    published_project.close()
    for path in published_project.home.glob("catalog.db*"):
        path.unlink()
    shutil.copy(copy, published_project.home / "catalog.db")
    again = open_project(published_project.settings)
    with again.catalog.read() as connection:
        assert connection.execute(select(images)).all() == before
    again.close()
