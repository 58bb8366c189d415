"""A shard is written, read, and named by what it says."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rows import made_row

from dataset.versions.manifest import Row
from dataset.versions.stored import shard_file
from foundation.errors import DamagedVersion

LABELS = ["cake", "not_cake"]
NUMBERS = {"cake": 0, "not_cake": 1}
ROWS = [made_row(number) for number in range(shard_file.ROWS_PER_GROUP + 5)]


def picture(row: Row) -> bytes:
    return row.sha256.encode() * 9


def records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    made = [shard_file.values(row, NUMBERS) for row in rows]
    return [{**one, "image": {**one["image"], "bytes": picture(row)}} for one, row in zip(made, rows, strict=True)]


def digest(rows: Sequence[Row], labels: Sequence[str] = LABELS, split: str = "train", of_picture: str = "") -> str:
    said = ((shard_file.values(row, NUMBERS), of_picture or hashlib.sha256(picture(row)).hexdigest()) for row in rows)
    return shard_file.digest(labels, split, said)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "version" / "data" / "train" / shard_file.file_name("0000", digest(ROWS))
    path.parent.mkdir(parents=True)
    shard_file.write(path, shard_file.shard_schema(LABELS), records(ROWS))
    return path


def test_what_is_written_is_read(shard: Path) -> None:
    """Every row and every picture, in order; and the same again gives the same bytes."""
    assert shard_file.shards_in(shard.parents[2]) == [shard]
    assert shard_file.start_of(shard) == "0000"
    assert shard_file.labels_of(shard_file.columns_of(shard)) == LABELS
    assert list(shard_file.each(shard)) == records(ROWS)
    places = shard_file.positions(shard)
    assert list(places) == [row.sha256 for row in ROWS]
    for row in (ROWS[0], ROWS[-1]):
        group, index = places[row.sha256]
        assert shard_file.pictures(shard, group)[index] == picture(row)
    again = shard.with_name("again")
    shard_file.write(again, shard_file.columns_of(shard), shard_file.each(shard))
    assert again.read_bytes() == shard.read_bytes()


def test_a_shard_without_rows(shard: Path) -> None:
    """What is left where every picture of a shard was erased."""
    empty = shard.with_name("empty")
    shard_file.write(empty, shard_file.columns_of(shard), iter(()))
    assert (list(shard_file.each(empty)), shard_file.positions(empty)) == ([], {})
    assert shard_file.said_by(empty).num_rows == 0


def test_the_name_says_what_is_inside() -> None:
    """Rows, pictures, class names and split; not the error probability, which changes by itself."""
    known = digest(ROWS)
    assert digest([replace(row, error_probability=0.9, judgements=3) for row in ROWS]) == known
    other = [
        digest(ROWS[:-1]), digest([*ROWS[1:], ROWS[0]]), digest([replace(ROWS[0], licence="cc0"), *ROWS[1:]]),
        digest(ROWS, [*reversed(LABELS)]), digest(ROWS, split="test"), digest(ROWS, of_picture="0" * 64),
    ]  # fmt: skip
    assert len({known, *other}) == 1 + len(other)


@pytest.mark.parametrize("left", [0, 10, -20])
def test_a_cut_shard_is_named(shard: Path, left: int) -> None:
    shard.write_bytes(shard.read_bytes()[:left])
    with pytest.raises(DamagedVersion, match=f"version is damaged: data/train/{shard.name} cannot be read"):
        shard_file.positions(shard)
