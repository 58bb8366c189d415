"""Memory of this process: how much it took at most, and many objects without looking through all of them again."""

import contextlib
import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OBJECTS_BETWEEN = 200_000  # made between two looks for cycles: some 20 MB; Python's own is 700
ACCOUNT = Path("/proc/self/io")  # what the kernel counts of this process and its ended children


@dataclass(frozen=True)
class Cost:
    """What some work took. bytes_written: to disks, as the kernel counts them; None where it does not say.

    peak_mb: the largest memory of this process so far, or of the largest of its ended children.
    """

    pictures: int
    seconds: float
    pictures_per_s: float
    bytes_written: int | None
    peak_mb: int

    def line(self) -> str:
        """One line for people."""
        rate = f"{self.pictures_per_s:,.0f}" if self.pictures_per_s >= 10 else f"{self.pictures_per_s:.1f}"
        written = "" if self.bytes_written is None else f"; {_in_units(self.bytes_written)} written"
        return f"{self.seconds:,.1f} s, {rate} pictures a second{written}; peak memory {self.peak_mb:,} MB"


class Meter:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._began, self._written = time.monotonic(), _bytes_written()

    def cost(self, pictures: int) -> Cost:
        """The cost until now. pictures: how many were worked on."""
        seconds = time.monotonic() - self._began
        now = _bytes_written()
        written = None if now is None or self._written is None else now - self._written
        peak_kib = max(resource.getrusage(of).ru_maxrss for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        rate = pictures / seconds if seconds > 0 else 0.0
        return Cost(pictures, round(seconds, 2), round(rate, 1), written, round(peak_kib * 1024 / 1e6))


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Look for cycles of objects rarely while rows are built or modules are loaded: these have hardly any."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], OBJECTS_BETWEEN) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _bytes_written() -> int | None:
    """Bytes that this process and its ended children wrote to disks; None where the kernel does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in ACCOUNT.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "write_bytes":
                return int(value)
    return None


def _in_units(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1000:.0f} KB"
