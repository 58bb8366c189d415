"""dataset.catalog.writes: many rows at once, also more than one statement takes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import cursors
from dataset.catalog.writes import ROWS_PER_STATEMENT, append, insert_new, replace, upsert

MANY = 2 * ROWS_PER_STATEMENT + 1


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog("sqlite", tmp_path)
    yield opened
    opened.close()


def rows(count: int, value: str) -> list[dict[str, str]]:
    return [{"name": f"n{n}", "value": value} for n in range(count)]


def values(catalog: Catalog) -> dict[str, int]:
    """How many rows have each value."""
    with catalog.read() as connection:
        counts = select(cursors.c.value, func.count()).group_by(cursors.c.value)
        return {row[0]: row[1] for row in connection.execute(counts)}


def test_insert_new_keeps_rows_that_are_there(catalog: Catalog) -> None:
    with catalog.write() as connection:
        assert insert_new(connection, cursors, rows(3, "old")) == 3
        assert insert_new(connection, cursors, rows(MANY, "new")) == MANY - 3
    assert values(catalog) == {"old": 3, "new": MANY - 3}


def test_upsert_gives_new_values_to_rows_that_are_there(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, cursors, rows(MANY, "old"))
        upsert(connection, cursors, rows(MANY - 1, "new"))
    assert values(catalog) == {"old": 1, "new": MANY - 1}


def test_replace_removes_all_other_rows(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, cursors, rows(MANY, "old"))
        replace(connection, cursors, rows(2, "new"))
    assert values(catalog) == {"new": 2}


def test_no_rows_are_no_error(catalog: Catalog) -> None:
    with catalog.write() as connection:
        assert insert_new(connection, cursors, []) == 0
        upsert(connection, cursors, [])
        append(connection, cursors, [])
    assert values(catalog) == {}
