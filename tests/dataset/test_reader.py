"""dataset.reader: pictures of a version, and an order of its rows for several workers."""

import numpy as np
import pytest
from PIL import Image

from dataset import reader
from dataset.project import Project
from dataset.versions.manifest import Row


@pytest.fixture
def version(published_project: Project) -> reader.Version:
    newest = reader.newest(published_project.home)
    assert newest is not None
    return newest


def test_a_picture_of_a_version_is_decoded_small(version: reader.Version) -> None:
    """The same pixels whether it is read by its row, its path or its bytes."""
    row = version.rows()[0]
    picture = reader.picture(version, row)
    assert picture.mode == "RGB"
    assert 200 <= max(picture.size) <= 600
    path = version.path / row.file
    for other in (reader.decode(path), reader.decoded(path.read_bytes())):
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(other))
    with Image.open(path) as whole:
        assert max(whole.size) == 1024


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(reader.Undecodable, match="not an image"):
        reader.decoded(b"not a picture")


def test_every_row_is_in_one_shard(version: reader.Version) -> None:
    rows = version.rows()
    shards = [reader.shuffled(rows, 7, shard, 3) for shard in range(3)]
    assert sorted(row.sha256 for shard in shards for row in shard) == sorted(row.sha256 for row in rows)


def test_the_order_depends_on_the_seed_alone(version: reader.Version) -> None:
    def order(rows: list[Row], seed: int) -> list[str]:
        return [row.sha256 for row in reader.shuffled(rows, seed)]

    rows = list(version.rows())
    assert order(rows, 7) == order(rows[::-1], 7) != order(rows, 8)


@pytest.mark.parametrize(("shard", "shards"), [(3, 3), (-1, 3), (0, 0)])
def test_a_shard_that_does_not_exist_is_refused(shard: int, shards: int) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        reader.shuffled([], 7, shard, shards)
