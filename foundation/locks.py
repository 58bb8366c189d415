"""Locks between processes."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from foundation.files import storage_errors


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One at a time among processes: the second waits. `path`: a lock file, made where it is not."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
