"""Storing a picture and erasing pictures exclude each other, between threads and processes of one machine.

Whoever stores a file made from a picture holds the lock with others; an erasure holds it alone while it removes files.
So a file that is made at the same moment is there before the erasure looks, or is made after it, when the original is
gone. The lock of a killed process is released.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.files import storage_errors


@dataclass(frozen=True)
class PictureLock:
    """path: the lock file. Not reentrant: a thread that holds the lock must not take it again."""

    path: Path

    @contextlib.contextmanager
    def storing(self) -> Iterator[None]:
        """Hold the lock together with others who store. Raises StorageError if the file cannot be created."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def erasing(self) -> Iterator[None]:
        """Hold the lock alone."""
        with self._held(fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _held(self, operation: int) -> Iterator[None]:
        gate = self.path.with_suffix(".gate")
        with contextlib.ExitStack() as files:
            with storage_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                lock = files.enter_context(self.path.open("a"))
                # flock lets new sharers pass one who waits to be alone; all pass through the gate one by one.
                with gate.open("a") as waiting:
                    fcntl.flock(waiting, fcntl.LOCK_EX)
                    fcntl.flock(lock, operation)
            yield  # closing the file releases the lock
