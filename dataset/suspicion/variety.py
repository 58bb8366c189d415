"""Orders by look: the queue, not ten pictures of one look in a row; a wall, neighbours alike. Pure functions."""

import numpy as np
from numpy.typing import NDArray

LONGEST_RUN = 9  # pictures of one look
SAME_LOOK = 0.6  # cosine of standardised features from which two pictures have one look
LEAST_ORDERED = 3  # pictures, from which on there is an order to choose
MOST_OPTIMAL = 200  # pictures whose order is the best one; for more, that takes long
ARRANGED = 1000  # pictures at the front of the queue; nobody is asked about more at a time


def without_runs(features: NDArray[np.float32]) -> list[int]:
    """An order of the pictures in which no more than LONGEST_RUN of one look come in a row, if others are left.

    features: (n, d), in the order of their priorities, highest first. A picture that would make a run longer waits for
    the next one of another look, so the order changes as little as it can.
    """
    looks = standardised(features)
    is_same = looks @ looks.T >= SAME_LOOK
    waiting, order = list(range(len(features))), list[int]()
    while waiting:
        run = order[-LONGEST_RUN:]
        is_long = len(run) == LONGEST_RUN
        chosen = next((i for i in waiting if not (is_long and is_same[i, run].all())), waiting[0])
        waiting.remove(chosen)
        order.append(chosen)
    return order


def by_look(features: NDArray[np.float32]) -> list[int]:
    """An order of the pictures in which neighbours look alike. features: (n, d).

    Average linkage by cosine of the standardised features, with the leaves in the best order (scipy).
    """
    if len(features) < LEAST_ORDERED:
        return list(range(len(features)))
    from scipy.cluster.hierarchy import leaves_list, linkage  # slow to import

    looks = standardised(features)
    joined = linkage(looks, method="average", metric="euclidean", optimal_ordering=len(looks) <= MOST_OPTIMAL)
    return [int(leaf) for leaf in leaves_list(joined)]


def alike(looks: NDArray[np.float32], chosen: int, count: int) -> list[int]:
    """The pictures that look most like the chosen one, the most alike first. looks: (n, d), of `standardised`."""
    order = np.argsort(-(looks @ looks[chosen]), kind="stable")[: count + 1]
    return [int(i) for i in order if i != chosen][:count]


def standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) features of length 1, each of which varies as much as the others. features: (n, d)."""
    looks = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    return np.asarray(looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9))
