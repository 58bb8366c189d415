"""An erasure removes bytes first, also from versions that are damaged, and names those it cannot search."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "is_searched"),
    [
        (remove("manifest.parquet"), False), (cut("manifest.parquet"), False), (cut("diff.parquet"), False),
        (cut("version.json"), True), (remove("version.json"), True), (remove("diff.parquet"), True),
        (cut("data/train/metadata.parquet"), False), (cut("croissant.json"), False), (remove("leaves.bin"), True),
    ],
)  # fmt: skip
def test_bytes_go_first(published_project: Project, damage: Callable[[Path], None], *, is_searched: bool) -> None:
    """Security 29: no picture stays, whatever is wrong with the version; it is named, and the next commands go on."""
    version = published.newest(published_project.home)
    assert version is not None
    row = next(row for row in version.rows() if row.split == "train")
    damage(version.path)
    report = erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    home = published_project.home
    found = [str(path) for path in home.glob(f"*/**/{row.sha256[:16]}*")]
    assert found == []
    assert (report.damaged == {}) == is_searched
    if not is_searched:
        assert version.name in report.line()
    text = [path for path in home.rglob("*.parquet") if row.image_url.encode() in path.read_bytes()]
    assert text == []
    publish(published_project)


def test_a_version_whose_pictures_were_damaged_before_still_verifies(published_project: Project) -> None:
    """Leaves come from leaves.bin, so that an erasure needs no picture."""
    version = published.newest(published_project.home)
    assert version is not None
    row = version.rows()[0]
    (version.path / row.file).unlink()
    (version.path / row.file).write_bytes(b"damaged")
    erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert verify(published_project.home, version.name).problems == []
