"""croissant.json of a pushed version names the files of the repository; mlcroissant reads them."""

import shutil
from pathlib import Path

import pytest
from rows import other_order

from dataset.exports.export import export
from dataset.exports.hub_copy import Wish, copy_of
from dataset.exports.hub_croissant import pushed_croissant
from dataset.versions import identity, manifest
from dataset.versions.published import Version


@pytest.mark.filterwarnings("ignore")  # mlcroissant's own
def test_mlcroissant_reads_pictures_and_labels(version: Version, tmp_path: Path) -> None:
    """Same pictures, labels, splits and order of labels."""
    import mlcroissant

    turned = other_order(version)
    export(turned, "parquet", tmp_path / "x")
    table = tmp_path / "x" / manifest.FILE_NAME
    shutil.copy(version.path / manifest.FILE_NAME, table)
    text = pushed_croissant(copy_of(turned, Wish()), identity.file_digest(table))
    (tmp_path / "x" / "croissant.json").write_text(text, encoding="utf-8")
    read = mlcroissant.Dataset(tmp_path / "x" / "croissant.json")
    assert [one["labels/name"] for one in read.records("labels")] == turned.labels
    sizes = {row.sha256: (row.published_width, row.published_height) for row in version.rows()}
    found = set()
    for one in read.records("images"):
        sha256 = one["images/sha256"].decode()
        assert one["images/image"].size == sizes[sha256]
        found.add((sha256, one["images/split"].decode(), turned.labels[one["images/label"]]))
    assert found == {(row.sha256, row.split, row.label) for row in version.rows()}
    assert {one["rows/sha256"].decode() for one in read.records("rows")} == set(sizes)
