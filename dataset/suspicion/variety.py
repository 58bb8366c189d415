"""Orders by look: the queue, not ten pictures of one look in a row; a wall, neighbours alike."""

from collections.abc import Collection

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from dataset.catalog.tables import features as stored_features

NAMES_PER_QUERY = 500

LONGEST_RUN = 9  # pictures of one look
SAME_LOOK = 0.6  # cosine of standardised features from which two pictures have one look
LEAST_ORDERED = 3  # pictures, from which on there is an order to choose
MOST_OPTIMAL = 200  # pictures whose order is the best one; for more, that takes long
ARRANGED = 1000  # pictures at the front of the queue; nobody is asked about more at a time


def features_of(connection: Connection, names: Collection[str], backbone: str) -> dict[str, NDArray[np.float32]]:
    """The stored features of pictures, (d,) each, by SHA-256; without those that have none."""
    found: dict[str, NDArray[np.float32]] = {}
    for part in chunked(names, NAMES_PER_QUERY):
        rows = connection.execute(
            select(stored_features.c.sha256, stored_features.c.vector).where(
                stored_features.c.backbone == backbone, stored_features.c.sha256.in_(part)
            )
        ).all()
        found |= {row.sha256: np.frombuffer(row.vector, dtype=np.float16).astype(np.float32) for row in rows}
    return found


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
