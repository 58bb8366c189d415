"""Confirmed pairs into clusters, without chains. Pure functions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def clusters(n: int, pairs: NDArray[np.int64], quality: Sequence[Any]) -> NDArray[np.int64]:
    """Cluster number of each image: all members of a cluster are paired with one of them, its hub.

    n: how many images. pairs: (m, 2) indices into 0..n-1, any order, repeats allowed. quality: n values that
    can be ordered, all different. Of images joined by a chain, the hub is the one with the most pairs, then the
    best; those paired with it are its cluster, and the rest is looked at again in the same way.
    Returns (n,), numbered by first appearance: equal input, in any order, gives equal output.
    Raises ValueError for an index outside 0..n-1.
    """
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < n:
        raise ValueError(f"pairs use indices {pairs.min()}..{pairs.max()}; there are {n} images")
    edges = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    component = connected_components(edges, directed=False)[1]
    beside: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs.tolist():
        if a != b:
            beside[a].add(b)
            beside[b].add(a)
    waiting: dict[int, set[int]] = defaultdict(set)
    for member in beside:
        waiting[int(component[member])].add(member)
    hub_of = np.arange(n, dtype=np.int64)
    for members in waiting.values():
        while members:
            hub = max(members, key=lambda m: (len(beside[m] & members), quality[m]))
            group = (beside[hub] & members) | {hub}
            hub_of[list(group)] = hub
            members -= group
    _, first, numbers = np.unique(hub_of, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbers]
