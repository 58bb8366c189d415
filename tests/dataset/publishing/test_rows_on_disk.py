"""Rows come back as they were added, in the order of their files, from memory and from disk."""

from pathlib import Path

import pytest
from rows import made_row

from dataset.publishing.rows_on_disk import KEPT_ROWS, RowsOnDisk
from dataset.versions.manifest import Row


@pytest.fixture
def rows() -> list[Row]:
    """Quotes, letters of other scripts, empty lists and integers where floats are expected."""
    return [
        made_row(1, sources=["a", 'b "c"'], creator="Žofie 🍰\n", error_probability=0.1 + 0.2),
        made_row(2, sources=[], licence="", judgements=3, error_probability=0.0),
        *(made_row(n, cluster="same") for n in range(3, 20)),
    ]


@pytest.mark.parametrize("kept_rows", [0, 17, KEPT_ROWS])
def test_every_value_comes_back(rows: list[Row], tmp_path: Path, kept_rows: int) -> None:
    on_disk = RowsOnDisk(tmp_path / "building" / "rows.db", kept_rows)
    on_disk.add(rows[5:])
    on_disk.add(iter(rows[:5]))
    in_order = sorted(rows, key=lambda row: row.file)
    assert list(on_disk) == in_order
    assert list(on_disk) == in_order  # as often as needed
    assert [type(row.error_probability) for row in on_disk] == [float] * len(rows)
    assert len(on_disk) == len(rows)
    on_disk.close()
    assert not on_disk.path.exists()


@pytest.mark.parametrize("kept_rows", [0, KEPT_ROWS])
def test_the_sample_is_by_sha256_and_clusters_are_counted(rows: list[Row], tmp_path: Path, kept_rows: int) -> None:
    on_disk = RowsOnDisk(tmp_path / "rows.db", kept_rows)
    on_disk.add(rows)
    assert on_disk.sample(4) == sorted(rows, key=lambda row: row.sha256)[:4]
    assert len(on_disk.sample(1000)) == len(rows)
    assert on_disk.repeated_clusters() == 16
    assert sorted(on_disk.splits()) == sorted((row.cluster, row.split) for row in rows)
    on_disk.close()


def test_what_a_killed_publish_left_is_replaced(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "rows.db").write_bytes(b"half a database")
    on_disk = RowsOnDisk(tmp_path / "rows.db")
    on_disk.add(rows)
    assert len(on_disk) == len(rows)
    on_disk.close()
