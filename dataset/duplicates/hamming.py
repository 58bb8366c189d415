"""Join hashes: all pairs of 64-bit hashes within a few bits. Exact, in bounded memory, fast for millions of hashes.

Small sets are joined by comparing every pair. Large sets use the pigeonhole principle on bands of bits: if two hashes
differ in at most 10 bits, they differ in at most one bit of one of four bands, or in at most two of a fifth. The larger
set is sorted by its band; the bands of the smaller set, with bits flipped, are looked up there, and only hashes with
those bands are compared. See docs/decisions/0043.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HASH_BITS = 64
RADIUS_BITS = 8
BLOCK = 1 << 22  # comparisons at a time, 32 MB
LONG = 4096  # hashes from which on one is compared with many at a time
CACHED = 1 << 15  # comparisons at a time that stay in the processor's cache, 256 KB
MANY = 1 << 24  # hashes that are sorted by their bands at a time, 200 MB
TOGETHER = 1 << 10  # bands that are looked up at a time
MOST_BAND_BITS = 16  # NumPy sorts such numbers by their digits, six times as fast
FEWEST_BANDS = -(-HASH_BITS // MOST_BAND_BITS)
# What one step costs, in nanoseconds, to choose the fastest way. Measured; the result does not depend on them.
COMPARED_NS, SORTED_NS, LOOKED_UP_NS, SLICE_NS, CALLS_NS = 0.7, 60.0, 10_000.0, 250.0, 4000.0

Pairs = tuple[NDArray[np.int64], NDArray[np.uint8]]  # (m, 2) indices; (m,) distances


def cross_join(a: NDArray[np.uint64], b: NDArray[np.uint64], radius: int = RADIUS_BITS) -> Pairs:
    """Every (index in a, index in b) within `radius` bits, in order, with the distances.

    a, b: (n,), (m,) hashes; many may be equal.
    """
    if len(a) == 0 or len(b) == 0:
        return _none()
    bands = _bands(radius, min(len(a), len(b)), max(len(a), len(b)))
    return _ordered(*(_looked_up(a, b, bands, radius) if bands else _brute(a, b, radius)))


def _brute(a: NDArray[np.uint64], b: NDArray[np.uint64], radius: int) -> Pairs:
    """Every pair within the radius, in any order."""
    if len(b) >= LONG:
        return _one_with_many(a, b, radius)
    step = max(1, BLOCK // len(b))
    pairs, distances = [], []
    for start in range(0, len(a), step):
        bits = np.bitwise_count(a[start : start + step, None] ^ b[None, :])
        i, j = np.nonzero(bits <= radius)
        pairs.append(np.stack([i + start, j], axis=1))
        distances.append(bits[i, j])
    return np.concatenate(pairs).astype(np.int64), np.concatenate(distances).astype(np.uint8)


def _one_with_many(a: NDArray[np.uint64], b: NDArray[np.uint64], radius: int) -> Pairs:
    """The same, one hash of `a` with a part of `b` at a time, in the processor's cache: four times as fast."""
    pairs: list[NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    distances: list[NDArray[np.uint8]] = [np.empty(0, dtype=np.uint8)]
    differing, bits = np.empty(CACHED, dtype=np.uint64), np.empty(CACHED, dtype=np.uint8)
    for start in range(0, len(b), CACHED):
        part = b[start : start + CACHED]
        here, there = differing[: len(part)], bits[: len(part)]
        for i, value in enumerate(a):
            np.bitwise_count(np.bitwise_xor(part, value, out=here), out=there)
            near = np.flatnonzero(there <= radius)
            if len(near):
                pairs.append(np.stack([np.full(len(near), i), near + start], axis=1))
                distances.append(there[near])
    return np.concatenate(pairs), np.concatenate(distances)


@dataclass(frozen=True)
class _Band:
    """Some bits of a hash, of which `flipped` may differ."""

    start: int
    width: int
    flipped: int

    def flips(self) -> NDArray[np.uint16]:
        """(masks,) the bits that may differ together, as masks of the band; the first has none."""
        chosen = (itertools.combinations(range(self.width), n) for n in range(self.flipped + 1))
        bits = itertools.chain.from_iterable(chosen)
        return np.array([sum(1 << bit for bit in some) for some in bits], dtype=np.uint16)

    def agree(self, differing: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(n,) whether hashes that differ in these bits, (n,), differ little enough here."""
        return np.asarray(np.bitwise_count(self.of(differing)) <= self.flipped)

    def of(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint16]:
        return ((hashes >> np.uint64(self.start)) & np.uint64((1 << self.width) - 1)).astype(np.uint16)


def _bands(radius: int, few: int, many: int) -> Sequence[_Band]:
    """The bands by which to join sets of these sizes the fastest; none where comparing every pair is the fastest."""
    best, least = [], COMPARED_NS * few * many
    if least <= FEWEST_BANDS * SORTED_NS * many:  # sorting alone takes longer
        return []
    for shape in _shapes(radius):
        ns = 0.0
        for width, flipped in shape:
            masks, different = _masks(width, flipped), min(few, 2**width)
            there = many * masks / 2**width
            at_once = max(1, min(few / different, CACHED / there))
            ns += SORTED_NS * many + different * (LOOKED_UP_NS + SLICE_NS * masks)
            ns += few * (CALLS_NS / at_once + COMPARED_NS * there)
        if ns < least:
            best, least = shape, ns
    starts = itertools.accumulate((width for width, _ in best), initial=0)
    return [_Band(start, width, flipped) for start, (width, flipped) in zip(starts, best, strict=False)]


@functools.cache
def _shapes(radius: int) -> Sequence[list[tuple[int, int]]]:
    """Ways to cut a hash into bands, as width and most flipped bits of each, so that no pair is missed.

    Hashes that differ in more than the most flipped bits of every band differ in at least the sum of those and one for
    each band, so that sum must be beyond the radius.
    """
    found = []
    for bands in range(FEWEST_BANDS, max(FEWEST_BANDS, radius + 1) + 1):
        less, wider = divmod(radius + 1, bands)  # in `wider` bands one bit more may differ
        for width in range(1, MOST_BAND_BITS + 1):
            rest, narrow = HASH_BITS - width * wider, bands - wider
            widths = [rest // narrow + (n < rest % narrow) for n in range(narrow)] if narrow else []
            is_whole = all(0 < one <= MOST_BAND_BITS for one in widths) if narrow else rest == 0
            if is_whole and (wider or width == 1):
                found.append([(width, less)] * wider + [(one, less - 1) for one in widths if less])
    return found


@functools.cache
def _masks(width: int, flipped: int) -> int:
    return sum(math.comb(width, n) for n in range(flipped + 1))


def _looked_up(a: NDArray[np.uint64], b: NDArray[np.uint64], bands: Sequence[_Band], radius: int) -> Pairs:
    """Each pair of a with b, in any order. The smaller set is looked up in the larger.

    A pair counts in the first band that finds it.
    """
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    found = [_none()[0]]
    for start in range(0, len(many), MANY):
        part = many[start : start + MANY]
        for number, band in enumerate(bands):
            for pairs in _in_band(few, part, band, radius):
                differing = few[pairs[:, 0]] ^ part[pairs[:, 1]]
                is_new = np.ones(len(pairs), dtype=bool)
                for before in bands[:number]:
                    is_new &= ~before.agree(differing)
                found.append(pairs[is_new] + [0, start])
    whole = np.concatenate(found)
    distances = np.bitwise_count(few[whole[:, 0]] ^ many[whole[:, 1]]).astype(np.uint8)
    return whole if few is a else whole[:, ::-1], distances


def _in_band(
    few: NDArray[np.uint64], many: NDArray[np.uint64], band: _Band, radius: int
) -> Iterator[NDArray[np.int64]]:
    """(m, 2) indices of pairs within the radius whose bands differ in few enough bits."""
    bands = band.of(many)
    order = np.argsort(bands, kind="stable").astype(np.uint32)
    in_order = many[order]
    begins = np.zeros((1 << band.width) + 1, dtype=np.int64)  # place where the run of each band begins
    np.cumsum(np.bincount(bands, minlength=1 << band.width), out=begins[1:])
    own = band.of(few)
    alike = np.argsort(own, kind="stable")
    distinct, firsts = np.unique(own[alike], return_index=True)
    groups, flips = np.split(alike, firsts[1:]), band.flips()  # groups: with equal bands
    for first in range(0, len(distinct), TOGETHER):
        wanted = distinct[first : first + TOGETHER, None] ^ flips[None, :]
        lows, highs = begins[:-1][wanted], begins[1:][wanted]
        for n, group in enumerate(groups[first : first + TOGETHER]):
            runs = [
                slice(low, high) for low, high in zip(lows[n].tolist(), highs[n].tolist(), strict=True) if low < high
            ]
            if not runs:
                continue
            there = np.concatenate([in_order[run] for run in runs])
            step = max(1, CACHED // len(there))
            for some in (group[at : at + step] for at in range(0, len(group), step)):
                near = np.flatnonzero(np.bitwise_count(few[some, None] ^ there[None, :]).reshape(-1) <= radius)
                if len(near):
                    row, column = np.divmod(near, len(there))
                    places = np.concatenate([np.arange(run.start, run.stop) for run in runs])[column]
                    yield np.stack([some[row], order[places].astype(np.int64)], axis=1)


def _ordered(pairs: NDArray[np.int64], distances: NDArray[np.uint8]) -> Pairs:
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], distances[order]


def _none() -> Pairs:
    return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.uint8)
