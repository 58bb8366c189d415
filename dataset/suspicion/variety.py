"""The order of the queue: not ten pictures of one look in a row. Pure functions."""

import numpy as np
from numpy.typing import NDArray

LONGEST_RUN = 9  # pictures of one look
SAME_LOOK = 0.6  # cosine of standardised features from which two pictures have one look
ARRANGED = 1000  # pictures at the front of the queue; nobody is asked about more at a time


def without_runs(features: NDArray[np.float32]) -> list[int]:
    """An order of the pictures in which no more than LONGEST_RUN of one look come in a row, if others are left.

    features: (n, d), in the order of their priorities, highest first. A picture that would make a run longer waits for
    the next one of another look, so the order changes as little as it can.
    """
    looks = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
    is_same = looks @ looks.T >= SAME_LOOK
    waiting, order = list(range(len(features))), list[int]()
    while waiting:
        run = order[-LONGEST_RUN:]
        is_long = len(run) == LONGEST_RUN
        chosen = next((i for i in waiting if not (is_long and is_same[i, run].all())), waiting[0])
        waiting.remove(chosen)
        order.append(chosen)
    return order
