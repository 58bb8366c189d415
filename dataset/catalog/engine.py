"""The catalog: one SQLAlchemy engine, SQLite (WAL) or PostgreSQL; Alembic migrates it to the newest revision."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from foundation.errors import CatalogError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 10  # a writer waits so long for another one


class Catalog:
    """Short transactions on the project's catalog.

    read() sees one consistent state. write() waits for other writers, and commits everything or nothing. url: "sqlite"
    for a file in `home`, or an address of SQLAlchemy. Raises CatalogError if the database is out of reach, locked,
    damaged or full.
    """

    def __init__(self, url: str, home: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.where = str(home / "catalog.db") if url == "sqlite" else make_url(url).render_as_string()
        if url == "sqlite":
            home.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{home / 'catalog.db'}"
        self.is_sqlite = url.startswith("sqlite")
        with self._catalog_errors():
            if self.is_sqlite:
                self.engine = _sqlite_engine(url, busy_timeout_s)
            else:
                self.engine = create_engine(url, pool_pre_ping=True)
            self._upgrade(home)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self._catalog_errors(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        with self._catalog_errors(), self.engine.connect() as connection:
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
    def _catalog_errors(self) -> Iterator[None]:
        """Turn errors of SQLAlchemy into CatalogError."""
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
            return f"no room left on the disk of {self.where}; free some space and run this again; nothing is lost"
        if "not a database" in first or "malformed" in first:
            return f"{self.where} is damaged ({first}); restore it from a backup"
        return f"the catalog at {self.where} failed: {first}; see `isitcake doctor`"

    def forget(self) -> None:
        """Remove deleted rows from the files of SQLite, which keeps them in its write-ahead log for a while."""
        if self.is_sqlite:
            with self._catalog_errors(), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _upgrade(self, home: Path) -> None:
        with self.engine.connect() as connection:
            if inspect(connection).has_table("alembic_version"):
                revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
                if revision == max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")):
                    return
        from alembic import command  # slow to import, and rarely needed
        from alembic.config import Config

        from foundation.locks import exclusive

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with exclusive(home / ".migration-lock"):  # of two commands on a new library, one migrates
            config.attributes["engine"] = self.engine
            command.upgrade(config, "head")


def _sqlite_engine(url: str, busy_timeout_s: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:  # noqa: ARG001
        connection.isolation_level = None  # only write() starts transactions, not the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # overwrite deleted rows

    return engine
