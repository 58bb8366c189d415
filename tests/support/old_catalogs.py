"""Catalogs of older and newer programs, with a row in every table, and migrations that are killed."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Engine, Float, Integer, LargeBinary, MetaData, create_engine, event, select
from sqlalchemy.types import JSON

from dataset.catalog.engine import Catalog
from dataset.catalog.migrate import migrate, revisions

SHA256 = "ab" * 32


def catalog_of(revision: str, home: Path) -> None:
    """A catalog of an older revision, closed, with one row in every table."""
    home.mkdir(parents=True)
    engine = create_engine(f"sqlite:///{home / 'catalog.db'}")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    migrate(engine, home, revision)
    add_rows(engine)
    engine.dispose()


def add_rows(engine: Engine) -> None:
    described = MetaData()
    described.reflect(engine)
    with engine.begin() as connection:
        for table in described.sorted_tables:
            if table.name != "alembic_version":
                connection.execute(table.insert().values({column.name: _value(column) for column in table.columns}))


def _value(column: Any) -> Any:
    kinds: list[tuple[type, Any]] = [
        (DateTime, datetime(2026, 11, 24, tzinfo=UTC)), (JSON, {"a": 1}), (Integer, 7), (Float, 0.5),
        (LargeBinary, b"7"),
    ]  # fmt: skip
    for kind, value in kinds:
        if isinstance(column.type, kind):
            return value
    return SHA256[: getattr(column.type, "length", None) or 64]


def kept_rows(home: Path) -> dict[str, list[Any]]:
    """Rows of the tables of facts, by table: columns that every revision has."""
    catalog = Catalog("sqlite", home)
    described = MetaData()
    described.reflect(catalog.engine)
    with catalog.read() as connection:
        rows = {
            table.name: [row.sha256 if "sha256" in row._fields else row[0] for row in connection.execute(select(table))]
            for table in described.sorted_tables
        }
    catalog.close()
    return rows


def statements_of_migration(home: Path) -> int:
    """Open, and so migrate, a catalog. Returns how many statements that took."""
    return _open_counting(home, lambda _: None)


def killed_at_statement(home: Path, number: int) -> bool:
    """Open a catalog in a child that is killed after its statement `number`. Returns whether it came so far."""
    child = os.fork()
    if not child:

        def kill(count: int) -> None:
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

        _open_counting(home, kill)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _open_counting(home: Path, after: Callable[[int], None]) -> int:
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1
        after(count)

    event.listen(Engine, "after_cursor_execute", counted)
    try:
        Catalog("sqlite", home).close()
    finally:
        event.remove(Engine, "after_cursor_execute", counted)
    return count


def set_revision(home: Path, revision: str) -> None:
    """Let a catalog say that it has another revision."""
    catalog = Catalog("sqlite", home)
    with catalog.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    catalog.close()


OLD_REVISIONS = revisions()[:-1]
