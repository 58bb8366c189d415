"""The catalog: one SQLAlchemy engine, SQLite (WAL) or PostgreSQL, brought up to date by Alembic."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from foundation.errors import CatalogError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 10  # how long a writer waits for another before it gives up


class Catalog:
    """Short transactions on the project's catalog.

    read() sees one consistent state; write() is serialised with other writers and commits whole.
    Raises CatalogError when the engine cannot be reached, is locked or is full.
    """

    def __init__(self, url: str, home: Path) -> None:
        self.where = str(home / "catalog.db") if url == "sqlite" else make_url(url).render_as_string()
        if url == "sqlite":
            home.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{home / 'catalog.db'}"
        self.is_sqlite = url.startswith("sqlite")
        with self._port():
            self.engine = _sqlite_engine(url) if self.is_sqlite else create_engine(url, pool_pre_ping=True)
            self._upgrade(home)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self._port(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        with self._port(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        self.engine.dispose()

    @contextlib.contextmanager
    def _port(self) -> Iterator[None]:
        """Where the engine's errors become ours."""
        try:
            yield
        except DBAPIError as error:
            raise CatalogError(self._explain(str(error.orig))) from error
        except SQLAlchemyError as error:
            raise CatalogError(f"the catalog at {self.where} failed: {error}; see `isitcake doctor`") from error

    def _explain(self, message: str) -> str:
        first = message.strip().splitlines()[0] if message.strip() else "no reason given"
        if "locked" in first:
            return (
                f"the catalog {self.where} is locked by another program; wait for it to end, or stop it, "
                "and run this again"
            )
        if "full" in first or "disk I/O" in first:
            return f"no room left on the disk of {self.where}; free some and run this again, nothing is lost"
        if "not a database" in first or "malformed" in first:
            return f"{self.where} is damaged ({first}); restore it from a backup"
        return f"the catalog at {self.where} failed: {first}; see `isitcake doctor`"

    def forget(self) -> None:
        """Leave nothing of deleted rows in the files: SQLite keeps them in its journal until it is emptied."""
        if self.engine.dialect.name == "sqlite":
            with self._port(), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _upgrade(self, home: Path) -> None:
        with self.engine.connect() as connection:
            if inspect(connection).has_table("alembic_version"):
                revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
                if revision == max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")):
                    return
        from alembic import command  # slow to import, and seldom needed
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        home.mkdir(parents=True, exist_ok=True)
        with (home / ".migration-lock").open("w") as lock:  # two commands on a new library: one migrates
            fcntl.flock(lock, fcntl.LOCK_EX)
            config.attributes["engine"] = self.engine
            command.upgrade(config, "head")


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:  # noqa: ARG001
        connection.isolation_level = None  # the driver starts no transactions behind our back
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # what was erased is overwritten, not only unlinked

    return engine
