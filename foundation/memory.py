"""Make many objects without the garbage collector looking through all of them again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_BETWEEN = 200_000  # made between two looks for cycles: some 20 MB; Python's own is 700


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Look for cycles of objects rarely while rows are built. Rows have no cycles: they go without it."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], OBJECTS_BETWEEN) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
