"""Which pictures of a split share a shard: those whose SHA-256s are in one range.

The ranges depend on the SHA-256s of the split alone. A range with too many pictures is halved, and so is each half, so
one more picture changes the range that it is in, and no other.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_PICTURES = 1000  # of a shard: 100 to 200 MB of photos
START_DIGITS = 4  # of a range: the first digits of a SHA-256
STARTS = 16**START_DIGITS
BEHIND_ALL = "g"  # sorts after every hex digit


@dataclass(frozen=True)
class Range:
    """SHA-256s from start on, and before end. Both are first digits, which sort as the whole hashes do."""

    start: str
    end: str


def ranges(names: Sequence[str], most: int) -> Iterator[Range]:
    """The ranges that have at least one of the names, in order. names: SHA-256s of one split, sorted.

    A range holds up to `most` of them, unless it cannot be halved.
    """
    yield from _halved(names, most, (0, STARTS), (0, len(names)))


def _halved(names: Sequence[str], most: int, starts: tuple[int, int], found: tuple[int, int]) -> Iterator[Range]:
    """starts: of the range, from and to. found: indices of the names in it, from and to."""
    (first, last), (low, high) = starts, found
    if low == high:
        return
    if high - low <= most or last - first == 1:
        yield Range(_digits(first), _digits(last))
        return
    middle = (first + last) // 2
    between = bisect_left(names, _digits(middle), low, high)
    yield from _halved(names, most, (first, middle), (low, between))
    yield from _halved(names, most, (middle, last), (between, high))


def _digits(start: int) -> str:
    return f"{start:0{START_DIGITS}x}" if start < STARTS else BEHIND_ALL
