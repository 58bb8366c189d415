"""What a source claims can be corrected: by isitcake.toml, and by moving files."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from commands import here
from small_projects import PICTURES, SmallProject, drawn
from sqlalchemy import select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import claims, images
from dataset.opening import open_project
from dataset.versions import published

STAGES = ("collect", "curate", "publish")
N, C = "n n not_cake CC0-1.0", "c c cake CC-BY-4.0"


@pytest.fixture
def small(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def rows(small: SmallProject) -> list[tuple[str, str, str, str]]:
    """Label, what the source claims, licence and sources of each image of the newest version, sorted."""
    newest = published.newest(small.folder / "library")
    assert newest is not None
    return sorted((row.label, row.source_label, row.licence, ",".join(row.sources)) for row in newest.rows())


def n_claims(small: SmallProject) -> int:
    project = open_project(small.folder / "isitcake.toml", reads_only=True)
    with project.catalog.read() as connection:
        n = len(connection.execute(select(claims)).all())
    project.close()
    return n


def test_a_licence_alone_is_corrected_and_a_third_time(small: SmallProject) -> None:
    """Data F4: the newest of several claims holds, also where it is the first one again."""
    for licence in ("CC0-1.0", "CC-BY-4.0", "CC0-1.0"):
        small.configure(N, f"c c cake {licence}")
        small.run(*STAGES)
        assert {row[2] for row in rows(small) if row[3] == "c"} == {licence}


def test_a_claim_that_did_not_change_adds_no_row(small: SmallProject) -> None:
    """Collecting again asserts the same; the ledger gets no row, and publish finds nothing to do."""
    small.configure(N, C)
    small.run(*STAGES)
    small.run("collect", "curate")
    assert n_claims(small) == 0
    assert "nothing changed" in small.run("publish")[0]


def test_every_file_of_a_folder_moves(small: SmallProject) -> None:
    """Data F4: the last file of a folder may move, too; the empty folder is said, and claims nothing."""
    small.configure(N, C)
    small.run(*STAGES)
    for path in sorted((small.folder / "n").iterdir()):
        shutil.move(path, small.folder / "c" / path.name)
    assert here(small.folder, "collect").returncode == 1
    small.run("curate", "publish")
    assert {row[3] for row in rows(small)} == {"c"}


def test_a_file_that_is_gone_comes_back(small: SmallProject) -> None:
    """Data F4: a removed file ends its claim, and its row leaves the version; both come back."""
    small.configure(N, C)
    small.run(*STAGES)
    before = rows(small)
    path = next((small.folder / "c").iterdir())
    body = path.read_bytes()
    (small.folder / "answers.csv").write_text(f"sha256,label,reviewer\n{hashlib.sha256(body).hexdigest()},cake,ann\n")
    small.run(f"review import {small.folder}/answers.csv", "publish")
    before = rows(small)
    path.unlink()
    small.run(*STAGES)
    assert len(rows(small)) == len(before) - 1
    names = [version.name for version in published.listing(small.folder / "library")]
    (diff,) = small.run(f"versions diff {names[-2]} {names[-1]} --json")
    assert [change["reason"] for change in json.loads(diff)["removed"]] == ["now claimed by no source"]
    path.write_bytes(body)
    small.run(*STAGES)
    assert rows(small) == before


def test_a_file_that_was_replaced_claims_its_new_bytes_only(small: SmallProject) -> None:
    """Data F4: the address stays and the picture changes: the old picture is claimed no longer."""
    small.configure(N, C)
    small.run(*STAGES)
    before = len(rows(small))
    files = sorted((small.folder / "c").iterdir())
    shutil.copy(files[0], files[1])
    small.run(*STAGES)
    assert len(rows(small)) == before - 1


def test_pictures_in_a_folder_that_cannot_be_read_stay(small: SmallProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without permission says nothing about its files: their claims stay."""
    inner = small.folder / "c" / "inner"
    inner.mkdir()
    for path in sorted((small.folder / "c").glob("*.jpg"))[: PICTURES // 2]:
        shutil.move(path, inner / path.name)
    small.configure(N, C)
    small.run(*STAGES)
    before = rows(small)
    import os

    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("inner"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", closed)
    here(small.folder, "collect")
    monkeypatch.undo()
    small.run("curate", "publish")
    assert rows(small) == before


@pytest.mark.parametrize("name", ["q?1", "a#b", "100%", "%41 c", "two  words", 'it\'s "quoted"', "q?mode=ro&uri=true"])
def test_a_folder_with_a_strange_name_keeps_its_catalog(tmp_path: Path, name: str) -> None:
    """Data F14: a project's catalog is inside its folder, whatever its name holds; also for what reads only."""
    project = SmallProject(tmp_path / name, pictures=2)
    project.configure(N, C)
    project.run("collect", "status", "review status")
    assert (tmp_path / name / "library" / "catalog.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    read_only = Catalog("sqlite", tmp_path / name / "library", read_only=True)
    with read_only.read() as connection:
        assert len(connection.execute(select(images)).all()) == 4
    read_only.close()


def test_one_class_in_one_split_is_said(small: SmallProject) -> None:
    """Use 19: a version of one class is published with a warning: printed, on the card and in version.json."""
    small.configure(C)
    (printed,) = small.run(*STAGES)[2:]
    assert "every image is labelled cake" in " ".join(printed.split())
    newest = published.newest(small.folder / "library")
    assert newest is not None
    assert "Every image is labelled cake" in (newest.path / "README.md").read_text()
    assert "classes" in {gate.gate for gate in newest.gates}
    assert "every image is labelled cake" in " ".join(small.run("publish")[0].split())


def test_images_that_nobody_curated_are_said(small: SmallProject) -> None:
    """They are in no version: a publish right after a collect says so, with the command that is missing."""
    missing = "collected since the last `isitcake curate` left out: run it, then publish"
    small.configure(N, C)
    small.run("collect")
    assert f"8 images {missing}" in here(small.folder, "publish").sentence()
    small.run("curate", "publish")
    path = next((small.folder / "c").iterdir())
    (small.folder / "c" / "other.jpg").write_bytes(drawn("cake", 77))
    path.unlink()
    small.run("collect")
    assert f"1 image {missing}" in " ".join(small.run("publish")[0].split())
    small.run("curate")
    assert missing not in " ".join(small.run("publish")[0].split())


def test_a_folder_that_is_gone_stops_nothing_else(small: SmallProject) -> None:
    """A disk that is not attached: its pictures stay, other sources are collected, everything else works."""
    small.configure(N, C)
    small.run(*STAGES)
    (small.folder / "c").rename(small.folder / "away")
    (small.folder / "n" / "new.jpg").write_bytes(drawn("cup", 78))
    ended = here(small.folder, "collect")
    assert "source 'c' failed: no folder" in ended.sentence()
    assert "1 stored" in ended.stdout
    small.run("curate", "publish", "versions list", "status")
    assert len(rows(small)) == 2 * PICTURES + 1
