"""A request to stop, which the workers of a collection look at between pictures."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import TypeVar

Item = TypeVar("Item")


class Stopped(Exception):
    """A source was not collected to its end, because a stop was requested. The next run continues it."""


class Stop:
    """Whether a stop was requested. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_requested = False
        self._endings: list[Callable[[], object]] = []

    def request(self) -> None:
        """Request it, and call what `calling` holds."""
        with self._lock:
            self.is_requested = True
            endings = list(self._endings)
        for end in endings:
            end()

    def check(self) -> None:
        """Raise Stopped if a stop was requested."""
        if self.is_requested:
            raise Stopped

    def until(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items up to the moment when a stop is requested."""
        return takewhile(lambda _: not self.is_requested, items)

    @contextlib.contextmanager
    def calling(self, end: Callable[[], object]) -> Iterator[None]:
        """A block during which a request calls `end`; at once, if there was one before."""
        with self._lock:
            self._endings.append(end)
            is_late = self.is_requested
        if is_late:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._endings.remove(end)
