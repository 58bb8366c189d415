"""Clusters from pairs: in any order, without chains."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.duplicates.clusters import clusters

Case = tuple[int, list[tuple[int, int]]]
cases = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=60))
)


def numbered(n: int, edges: list[tuple[int, int]]) -> list[int]:
    return clusters(n, np.array(edges, dtype=np.int64).reshape(-1, 2), range(n)).tolist()


@given(cases, st.randoms())
def test_any_order_of_pairs_gives_the_same_clusters(case: Case, random: object) -> None:
    """So the order in which images were collected does not matter."""
    n, edges = case
    shuffled = [pair[::-1] if k % 2 else pair for k, pair in enumerate(edges)] * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert numbered(n, shuffled) == numbered(n, edges)


@given(cases)
def test_a_cluster_has_a_hub_that_all_its_members_are_paired_with(case: Case) -> None:
    """There are no chains. An image without a pair is a cluster of its own."""
    n, edges = case
    paired = {frozenset(edge) for edge in edges}
    numbers = numbered(n, edges)
    for number in set(numbers):
        members = [i for i in range(n) if numbers[i] == number]
        assert any(all(i == hub or frozenset((i, hub)) in paired for i in members) for hub in members)
    assert numbers == sorted(set(numbers)) or min(numbers) == 0
    lonely = set(range(n)) - {i for edge in edges if edge[0] != edge[1] for i in edge}
    assert len({numbers[i] for i in lonely}) == len(lonely)


def test_a_long_chain_is_split_and_a_star_is_not() -> None:
    """A chain A~B~C~D becomes two clusters; a hub with five partners is one cluster."""
    assert len(set(numbered(4, [(0, 1), (1, 2), (2, 3)]))) == 2
    assert len(set(numbered(6, [(3, k) for k in (0, 1, 2, 4, 5)]))) == 1


def test_a_wrong_index_is_an_error() -> None:
    """A pair must name two of the images."""
    with pytest.raises(ValueError, match="there are 3 images"):
        clusters(3, np.array([[0, 3]]), range(3))
