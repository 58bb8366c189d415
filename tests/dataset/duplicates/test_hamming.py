"""Joins of 64-bit hashes find the same pairs as comparing every pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataset.duplicates import hamming
from dataset.duplicates.hamming import cross_join


def clustered(n: int, seed: int) -> NDArray[np.uint64]:
    """Groups of four hashes: one is random, three are within twelve bits of it; some are equal."""
    rng = np.random.default_rng(seed)
    hashes = np.repeat(rng.integers(0, 2**64, -(-n // 4), dtype=np.uint64), 4)[:n]
    flips = rng.integers(0, 13, n)
    for k in range(12):
        chosen = flips > k
        hashes[chosen] ^= np.uint64(1) << rng.integers(0, 64, int(chosen.sum()), dtype=np.uint64)
    rng.shuffle(hashes)
    return hashes


def brute(a: NDArray[np.uint64], b: NDArray[np.uint64], radius: int) -> list[tuple[int, int, int]]:
    bits = np.bitwise_count(a[:, None] ^ b[None, :])
    return [(int(i), int(j), int(bits[i, j])) for i, j in zip(*np.nonzero(bits <= radius), strict=True)]


def listed(pairs: hamming.Pairs) -> list[tuple[int, int, int]]:
    return [(i, j, d) for (i, j), d in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True)]


def large(patch: pytest.MonkeyPatch) -> None:
    """From here on every set is joined as large ones are."""
    patch.setattr(hamming, "COMPARED_NS", 1e12)


@pytest.fixture(params=["compared", "one with many", "banded"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways for small sets, and the way for large sets."""
    if request.param == "one with many":
        monkeypatch.setattr(hamming, "LONG", 1)
        monkeypatch.setattr(hamming, "CACHED", 64)
    if request.param == "banded":
        large(monkeypatch)
        monkeypatch.setattr(hamming, "CACHED", 100)
        monkeypatch.setattr(hamming, "MANY", 130)
        monkeypatch.setattr(hamming, "TOGETHER", 7)
    return str(request.param)


@pytest.mark.parametrize("radius", [0, 3, 8, 10, 11, 14])
@pytest.mark.parametrize(("n", "m"), [(150, 400), (400, 150), (1, 5), (0, 3)])
def test_two_sets_joined_equal_brute_force(way: str, radius: int, n: int, m: int) -> None:
    hashes = clustered(n + m, seed=radius + n)
    a, b = hashes[:n], hashes[n:]
    assert listed(cross_join(a, b, radius)) == brute(a, b, radius)


word = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.lists(word, max_size=15), st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2**64 - 1)), max_size=20))
def test_any_hashes_joined_equal_brute_force(base: list[int], masks: list[tuple[int, int]]) -> None:
    """Hashes from anywhere, and others that share most bits with them."""
    near = [base[i] ^ (mask & 0x8421084210842108 & mask >> 1) for i, mask in masks if i < len(base)]
    hashes = np.array(base + near, dtype=np.uint64)
    assert listed(cross_join(hashes, hashes)) == brute(hashes, hashes, 8)
    with pytest.MonkeyPatch.context() as patch:
        large(patch)
        assert listed(cross_join(hashes, hashes)) == brute(hashes, hashes, 8)


@pytest.mark.parametrize("radius", range(17))
def test_no_cut_into_bands_misses_a_pair(radius: int) -> None:
    """Whatever the sizes are: bits that differ as evenly as they can still differ little enough in one band."""
    for few, many in itertools.product((1, 1000, 10**6), (10**6, 10**7, 10**9)):
        bands = hamming._bands(radius, few, many)
        most = [max(int(flips).bit_count() for flips in band.flips()) for band in bands]
        if bands:
            assert sum(band.width for band in bands) <= hamming.HASH_BITS
            assert sum(most) + len(bands) > radius
    assert bands


@pytest.mark.parametrize("flipped", [1, 2])
def test_equal_hashes_are_all_paired(flipped: int, monkeypatch: pytest.MonkeyPatch) -> None:
    large(monkeypatch)
    a, b = np.full(30, 77, dtype=np.uint64), np.full(40, 77 ^ flipped, dtype=np.uint64)
    pairs, distances = cross_join(a, b)
    assert len(pairs) == 1200
    assert set(distances.tolist()) == {1}
