"""The catalog's file with SQLite: opened for writing or for reading only, and never replaced where it was lost."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event

from foundation.errors import CatalogError
from foundation.files import storage_errors


def writing_engine(path: Path, busy_timeout_s: float) -> Engine:
    """An engine for a catalog that may be changed; the file is created if it is missing."""
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": busy_timeout_s})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:  # noqa: ARG001
        connection.isolation_level = None  # only write() starts transactions, not the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # overwrite deleted rows

    return engine


class ReadOnlyFile:
    """A catalog in a folder where nothing may be written.

    SQLite needs a write-ahead log (-wal) and its index (-shm) beside a catalog that is open elsewhere, or that a killed
    program left. Where both are there, it reads them. Where the index is missing and cannot be made, the catalog is
    copied to a temporary folder with its log. Without a log nothing but the file is read.
    """

    def __init__(self, path: Path) -> None:
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
        has_log = log.is_file() and log.stat().st_size > 0
        if has_log and not index.is_file():
            self._copy = tempfile.TemporaryDirectory(prefix="isitcake-catalog-")
            with storage_errors(Path(self._copy.name)):
                for file in (path, log):
                    shutil.copyfile(file, Path(self._copy.name) / file.name)
            path = Path(self._copy.name) / path.name
        query = {"mode": "ro", "uri": "true", **({} if has_log else {"immutable": "1"})}
        # Made of its parts: in an address as text, SQLAlchemy would unquote the path before SQLite does.
        self._address = URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)

    def engine(self, busy_timeout_s: float) -> Engine:
        engine = create_engine(self._address, connect_args={"timeout": busy_timeout_s})

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, record: Any) -> None:  # noqa: ARG001
            connection.isolation_level = None
            connection.execute("PRAGMA query_only=ON")

        return engine

    def close(self) -> None:
        if self._copy:
            self._copy.cleanup()


def is_empty(path: Path) -> bool:
    """Whether there is no catalog: no file, or one of 0 bytes without a write-ahead log."""
    log = path.with_name(path.name + "-wal")
    sizes = [file.stat().st_size if file.is_file() else 0 for file in (path, log)]
    return not any(sizes) and not path.is_dir()


def refuse_to_begin_anew(path: Path, home: Path) -> None:
    """Raise CatalogError if the library holds versions or originals, so that its catalog was lost."""
    held = _held(home)
    if held:
        state = "is empty" if path.exists() else "is missing"
        raise CatalogError(
            f"the catalog {path} {state}, but {home} holds {held}; restore the catalog from a backup, "
            "or name another folder under project.home to begin anew"
        )


def _held(home: Path) -> str:
    """What a library has besides its catalog: versions, originals, or nothing."""
    with contextlib.suppress(OSError):
        if any(path.is_file() for path in home.glob("versions/*/version.json")):
            return "versions"
    with contextlib.suppress(OSError):
        for folder in os.scandir(home / "blobs"):
            if folder.is_dir() and any(not entry.name.startswith(".") for entry in os.scandir(folder)):
                return "originals"
    return ""
