"""Join hashes: all pairs of 64-bit hashes within a few bits. Exact, in bounded memory, fast for a million hashes.

Small sets are joined by comparing every pair. Large sets use the pigeonhole principle on three bands of bits: two
hashes within 8 bits differ in at most two bits of one band, within 11 bits in at most three. To join a set with itself,
each hash gets keys, its band with no bit or one bit flipped; the keys are sorted, and hashes with equal keys are
compared. To join two sets, the bands of the smaller set, with bits flipped, are looked up in the larger set.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RADIUS_BITS = 8
MAX_RADIUS_BITS = 11  # of an exact join of two large sets
BRUTE_PAIRS = 1_500_000_000  # comparisons up to which comparing every pair is the fastest
BLOCK = 1 << 22  # comparisons at a time, 32 MB
LONG = 4096  # hashes from which on one is compared with many at a time
CACHED = 1 << 15  # hashes of which it is compared with so many at once, 256 KB
BANDS = ((0, 22), (22, 21), (43, 21))  # first bit and width of each, in bits
CHUNK = 1 << 22  # candidate pairs at a time

Pairs = tuple[NDArray[np.int64], NDArray[np.uint8]]  # (m, 2) indices; (m,) distances


def cross_join(a: NDArray[np.uint64], b: NDArray[np.uint64], radius: int = RADIUS_BITS) -> Pairs:
    """Every (index in a, index in b) within `radius` bits, in order, with the distances.

    a, b: (n,), (m,) hashes; many may be equal. Raises ValueError for a radius beyond MAX_RADIUS_BITS if the sets are
    too large to compare every pair.
    """
    if len(a) == 0 or len(b) == 0:
        return _none()
    if len(a) * len(b) <= BRUTE_PAIRS:
        return _ordered(*_brute(a, b, radius))
    if radius > MAX_RADIUS_BITS:
        raise ValueError(f"a radius of {radius} bits is exact for small sets only; use {MAX_RADIUS_BITS}")
    distinct_a, first_a = np.unique(a, return_inverse=True)
    distinct_b, first_b = np.unique(b, return_inverse=True)
    pairs, distances = _banded(distinct_a, distinct_b, radius)
    return _ordered(*_expanded(pairs, distances, first_a, first_b))


def self_join(hashes: NDArray[np.uint64], radius: int = RADIUS_BITS) -> Pairs:
    """Every pair (i < j) of distinct hashes within `radius` bits, 8 at most. Each hash has the index of its first copy.

    hashes: (n,). Equal hashes are not paired with each other, because a thousand equal ones would be half a million
    pairs; `first_of_equals` groups them. Raises ValueError for a larger radius if the set is large.
    """
    values, first = np.unique(hashes, return_index=True)
    if len(values) < 2:
        return _none()
    if radius > RADIUS_BITS and len(values) ** 2 > BRUTE_PAIRS:
        raise ValueError(f"a radius of {radius} bits is exact for small sets only; use {RADIUS_BITS}")
    if len(values) ** 2 <= BRUTE_PAIRS:
        pairs, distances = _brute(values, values, radius)
        keep = pairs[:, 0] < pairs[:, 1]
        pairs, distances = pairs[keep], distances[keep]
    else:
        pairs, distances = _banded(values, None, radius)
    return _ordered(np.sort(first[pairs], axis=1), distances)


def first_of_equals(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(n,) index of the first hash that equals each hash."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)


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


def _banded(a: NDArray[np.uint64], b: NDArray[np.uint64] | None, radius: int) -> Pairs:
    """Each pair of a with b, or of a with itself (i < j), once. a and b have distinct values."""
    codes = [
        _within(a, a if b is None else b, i, j, radius)
        for start, width in BANDS
        for i, j in (
            _self_candidates(a, start, width)
            if b is None
            else _cross_candidates(a, b, start, width, radius // len(BANDS))
        )
    ]
    whole = np.unique(np.concatenate(codes)) if codes else np.empty(0, dtype=np.uint64)
    pairs = np.stack([whole >> np.uint64(32), whole & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)
    distances = np.bitwise_count(a[pairs[:, 0]] ^ (a if b is None else b)[pairs[:, 1]])
    return pairs, distances.astype(np.uint8)


def _within(
    a: NDArray[np.uint64], b: NDArray[np.uint64], i: NDArray[np.uint32], j: NDArray[np.uint32], radius: int
) -> NDArray[np.uint64]:
    """The candidate pairs within the radius, each as one number: i in the upper 32 bits, j in the lower."""
    near = np.bitwise_count(a[i] ^ b[j]) <= radius
    codes: NDArray[np.uint64] = np.unique((i[near].astype(np.uint64) << np.uint64(32)) | j[near].astype(np.uint64))
    return codes


def _keys(hashes: NDArray[np.uint64], start: int, width: int) -> NDArray[np.uint64]:
    """Keys of each hash: its band, with no bit or one bit flipped, above its index. Sorted, (n·(width+1),)."""
    band = (hashes >> np.uint64(start)) & np.uint64((1 << width) - 1)
    index = np.arange(len(hashes), dtype=np.uint64)
    keys = np.empty((width + 1, len(hashes)), dtype=np.uint64)
    keys[0] = (band << np.uint64(32)) | index
    for bit in range(width):
        keys[bit + 1] = ((band ^ np.uint64(1 << bit)) << np.uint64(32)) | index
    flat = keys.reshape(-1)
    flat.sort()
    return flat


def _self_candidates(
    hashes: NDArray[np.uint64], start: int, width: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
    """Index pairs (i < j) with equal keys: in a run of equal keys, each with those after it."""
    keys = _keys(hashes, start, width)
    bands = (keys >> np.uint64(32)).astype(np.uint32)
    index = keys.astype(np.uint32)
    del keys
    for begin in range(0, len(bands), CHUNK):
        at: NDArray[np.int64] = np.arange(begin, min(begin + CHUNK, len(bands)), dtype=np.int64)
        step = 1
        while len(at):
            at = at[at + step < len(bands)]
            at = at[bands[at] == bands[at + step]]
            if len(at):
                yield index[at], index[at + step]  # indices ascend in a run: i < j
            step += 1


def _cross_candidates(
    a: NDArray[np.uint64], b: NDArray[np.uint64], start: int, width: int, flipped: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
    """Index pairs whose bands differ in at most `flipped` bits. The smaller set is looked up in the larger."""
    swapped = len(a) > len(b)
    few, many = (b, a) if swapped else (a, b)
    mask = np.uint64((1 << width) - 1)
    bands = ((many >> np.uint64(start)) & mask).astype(np.uint32)
    order = np.argsort(bands, kind="stable").astype(np.uint32)
    # index where the run of each band begins: at most 4 million bands
    begins = np.zeros((1 << width) + 1, dtype=np.int64)
    np.cumsum(np.bincount(bands, minlength=1 << width), out=begins[1:])
    own = (few >> np.uint64(start)) & mask
    flips = np.array(
        [sum(1 << bit for bit in bits) for k in range(flipped + 1) for bits in itertools.combinations(range(width), k)],
        dtype=np.uint64,
    )
    step = max(1, CHUNK // len(flips))
    for first in range(0, len(few), step):
        wanted = (own[first : first + step, None] ^ flips[None, :]).astype(np.int64)
        counts = begins[wanted + 1] - begins[wanted]
        row, column = np.nonzero(counts)
        sizes = counts[row, column]
        starts = begins[wanted[row, column]]
        for part in _parts(sizes):
            lengths = sizes[part]
            offsets = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            hits = order[np.repeat(starts[part], lengths) + offsets]
            mine = np.repeat(row[part] + first, lengths).astype(np.uint32)
            yield (hits, mine) if swapped else (mine, hits)


def _parts(sizes: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of `sizes` whose sums are about CHUNK."""
    total = np.cumsum(sizes)
    begin = 0
    while begin < len(sizes):
        before = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + CHUNK, side="right")))
        yield slice(begin, end)
        begin = end


