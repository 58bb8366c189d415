"""Pictures of a version are read alike, whatever its layout is. Names dataset/versions/stored/shard_writer.py."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from projects import LAYOUTS

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout, holding, pictures_at, pictures_of

each_layout = pytest.mark.parametrize("layout", LAYOUTS)


@each_layout
def test_every_picture_is_read(published_project: Project, version: Version, tmp_path: Path) -> None:
    """As it was normalised, by several threads, in any order; its digest, its file and a copy of it."""
    rows = sorted(version.rows(), key=lambda row: row.phash)
    with ThreadPoolExecutor(4) as pool:
        contents = list(pool.map(version.pictures.content, rows))
    for row, content in zip(rows, contents, strict=True):
        assert content == published_project.normalised.path(row.sha256).read_bytes()
        assert version.pictures.has(row)
        assert version.pictures.digest(row) == hashlib.sha256(content).hexdigest()
        assert version.pictures.where(row).is_file()
        assert list(version.pictures.copies(row.sha256)) == [content]
    version.pictures.place(rows[0], tmp_path / "x.jpg")
    assert (tmp_path / "x.jpg").read_bytes() == contents[0]


@each_layout
def test_a_picture_that_is_not_there(version: Version) -> None:
    row = replace(version.rows()[0], sha256="0" * 64, file="data/train/cake/0000000000000000.jpg")
    for one in (row, replace(row, split="other", sha256="f" * 64)):
        assert not version.pictures.has(one)
        assert version.pictures.digest(one) == ""
        assert list(version.pictures.copies(one.sha256)) == []
        with pytest.raises(FileNotFoundError):
            version.pictures.content(one)


@each_layout
def test_an_erased_picture_is_gone_for_whoever_reads_already(published_project: Project, version: Version) -> None:
    """A game that is running, and an export: the erased picture is gone at once, the others of its shard are not."""
    gone, *others = version.rows()
    assert all(version.pictures.has(row) for row in (gone, *others))
    version.pictures.content(gone)
    erase(published_project, Selection(Kind.SHA256, gone.sha256), "asked")
    assert not version.pictures.has(gone)
    with pytest.raises(FileNotFoundError):
        version.pictures.content(gone)
    left = [row for row in others if row.sha256 in {row.sha256 for row in version.rows()}]
    assert all(version.pictures.digest(row) for row in left)


@each_layout
def test_the_files_tell_the_layout(version: Version, layout: str) -> None:
    """Where version.json is damaged."""
    (version.path / "version.json").write_text("{")
    found = pictures_at(version.path)
    assert type(found) is type(pictures_of(version.path, Layout(layout)))
    assert found.has(version.rows()[0])


def test_an_image_is_looked_for_in_every_shard_of_its_range(tmp_path: Path) -> None:
    """Several erasures that were interrupted may leave more than two."""
    shards = [tmp_path / f"{start}-{digest * 32}.parquet" for start in ("0000", "8000", "c000") for digest in "abc"]
    assert [path.name[:4] for path in holding(shards, "9" * 64)] == ["8000"] * 3
    assert holding(shards[3:], "1" * 64) == []
