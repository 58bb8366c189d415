"""Near-duplicate pairs and the clusters they form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PHASH_BITS = 12
DHASH_BITS = 8
PHASH16_BITS = 82
CROPPED_BITS = 8  # a crop moves the fine hash further: both coarse ones must then agree
CROPPED16_BITS = 100
BLOCK = 512


@dataclass(frozen=True)
class Hashes:
    """(n, 1), (n, 1) and (n, 4) words of 64 bits; usable: (n,) False where a picture has no detail to hash."""

    phash: NDArray[np.uint64]
    dhash: NDArray[np.uint64]
    phash16: NDArray[np.uint64]
    usable: NDArray[np.bool_]


def near_pairs(hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of the same picture: ((m, 2) indices with a < b, in order; (m,) pHash distances in bits).

    Two fingerprints agree when (pHash within 12 bits or dHash within 8) and the 256-bit pHash within 82, or
    when pHash and dHash are both within 8 and the 256-bit pHash within 100 (docs/decisions/0004).
    """
    found: list[NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    distances: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    n = len(hashes.phash)
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        phash, dhash = _distance(hashes.phash[rows], hashes.phash), _distance(hashes.dhash[rows], hashes.dhash)
        close = (phash <= PHASH_BITS) | (dhash <= DHASH_BITS)
        close &= hashes.usable[rows, None] & hashes.usable[None, :]
        a, b = np.nonzero(close)
        keep = a + start < b
        a, b = a[keep], b[keep]
        fine_distance = np.bitwise_count(hashes.phash16[a + start] ^ hashes.phash16[b]).sum(axis=1)
        cropped = (phash[a, b] <= CROPPED_BITS) & (dhash[a, b] <= CROPPED_BITS) & (fine_distance <= CROPPED16_BITS)
        fine = (fine_distance <= PHASH16_BITS) | cropped
        found.append(np.stack([a[fine] + start, b[fine]], axis=1).astype(np.int64))
        distances.append(phash[a[fine], b[fine]].astype(np.int64))
    return np.concatenate(found), np.concatenate(distances)


def clusters(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cluster number of each image: images joined by a chain of near-duplicates share one.

    n: how many images. pairs: (m, 2) indices into 0..n-1, any order, repeats allowed.
    Returns (n,), numbered by first appearance, so equal input gives equal output.
    Raises ValueError for an index outside 0..n-1.
    Source: connected components, scipy.sparse.csgraph.
    """
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < n:
        raise ValueError(f"pairs use indices {pairs.min()}..{pairs.max()}; there are {n} images")
    edges = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(edges, directed=False)[1].astype(np.int64)


def _distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(len(a), len(b)) Hamming distances of one-word hashes."""
    distances: NDArray[np.uint8] = np.bitwise_count(a[:, 0][:, None] ^ b[:, 0][None, :])
    return distances