def _expanded(
    pairs: NDArray[np.int64], distances: NDArray[np.uint8], of_a: NDArray[np.int64], of_b: NDArray[np.int64]
) -> Pairs:
    """Pairs of all hashes, from pairs of distinct values. of_a, of_b: the number of each hash's value."""
    order_a, order_b = np.argsort(of_a, kind="stable"), np.argsort(of_b, kind="stable")
    count_a, count_b = np.bincount(of_a), np.bincount(of_b)
    begin_a, begin_b = np.cumsum(count_a) - count_a, np.cumsum(count_b) - count_b
    expanded = [
        np.stack(
            [
                np.repeat(order_a[begin_a[i] : begin_a[i] + count_a[i]], count_b[j]),
                np.tile(order_b[begin_b[j] : begin_b[j] + count_b[j]], count_a[i]),
            ],
            axis=1,
        )
        for i, j in pairs
    ]
    sizes = count_a[pairs[:, 0]] * count_b[pairs[:, 1]] if len(pairs) else np.empty(0, dtype=np.int64)
    if not expanded:
        return _none()
    return np.concatenate(expanded).astype(np.int64), np.repeat(distances, sizes)


def _ordered(pairs: NDArray[np.int64], distances: NDArray[np.uint8]) -> Pairs:
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], distances[order]


def _none() -> Pairs:
    return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.uint8)
