"""The catalog: one SQLAlchemy engine, SQLite (WAL) or PostgreSQL; Alembic migrates it to the newest revision."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dataset.catalog import migrate, sqlite_files
from foundation.errors import CatalogError

BUSY_TIMEOUT_S = 10  # a writer waits so long for another one
ERASING_LOCK = 0x15CA5F  # of PostgreSQL's advisory locks: transactions that write share it, an erasure has it alone


class Catalog:
    """Short transactions on the project's catalog.

    read() sees one consistent state. write() waits for other writers, and commits everything or nothing. url: "sqlite"
    for a file in `home`, or an address of SQLAlchemy. read_only: write nothing, neither a migration nor a file beside
    the catalog. Raises CatalogError if the database is out of reach, locked, damaged, full, lost or too new.
    """

    def __init__(
        self, url: str, home: Path, busy_timeout_s: float = BUSY_TIMEOUT_S, *, read_only: bool = False
    ) -> None:
        is_own_file = url == "sqlite"  # its path is no part of an address: it may hold "?", "#" and "%"
        address = URL.create("sqlite", database=str(home / "catalog.db")) if is_own_file else make_url(url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.read_only = read_only
        self._file = Path(address.database or "") if self.is_sqlite else None
        self._read_only_file: sqlite_files.ReadOnlyFile | None = None
        self.where = str(self._file) if self._file else address.render_as_string()
        with self._catalog_errors():
            self.engine = self._engine(address, home, busy_timeout_s)
            try:
                self._bring_up_to_date(home)
            except BaseException:
                self.close()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self._catalog_errors(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextlib.contextmanager
    def write(self, *, erasing: bool = False) -> Iterator[Connection]:
        """erasing: other writing transactions end before this one, or begin after it and see what it wrote."""
        if self.read_only:
            raise CatalogError(f"the catalog {self.where} is open for reading only; nothing can be written")
        with self._catalog_errors(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                shared = "" if erasing else "_shared"
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{shared}({ERASING_LOCK})")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        self.engine.dispose()
        if self._read_only_file:
            self._read_only_file.close()

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
        if "readonly" in first:
            return f"the catalog {self.where} is read-only; fix the permissions of its folder and run this again"
        if "not a database" in first or "malformed" in first:
            return f"{self.where} is damaged ({first}); restore it from a backup"
        return f"the catalog at {self.where} failed: {first}; see `isitcake doctor`"

    def check(self) -> None:
        """Read the whole catalog. Raises CatalogError if it is damaged. PostgreSQL checks its files itself."""
        if self.is_sqlite:
            with self.read() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise CatalogError(f"{self.where} is damaged ({found}); restore it from a backup")

    def forget(self, tables: Sequence[Table]) -> None:
        """Remove deleted rows from the files of the database, which keeps them for a while.

        tables: those that had the rows. On PostgreSQL the write-ahead log keeps them longer: docs/deployment.md.
        """
        with self._catalog_errors(), self.engine.connect() as connection:
            if not self.is_sqlite:
                outside = connection.execution_options(isolation_level="AUTOCOMMIT")
                # pg_statistic holds frequent values of the columns, addresses among them.
                for name in [*(table.name for table in tables), "pg_catalog.pg_statistic"]:
                    analyse = "" if name.startswith("pg_") else ", ANALYZE"
                    outside.exec_driver_sql(f"VACUUM (FULL{analyse}) {name}")
                return
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("VACUUM")
            is_busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if is_busy:
            raise CatalogError(
                f"the catalog {self.where} is being read by another program, so erased rows are still in its "
                "write-ahead log; stop that program, and run any command to finish"
            )

    def _engine(self, url: URL, home: Path, busy_timeout_s: float) -> Engine:
        if self._file is None:
            return create_engine(url, pool_pre_ping=True)
        if sqlite_files.is_empty(self._file):
            sqlite_files.refuse_to_begin_anew(self._file, home)
            if self.read_only:
                raise CatalogError(f"there is no catalog {self.where}, and none can be made in a read-only folder")
        if self.read_only:
            self._read_only_file = sqlite_files.ReadOnlyFile(self._file)
            return self._read_only_file.engine(busy_timeout_s)
        home.mkdir(parents=True, exist_ok=True)
        return sqlite_files.writing_engine(self._file, busy_timeout_s)

    def _bring_up_to_date(self, home: Path) -> None:
        with self.engine.connect() as connection:
            revision = migrate.revision_of(connection)
        if migrate.is_current(revision, self.where):
            return
        if revision is None and self._file is not None:
            sqlite_files.refuse_to_begin_anew(self._file, home)
        if self.read_only:
            raise CatalogError(
                f"the catalog {self.where} has revision {revision}, which this program must change to "
                f"{migrate.revisions()[-1]}, but its folder is read-only; open it once where it may be written"
            )
        migrate.migrate(self.engine, home)
