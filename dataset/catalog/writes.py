"""Write many rows: insert new ones, upsert, replace, append."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

ROWS_PER_STATEMENT = 500  # with the widest table, fewer values than SQLite can bind (32,766)

Rows = Sequence[Mapping[str, Any]]


def insert_new(connection: Connection, table: Table, rows: Rows) -> int:
    """Insert the rows whose key is not in the table yet. Returns their number."""
    key = next(iter(table.primary_key))
    return sum(  # counts returned rows, since drivers do not agree on rowcount
        len(connection.execute(_insert(connection, table).values(part).on_conflict_do_nothing().returning(key)).all())
        for part in _parts(rows)
    )


def upsert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows; a row whose primary key is in the table already gets the new values."""
    keys = [column.name for column in table.primary_key]
    for part in _parts(rows):
        statement = _insert(connection, table).values(part)
        changed = {name: statement.excluded[name] for name in part[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def replace(connection: Connection, table: Table, rows: Rows) -> None:
    """Make `rows` the whole content of a derived table."""
    connection.execute(table.delete())
    append(connection, table, rows)


def append(connection: Connection, table: Table, rows: Rows) -> None:
    for part in _parts(rows):
        connection.execute(table.insert(), part)


def _insert(connection: Connection, table: Table) -> Any:
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    return insert(table)


def _parts(rows: Rows) -> Iterator[list[Mapping[str, Any]]]:
    return chunked(rows, ROWS_PER_STATEMENT)
