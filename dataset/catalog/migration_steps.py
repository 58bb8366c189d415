"""Steps of a migration that do nothing where they were done already.

Programs before this one committed after every statement on SQLite. If such a program was killed inside a migration, its
catalog holds a part of the next revision; these steps finish it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op


def has_table(name: str) -> bool:
    return sa.inspect(op.get_bind()).has_table(name)


def create_table(name: str, *columns: Any) -> None:
    op.create_table(name, *columns, if_not_exists=True)


def create_index(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, columns, if_not_exists=True)


def add_column(table: str, column: sa.Column[Any]) -> None:
    known = {entry["name"] for entry in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)


def drop_table(name: str) -> None:
    op.drop_table(name, if_exists=True)
