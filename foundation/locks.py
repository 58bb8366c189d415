"""Locks between processes. The lock of a killed process is released.

Where the catalog is PostgreSQL, programs on several machines share it, and a lock is one of the database's advisory
locks. Elsewhere it is a file of the library.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.errors import CatalogError, StorageError
from foundation.files import storage_errors

if TYPE_CHECKING:
    from foundation.settings import Settings

POSTGRESQL = "postgresql+psycopg://"
KEEPALIVE_S = 30  # a lock may be held for hours, and routers forget connections that say nothing


@contextlib.contextmanager
def exclusive(settings: "Settings", name: str, wait_s: float = -1) -> Iterator[None]:
    """Hold one of the project's locks alone, among all processes that share its catalog; wait until it is free.

    name: of the lock. wait_s: longest time to wait, in seconds; negative: no limit. Raises TimeoutError if the lock was
    not free in time, StorageError if its file cannot be created, CatalogError if the database is out of reach, or the
    connection was lost, and the lock with it.
    """
    if settings.catalog.url.startswith(POSTGRESQL):
        with _in_postgresql(settings.catalog.url, name, wait_s):
            yield
    else:
        with exclusive_file(settings.home / "locks" / f"{name}.lock", wait_s):
            yield


@contextlib.contextmanager
def exclusive_file(path: Path, wait_s: float = -1) -> Iterator[None]:
    """Hold a lock alone among the processes of this machine; wait until it is free.

    path: the lock file, created if it is missing. wait_s: as for `exclusive`. Raises TimeoutError, StorageError.
    """
    from filelock import FileLock, Timeout  # loads asyncio; commands that only read hold no lock

    lock = FileLock(path)
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=wait_s)
    except StorageError as error:
        if isinstance(error.__cause__, Timeout):  # a Timeout is an OSError
            raise TimeoutError(f"{path} is held by another process") from None
        raise
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _in_postgresql(url: str, name: str, wait_s: float) -> Iterator[None]:
    """Hold an advisory lock with a connection of its own: where the process or the connection dies, it is released."""
    import psycopg  # slow to import, and needed with PostgreSQL only

    address = url.replace(POSTGRESQL, "postgresql://", 1)
    try:
        connection = psycopg.connect(address, autocommit=True, keepalives=1, keepalives_idle=KEEPALIVE_S)
    except psycopg.Error as error:
        raise CatalogError(f"the catalog is out of reach ({_first_line(error)}); see `isitcake doctor`") from error
    with contextlib.closing(connection):
        try:
            if wait_s >= 0:
                connection.execute(f"SET lock_timeout = {max(1, round(wait_s * 1000))}")  # 0 would mean no limit
            connection.execute("SELECT pg_advisory_lock(%s)", (_key(name),))
        except psycopg.errors.LockNotAvailable:
            raise TimeoutError(f"the lock {name!r} is held by another process") from None
        except psycopg.Error as error:
            raise CatalogError(f"the catalog gives no lock ({_first_line(error)}); run this again") from error
        yield
        try:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_key(name),))
        except psycopg.Error as error:
            raise CatalogError(
                f"the connection to the catalog was lost ({_first_line(error)}), and with it the lock {name!r}: "
                "another program may have worked at the same time; run this again"
            ) from error


def _key(name: str) -> int:
    """The number of an advisory lock, 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(f"isitcake {name}".encode()).digest()[:8], "big", signed=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
