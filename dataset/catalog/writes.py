"""Write many rows: insert those that are new, update, replace, append."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

ROWS_PER_STATEMENT = 500  # below SQLite's limit on bound values for the widest table


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, leaving out those whose key is there already. Returns how many were new."""
    key = next(iter(table.primary_key))
    return sum(  # drivers do not agree on rowcount: what is returned was inserted
        len(
            connection.execute(
                _insert(connection, table).values(list(part)).on_conflict_do_nothing().returning(key)
            ).all()
        )
        for part in _parts(rows)
    )


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where the primary key is there already, take the new values."""
    keys = [column.name for column in table.primary_key]
    for part in _parts(rows):
        statement = _insert(connection, table).values(list(part))
        changed = {name: statement.excluded[name] for name in part[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def replace(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make `rows` the whole content of a derived table."""
    connection.execute(table.delete())
    append(connection, table, rows)


def append(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for part in _parts(rows):
        connection.execute(table.insert(), list(part))


def _insert(connection: Connection, table: Table) -> Any:
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    return make(table)


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterable[Sequence[Mapping[str, Any]]]:
    return (rows[start : start + ROWS_PER_STATEMENT] for start in range(0, len(rows), ROWS_PER_STATEMENT))
