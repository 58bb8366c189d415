"""The images that have no say in a second look: what is wrong there would teach the models the very mistake."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.fitted.company import MIN_COMPANY
from dataset.suspicion.triage import logit

DOUBTED_SHARE = 0.1  # of the images of a label, that the second look leaves out


def most_doubted(labels: Sequence[str], *opinions: Sequence[Mapping[str, float]]) -> NDArray[np.bool_]:
    """(n,) The share DOUBTED_SHARE of the images of each label that opinions doubt most.

    opinions: each has, for every image, probabilities by label. MIN_COMPANY images of each label stay.
    """
    y = np.asarray(labels)
    odds = np.array([sum(logit(one[i].get(y[i], 0.5)) for one in opinions) for i in range(len(y))])
    doubted = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        of = np.flatnonzero(y == label)
        count = min(int(DOUBTED_SHARE * len(of)), max(0, len(of) - MIN_COMPANY))
        doubted[of[np.argsort(odds[of], kind="stable")[:count]]] = True
    return doubted
