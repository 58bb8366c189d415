"""How much may stand at the same time, for each visitor and in all."""

import contextlib
from collections import Counter
from collections.abc import Iterator


class NoSlot(Exception):
    """Everything that this visitor, or everybody together, may have is taken."""


class Slots:
    """Counts what is open. each: most for one visitor. most: for all together."""

    def __init__(self, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, key: str) -> Iterator[None]:
        """One more while the block runs. Raises NoSlot, and then nothing is taken."""
        if self._taken[key] >= self._each or self._taken.total() >= self._most:
            self._forget(key)
            raise NoSlot
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            self._forget(key)

    def _forget(self, key: str) -> None:
        if not self._taken[key]:
            del self._taken[key]
