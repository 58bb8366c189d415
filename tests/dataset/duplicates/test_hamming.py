"""Joins of 64-bit hashes: whatever makes them fast, they find what comparing everything finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dataset.duplicates import hamming
from dataset.duplicates.hamming import cross_join, first_of_equals, self_join


def clustered(n: int, seed: int) -> NDArray[np.uint64]:
    """Hashes in fours: one at random, three within twelve bits of it; some are equal."""
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


def told(found: hamming.Pairs) -> list[tuple[int, int, int]]:
    return [(i, j, d) for (i, j), d in zip(found[0].tolist(), found[1].tolist(), strict=True)]


@pytest.fixture(params=["compared", "banded"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways give the same; the second is taken for large sets."""
    if request.param == "banded":
        monkeypatch.setattr(hamming, "BRUTE_PAIRS", 1)
        monkeypatch.setattr(hamming, "CHUNK", 500)
    return str(request.param)


@pytest.mark.parametrize("radius", [0, 3, 8, 10, 11])
@pytest.mark.parametrize(("n", "m"), [(150, 400), (400, 150), (1, 5), (0, 3)])
def test_two_sets_joined_equal_brute_force(way: str, radius: int, n: int, m: int) -> None:
    hashes = clustered(n + m, seed=radius + n)
    a, b = hashes[:n], hashes[n:]
    assert told(cross_join(a, b, radius)) == brute(a, b, radius)


@pytest.mark.parametrize("seed", range(5))
def test_a_set_joined_with_itself_equals_brute_force(way: str, seed: int) -> None:
    """Each distinct value once, at its first index."""
    hashes = clustered(500, seed)
    first = first_of_equals(hashes)
    expected = [(i, j, d) for i, j, d in brute(hashes, hashes, 8) if i < j and first[i] == i and first[j] == j]
    assert told(self_join(hashes)) == expected


word = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.lists(word, max_size=15), st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2**64 - 1)), max_size=20))
def test_any_hashes_joined_equal_brute_force(base: list[int], masks: list[tuple[int, int]]) -> None:
    """Hashes that share most bits, from anywhere."""
    near = [base[i] ^ (mask & 0x8421084210842108 & mask >> 1) for i, mask in masks if i < len(base)]
    hashes = np.array(base + near, dtype=np.uint64)
    for brute_pairs in (1, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hamming, "BRUTE_PAIRS", brute_pairs)
            assert told(cross_join(hashes, hashes)) == brute(hashes, hashes, 8)


def test_thousands_of_equal_hashes_are_no_burden(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand for one value: no half a billion pairs."""
    monkeypatch.setattr(hamming, "BRUTE_PAIRS", 1)
    hashes = clustered(2000, 1)
    many = np.concatenate([hashes, np.full(30_000, hashes[7])])
    assert told(self_join(many)) == told(self_join(hashes))
    assert set(first_of_equals(many)[2000:].tolist()) == {7}


def test_a_radius_that_would_not_be_exact_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "BRUTE_PAIRS", 1)
    hashes = clustered(10, 1)
    with pytest.raises(ValueError, match="exact for small sets only"):
        cross_join(hashes, hashes, 12)
    with pytest.raises(ValueError, match="exact for small sets only"):
        self_join(hashes, 9)
