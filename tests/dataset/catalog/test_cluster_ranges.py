"""dataset.catalog.cluster_ranges: every cluster is in exactly one block."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.cluster_ranges import blocks, within
from dataset.catalog.engine import Catalog
from dataset.catalog.tables import clusters, splits
from dataset.catalog.writes import append

NAMES = [f"{n:064x}" for n in (0, 1, 2, 3, 16**63, 15 * 16**63)]  # "f000..." is the last


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Two images per cluster; the second has a name of its own."""
    opened = Catalog("sqlite", tmp_path)
    with opened.write() as connection:
        for name in NAMES:
            append(connection, clusters, [
                {"sha256": name, "cluster": name, "representative": name},
                {"sha256": name[::-1].replace("0", "e"), "cluster": name, "representative": name},
            ])  # fmt: skip
            append(connection, splits, [{"sha256": name, "split": "train", "assigned_at": datetime.now(UTC)}])
    yield opened
    opened.close()


@pytest.mark.parametrize("size", [1, 2, 4, 6, 7, 5000])
def test_every_cluster_is_in_one_block(catalog: Catalog, size: int) -> None:
    with catalog.read() as connection:
        names_of_blocks = [
            set(connection.execute(select(clusters.c.cluster).where(block)).scalars())
            for block in blocks(connection, size)
        ]
    assert sorted(name for block in names_of_blocks for name in block) == NAMES
    assert max(len(block) for block in names_of_blocks) <= size


def test_within_restricts_another_table_to_a_block(catalog: Catalog) -> None:
    with catalog.read() as connection:
        images = select(splits.c.sha256)
        names_of_blocks = [
            list(connection.execute(within(images, splits, block)).scalars()) for block in blocks(connection, 4)
        ]
    assert [sorted(names) for names in names_of_blocks] == [NAMES[:4], NAMES[4:]]


def test_an_empty_catalog_has_one_empty_block(tmp_path: Path) -> None:
    catalog = Catalog("sqlite", tmp_path)
    with catalog.read() as connection:
        (block,) = blocks(connection)
        assert connection.execute(select(clusters).where(block)).all() == []
    catalog.close()
