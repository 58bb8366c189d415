"""Bring a catalog to the newest revision, and say what is wrong with one that has another.

Each revision is one transaction, also on SQLite, whose driver would commit after every statement: a killed migration
leaves the revision before it. migration_steps.py finishes catalogs that older programs left between two revisions.
"""

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, event, inspect

from foundation.errors import CatalogError
from foundation.locks import exclusive_file

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_NUMBER = 0x15CA5E  # of PostgreSQL's advisory lock; any number that no other program takes


@cache
def revisions() -> tuple[str, ...]:
    """Names of all revisions that this program knows, the oldest first."""
    return tuple(sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def revision_of(connection: Connection) -> str | None:
    """The catalog's revision; None for a catalog without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(revision) if revision is not None else None


def is_current(revision: str | None, where: str) -> bool:
    """Whether a catalog needs no migration. Raises CatalogError for a revision of a newer program."""
    if revision is not None and revision not in revisions():
        raise CatalogError(
            f"the catalog {where} has revision {revision}, and this program knows revisions up to {revisions()[-1]}; "
            "update the program"
        )
    return revision == revisions()[-1]


def migrate(engine: Engine, home: Path, to: str = "head") -> None:
    """Run the missing revisions. home: the library, whose lock lets one process of this machine migrate at a time."""
    from alembic import command  # slow to import, and rarely needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # "%" interpolates
    config.attributes["engine"] = engine
    with exclusive_file(home / ".migration-lock"):  # of two commands on a new library, one migrates
        command.upgrade(config, to)


@contextlib.contextmanager
def one_transaction_per_revision(engine: Engine) -> Iterator[Connection]:
    """A connection for Alembic: each of its transactions holds the catalog alone, and is kept whole or not at all."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            event.listen(connection, "begin", _begin_immediate)
            yield connection
            return
        # Programs on other machines migrate the same database, and do not see this machine's lock file.
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK_NUMBER})")
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK_NUMBER})")
            connection.commit()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
