"""Locks between processes. The lock of a killed process is released."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.errors import StorageError
from foundation.files import storage_errors


@contextlib.contextmanager
def exclusive(path: Path, wait_s: float = -1) -> Iterator[None]:
    """Hold an exclusive lock across processes; wait until it is free.

    path: the lock file, created if it is missing. wait_s: longest time to wait, in seconds; negative: no limit.
    Raises TimeoutError if the lock was not free in time, StorageError if the file cannot be created.
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
