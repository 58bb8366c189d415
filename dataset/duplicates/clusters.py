"""Clusters from confirmed pairs, without chains. Pure functions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def clusters(n: int, pairs: NDArray[np.int64], quality: Sequence[Any]) -> NDArray[np.int64]:
    """Cluster number of each image. All images of a cluster are paired with one of them, its hub.

    n: how many images. pairs: (m, 2) indices into 0..n-1, any order, repeats allowed. quality: n values that can be
    ordered, all different. Among images that a chain of pairs connects, the image with the most pairs is the hub; of
    several, the best. It and its partners are a cluster, and the other images of the chain are clustered in the same
    way. Returns (n,), numbered by first appearance, so that equal pairs in any order give equal numbers.
    Raises ValueError for an index outside 0..n-1.
    """
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < n:
        raise ValueError(f"pairs use indices {pairs.min()}..{pairs.max()}; there are {n} images")
    edges = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    component = connected_components(edges, directed=False)[1]
    partners: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs.tolist():
        if a != b:
            partners[a].add(b)
            partners[b].add(a)
    waiting: dict[int, set[int]] = defaultdict(set)
    for member in partners:
        waiting[int(component[member])].add(member)
    hub_of = np.arange(n, dtype=np.int64)
    for members in waiting.values():
        while members:
            hub = max(members, key=lambda m: (len(partners[m] & members), quality[m]))
            group = (partners[hub] & members) | {hub}
            hub_of[list(group)] = hub
            members -= group
    _, first, numbers = np.unique(hub_of, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbers]
