"""Write many rows: insert new ones, upsert, replace, append.

No row about an erased picture is written, whichever stage asks for it: it may have begun before the erasure did.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Table, select

from dataset.catalog.ledgers import tombstones

ROWS_PER_STATEMENT = 500  # with the widest table, fewer values than SQLite can bind (32,766)

# Rows about erased pictures that are kept: they say what is to be removed, or why a picture stays out.
KEPT_TABLES = ("asked", "erasures", "fetches", "outcomes")

Rows = Iterable[Mapping[str, Any]]


def insert_new(connection: Connection, table: Table, rows: Rows) -> int:
    """Insert the rows whose key is not in the table yet. Returns their number."""
    return len(inserted(connection, table, rows))  # counts returned rows, since drivers do not agree on rowcount


def inserted(connection: Connection, table: Table, rows: Rows) -> list[Any]:
    """Insert the rows whose key is not in the table yet. Returns the first column of their keys."""
    key = next(iter(table.primary_key))
    statement = _insert(connection, table).on_conflict_do_nothing().returning(key)
    parts = _parts(connection, table, rows)
    return [value for part in parts for value in connection.execute(statement, part).scalars()]


def upsert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows; a row whose primary key is in the table already gets the new values."""
    keys = [column.name for column in table.primary_key]
    for part in _parts(connection, table, rows):
        statement = _insert(connection, table).values(part)
        changed = {name: statement.excluded[name] for name in part[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def replace(connection: Connection, table: Table, rows: Rows) -> None:
    """Make `rows` the whole content of a derived table."""
    connection.execute(table.delete())
    append(connection, table, rows)


def replace_some(connection: Connection, table: Table, names: Sequence[str], rows: Rows) -> None:
    """Make `rows` the whole content of a derived table about these images. names: SHA-256s."""
    for part in chunked(names, ROWS_PER_STATEMENT):
        connection.execute(table.delete().where(table.c.sha256.in_(part)))
    append(connection, table, rows)


def append(connection: Connection, table: Table, rows: Rows) -> None:
    for part in _parts(connection, table, rows):
        connection.execute(table.insert(), part)


def erased_among(connection: Connection, names: set[str]) -> set[str]:
    """Which of the images have a tombstone. names: SHA-256s."""
    found: set[str] = set()
    for part in chunked(names, ROWS_PER_STATEMENT):
        these = select(tombstones.c.value).where(tombstones.c.kind == "sha256", tombstones.c.value.in_(part))
        found.update(connection.execute(these).scalars())
    return found


def _insert(connection: Connection, table: Table) -> Any:
    # Each takes 40 ms to import, and commands that only read need neither.
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def _parts(connection: Connection, table: Table, rows: Rows) -> Iterator[list[Mapping[str, Any]]]:
    """The rows in parts, without those about erased pictures; no part is empty."""
    is_about_pictures = table.name not in KEPT_TABLES and _anything_erased(connection)
    for part in chunked(rows, ROWS_PER_STATEMENT):
        if not is_about_pictures:
            yield part
            continue
        about = [_pictures_of(table, row) for row in part]
        erased = erased_among(connection, set().union(*about))
        kept = [row for row, names in zip(part, about, strict=True) if not names & erased]
        if kept:
            yield kept


def _pictures_of(table: Table, row: Mapping[str, Any]) -> set[str]:
    """SHA-256s of the images that a row is about."""
    if table.name == "rounds":
        return {sha256 for sha256, _ in row["pictures"]}
    return {row[name] for name in ("sha256", "a", "b") if row.get(name)}


def _anything_erased(connection: Connection) -> bool:
    return (
        connection.execute(select(tombstones.c.value).where(tombstones.c.kind == "sha256").limit(1)).first() is not None
    )
