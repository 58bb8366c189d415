"""Exports have the images and labels of the version, and other tools read them.

Also tests foundation/hard_links.py and `shuffled` of dataset/reader.py.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.export import FORMATS, MARK, export
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import shuffled
from dataset.versions import published
from dataset.versions.published import Version
from foundation.errors import StorageError, UsageError
from labeling.answer_files import import_answers

SHARD_IMAGES = 5  # so that an export that is interrupted has whole shards
LATE_SHARE = 0.9  # of the images, after which it is interrupted: what is erased was written


@pytest.mark.parametrize("kind", FORMATS)
def test_an_interrupted_export_goes_on(version: Version, tmp_path: Path, kind: str) -> None:
    """It ends with the files of an undisturbed export."""
    calls = 0

    def interrupt(what: str, done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    export(version, kind, whole)
    try:
        export(version, kind, broken, interrupt)
    except KeyboardInterrupt:
        export(version, kind, broken)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(broken) for path in broken.rglob("*") if path.is_file())
    assert all((whole / file).read_bytes() == (broken / file).read_bytes() for file in files)


@pytest.mark.parametrize("layout", ["shards"])
def test_a_version_in_shards_gives_the_same_files(
    version: Version, published_home: Path, tmp_path: Path, layout: str
) -> None:
    """In every format: only the names of the version and what its card says of its layout differ."""
    folder = published.newest(published_home / "library")
    assert folder is not None
    for kind in FORMATS:
        held = []
        for one in (folder, version):
            to = tmp_path / kind / one.layout
            export(one, kind, to)
            files = {path.relative_to(to): path.read_bytes() for path in to.rglob("*") if path.is_file()}
            held.append({path: content for path, content in files.items() if path.name not in (MARK, "README.md")})
        if kind == "coco":
            held = [_without_ids(files) for files in held]
        assert held[0] == held[1]
    assert version.layout == layout


def _without_ids(files: dict[Path, bytes]) -> dict[Path, bytes]:
    """COCO's files, without the ids of versions."""
    return {path: re.sub(rb'"version": "[0-9a-f]*"', b"", content) for path, content in files.items()}


def test_wrong_requests_and_missing_pictures_are_errors(version: Version, tmp_path: Path) -> None:
    """An unknown format, a folder with other files, another export, a missing picture."""
    with pytest.raises(UsageError, match="no format 'zip'"):
        export(version, "zip", tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        export(version, "csv", tmp_path / "full")
    export(version, "csv", tmp_path / "x")
    with pytest.raises(UsageError, match="is not empty"):
        export(version, "coco", tmp_path / "x")
    row = version.rows()[0]
    kept = (version.path / row.file).read_bytes()
    (version.path / row.file).unlink()
    for kind in ("imagefolder", "webdataset"):
        with pytest.raises(StorageError, match="is missing; `isitcake versions verify"):
            export(version, kind, tmp_path / f"lost-{kind}")
    (version.path / row.file).write_bytes(kept)


@pytest.mark.parametrize("is_interrupted", [False, True])
@pytest.mark.parametrize(("layout", "kind"), [*(("folder", kind) for kind in FORMATS), ("shards", "imagefolder")])
def test_an_export_made_before_an_erasure_is_made_anew(
    published_project: Project, tmp_path: Path, kind: str, *, is_interrupted: bool
) -> None:
    """Data F9: also an interrupted one. The folder ends as a new export; a file of somebody else's stays."""
    version = published.newest(published_project.home)
    assert version is not None

    def interrupt(what: str, done: int, total: int) -> None:
        if is_interrupted and done > LATE_SHARE * total:
            raise KeyboardInterrupt

    made, fresh = tmp_path / "made", tmp_path / "fresh"
    with contextlib.suppress(KeyboardInterrupt):
        export(version, kind, made, interrupt, images_per_shard=SHARD_IMAGES)
    (made / "mine.txt").write_text("mine")
    gone = version.rows()[0]
    erase(published_project, Selection(Kind.SHA256, gone.sha256), "asked")
    after = published.load(published_project.home, version.name)
    export(after, kind, fresh, images_per_shard=SHARD_IMAGES)
    export(after, kind, made, images_per_shard=SHARD_IMAGES)
    held = {path.relative_to(made): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert held.pop(Path("mine.txt")) == b"mine"
    assert held == {path.relative_to(fresh): path.read_bytes() for path in fresh.rglob("*") if path.is_file()}
    assert not any(gone.sha256.encode() in content for content in held.values())


READ = """
import sys
import datasets

for path in sys.argv[1:]:
    print(sum(len(part) for part in datasets.load_dataset(path).values()))
"""


def test_no_other_version_is_read_from_the_cache(published_project: Project, tmp_path: Path) -> None:
    """Data F1: one cache, folders of one name: two versions, before and after an erasure, and their exports."""
    paths, counts_ = [], []
    for number in range(3):
        version = published.newest(published_project.home)
        assert version is not None
        copy = tmp_path / str(number) / "2026.11.0"
        shutil.copytree(version.path, copy)
        export(version, "parquet", tmp_path / f"export {number}" / "x")
        paths += [copy, tmp_path / f"export {number}" / "x"]
        counts_ += [len(version.rows())] * 2
        if number == 0:
            erase(published_project, Selection(Kind.SHA256, version.rows()[0].sha256), "asked")
        else:
            gone = tmp_path / "answers.csv"
            gone.write_text(f"sha256,label,reviewer\n{version.rows()[0].sha256},unusable,ann\n")
            import_answers(published_project, gone)
            publish(published_project)
    fresh = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)], env=fresh, capture_output=True, text=True, check=True
    )
    assert [int(line) for line in ran.stdout.split()] == counts_
    assert len(set(counts_)) == 3


def test_workers_share_the_rows(version: Version) -> None:
    """The seed alone decides the order, and each row goes to one worker."""
    rows = version.rows()
    whole = shuffled(rows, 7)
    assert whole == shuffled(rows[::-1], 7)
    assert whole != shuffled(rows, 8)
    parts = [shuffled(rows, 7, shard, 3) for shard in range(3)]
    assert sorted(row.sha256 for part in parts for row in part) == sorted(row.sha256 for row in rows)
    with pytest.raises(ValueError, match="shard 3 of 3"):
        shuffled(rows, 7, 3, 3)
