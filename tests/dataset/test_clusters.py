"""Near-duplicate pairs and clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.clusters import Hashes, clusters, near_pairs

word = st.integers(0, 2**64 - 1)


@given(
    st.lists(st.tuples(word, word, st.tuples(word, word, word, word), st.booleans()), max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 63)), max_size=20),
)
def test_near_pairs_equal_brute_force(
    base: list[tuple[int, int, tuple[int, ...], bool]], flips: list[tuple[int, int]]
) -> None:
    """The blocks and masks find what comparing every two images finds."""
    images = list(base)
    for index, bit in flips:  # near copies, or nothing would ever be near
        if index < len(base):
            p, d, f, usable = base[index]
            images.append((p ^ (1 << bit), d ^ (1 << (63 - bit)), (f[0] ^ (1 << bit), *f[1:]), usable))
    hashes = Hashes(
        np.array([[i[0]] for i in images], dtype=np.uint64).reshape(-1, 1),
        np.array([[i[1]] for i in images], dtype=np.uint64).reshape(-1, 1),
        np.array([i[2] for i in images], dtype=np.uint64).reshape(-1, 4),
        np.array([i[3] for i in images], dtype=bool),
    )
    expected = []
    for a in range(len(images)):
        for b in range(a + 1, len(images)):
            p = (images[a][0] ^ images[b][0]).bit_count()
            d = (images[a][1] ^ images[b][1]).bit_count()
            f = sum((x ^ y).bit_count() for x, y in zip(images[a][2], images[b][2], strict=True))
            same = ((p <= 12 or d <= 8) and f <= 82) or (p <= 8 and d <= 8 and f <= 100)
            if same and images[a][3] and images[b][3]:
                expected.append((a, b, p))
    pairs, distances = near_pairs(hashes)
    assert [(int(a), int(b), int(d)) for (a, b), d in zip(pairs, distances, strict=True)] == expected


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_a_chain_is_one_cluster(case: tuple[int, list[tuple[int, int]]]) -> None:
    """Images joined by a chain of pairs share a number; no others do."""
    n, edges = case
    numbers = clusters(n, np.array(edges, dtype=np.int64).reshape(-1, 2))
    groups = [{i} for i in range(n)]
    for a, b in edges:
        one, two = (next(g for g in groups if x in g) for x in (a, b))
        if one is not two:
            groups.remove(two)
            one |= two
    assert {frozenset(np.flatnonzero(numbers == k).tolist()) for k in set(numbers.tolist())} == set(
        map(frozenset, groups)
    )


def test_wrong_index_is_an_error() -> None:
    """A pair that names no image is refused."""
    with pytest.raises(ValueError, match="there are 3 images"):
        clusters(3, np.array([[0, 3]]))
