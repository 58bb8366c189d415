"""The manifest has the columns of the contract and gives back the rows that were written."""

from pathlib import Path

import pyarrow.parquet as pq
from rows import made_row

from dataset.versions import manifest
from dataset.versions.manifest import COLUMNS, Row

# What consumers read. A change of names, types or order breaks them.
CONTRACT = {
    "sha256": "string", "file": "string", "label": "string", "split": "string", "source_label": "string",
    "label_origin": "string", "sources": "list<item: string>", "site": "string", "page_url": "string",
    "image_url": "string", "licence": "string", "creator": "string", "first_seen": "timestamp[us, tz=UTC]",
    "width": "int32", "height": "int32", "format": "string", "phash": "string", "cluster": "string",
    "judgements": "int32", "error_probability": "float",
}  # fmt: skip


def test_columns() -> None:
    assert {field.name: str(field.type) for field in manifest.schema()} == CONTRACT
    assert list(COLUMNS) == list(CONTRACT)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [made_row(n, sources=["a", "b"], creator="Ännchen") for n in range(7)]
    manifest.write(tmp_path / "m.parquet", rows)
    assert manifest.read(tmp_path / "m.parquet") == rows
    assert [row.canonical() for row in manifest.each(tmp_path / "m.parquet")] == [row.canonical() for row in rows]


def test_many_rows_become_several_groups(tmp_path: Path) -> None:
    rows = [made_row(1)] * (manifest.ROWS_PER_GROUP + 1)
    manifest.write(tmp_path / "m.parquet", rows)
    assert pq.ParquetFile(tmp_path / "m.parquet").num_row_groups == 2


def test_rows_are_dropped_and_the_others_stay_in_order(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    rows = [made_row(n) for n in range(5)]
    manifest.write(path, rows)
    before = path.stat().st_mtime_ns
    manifest.drop_rows(path, "sha256", {"not in it"})
    assert path.stat().st_mtime_ns == before
    manifest.drop_rows(path, "sha256", {rows[1].sha256, rows[3].sha256})
    assert manifest.read(path) == [rows[0], rows[2], rows[4]]
    assert pq.read_schema(path).equals(manifest.schema())


def test_the_id_does_not_depend_on_the_precision_of_parquet(tmp_path: Path) -> None:
    """Error probabilities are 32-bit floats in the file: they are rounded before they are hashed."""
    row: Row = made_row(1, error_probability=0.1)
    manifest.write(tmp_path / "m.parquet", [row])
    (read,) = manifest.read(tmp_path / "m.parquet")
    assert read.error_probability != row.error_probability
    assert read.canonical() == row.canonical()
