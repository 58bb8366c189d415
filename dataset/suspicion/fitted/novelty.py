"""How unlike the other images of its label an image looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.fitted.company import COMPARED, MAX_COMPANY, MIN_COMPANY, Company
from dataset.suspicion.vectors import Chosen, Vectors, blocks, unit

NEAREST = 3  # novelty is the distance to the third nearest image of the same label
MAX_NOVELTY = 8.0  # spreads


@dataclass(frozen=True)
class Usual:
    """How far images of a label usually are from their neighbours. images: (m,) of the label, as in Company. features:
    (m, d), which are read when they are needed, a label at a time. median, spread: of their distances.
    """

    images: NDArray[np.int64]
    features: Vectors
    median: float
    spread: float

    def novelty(
        self, features: Vectors, groups: NDArray[np.int64], all_groups: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n,) of images of the label, in robust spreads above the median, 0 to MAX_NOVELTY.

        features: (n, d). groups: (n,) their clusters; images of one cluster are no neighbours. all_groups: of all
        images at hand.
        """
        company = Company(self.images, unit(self.features[:]).T)
        far = distances(features, groups, company, company.groups(all_groups))
        return np.clip((far - self.median) / self.spread, 0.0, MAX_NOVELTY)


def distances(
    features: Vectors, groups: NDArray[np.int64], company: Company, theirs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) Cosine distance of each image to its NEAREST-th neighbour. theirs: (m,) clusters of the company."""
    far = np.empty(len(features))
    for block in blocks(len(features), COMPARED):
        likeness = unit(features[block]) @ company.looks
        likeness[groups[block][:, None] == theirs[None, :]] = -1.0
        far[block] = 1 - np.partition(likeness, -NEAREST, axis=1)[:, -NEAREST]
    return far


def fit_novelty(features: Vectors, labels: Sequence[str], groups: NDArray[np.int64]) -> dict[str, Usual]:
    """What is usual for each label. features: (n, d). labels: n; an image with an empty one does not count. groups:
    (n,). Labels with fewer than MIN_COMPANY images are left out.
    """
    y = np.asarray(labels)
    usual = {}
    for label in sorted(set(labels) - {""}):
        of = np.flatnonzero(y == label)
        if len(of) < MIN_COMPANY:
            continue
        chosen = of[:: -(-len(of) // MAX_COMPANY)]
        theirs = Chosen(features, chosen)
        far = distances(theirs, groups[chosen], Company(chosen, unit(theirs[:]).T), groups[chosen])
        median = float(np.median(far))
        # 1.4826 makes the median absolute deviation of normal values equal to their standard deviation.
        usual[label] = Usual(chosen, theirs, median, float(1.4826 * np.median(np.abs(far - median)) + 1e-6))
    return usual


def novelty_of(
    usual: Mapping[str, Usual], features: Vectors, labels: Sequence[str], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) The novelty of each image of its label; 0 where nothing is usual. Parameters as for `fit_novelty`."""
    y, result = np.asarray(labels), np.zeros(len(labels))
    for label, of_label in usual.items():
        of = np.flatnonzero(y == label)
        result[of] = of_label.novelty(Chosen(features, of), groups[of], groups)
    return result
