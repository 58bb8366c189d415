"""Locks between processes. A killed process lets go by itself."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.errors import StorageError
from foundation.files import storage_errors


@contextlib.contextmanager
def exclusive(path: Path, wait_s: float = -1) -> Iterator[None]:
    """Hold an exclusive lock across processes; wait until it is free.

    path: the lock file, made where it is missing. wait_s: at most this long; negative: without end.
    Raises TimeoutError where it was not free in time, StorageError where the file cannot be made.
    """
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
