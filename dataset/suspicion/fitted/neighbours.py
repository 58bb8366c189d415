"""The probability of each label by how near the images of each label are: a Parzen classifier."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.fitted.company import COMPARED, MAX_COMPANY, MIN_COMPANY, Company
from dataset.suspicion.fitted.out_of_fold import ANSWER_WEIGHT
from dataset.suspicion.vectors import Chances, Vectors, blocks, moments, unit

DECAY = 4.0  # how fast the weight of a neighbour falls with the cosine distance of standardised features
SHARPNESS = 4.0  # power of the mean weights of labels, which differ little in so many dimensions
UNUSABLE_SHARE = 0.5  # of a label's say: pictures of no use have no look of their own


@dataclass(frozen=True)
class Neighbours:
    """labels: k; empty where nothing is known. company: m images, with standardised looks. say: (m, k). mean, spread:
    (d,) of the features.
    """

    labels: tuple[str, ...]
    company: Company
    say: NDArray[np.float64]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    def chances(
        self, features: Vectors, groups: NDArray[np.int64], all_groups: NDArray[np.int64] | None = None
    ) -> Chances:
        """Probability of each label for n images. features: (n, d). groups: (n,) clusters; images of one cluster are
        no neighbours. all_groups: of all images at hand, if these are only some.
        """
        if not self.labels:
            return Chances.none(len(features))
        theirs = self.company.groups(groups if all_groups is None else all_groups)
        scores = np.empty((len(features), len(self.labels)))
        for block in blocks(len(features), COMPARED):
            near = self.looks(features[block]) @ self.company.looks
            near *= DECAY
            np.exp(near, out=near)
            near[groups[block][:, None] == theirs[None, :]] = 0.0
            scores[block] = SHARPNESS * np.log(near @ self.say + 1e-9)
        return Chances(self.labels, softmax(scores, axis=1))

    def among(self, images: NDArray[np.int64]) -> "Neighbours":
        """The same, fitted to some of the images; images: (n,) their numbers among all."""
        return replace(self, company=replace(self.company, images=images[self.company.images]))

    def looks(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(m, d) standardised looks of features (m, d)."""
        return unit((rows - self.mean) / self.spread)


NO_LOOKS = np.empty((0, 0), dtype=np.float32)
NO_COMPANY = Company(np.empty(0, dtype=np.int64), NO_LOOKS)
NOTHING = Neighbours((), NO_COMPANY, np.empty((0, 0)), NO_LOOKS, NO_LOOKS)


def fit_neighbours(features: Vectors, labels: Sequence[str], trusted: NDArray[np.bool_]) -> Neighbours:
    """The images of each label. Unlike `out_of_fold`, they follow a label that has several looks.

    features: (n, d). labels: n, the answer or the claimed label, which may be `unusable`; an image with an empty one
    has no say. trusted: (n,) True where the label is an answer. Labels with fewer than MIN_COMPANY images are left out;
    nothing is known of any image if fewer than two are left.
    """
    y = np.asarray(labels)
    counts = Counter(labels)
    known = sorted(label for label in set(labels) - {"", UNUSABLE} if counts[label] >= MIN_COMPANY)
    if len(known) < 2:
        return NOTHING
    known += [UNUSABLE] if counts[UNUSABLE] else []
    mean, spread = moments(features)
    spread += 1e-3
    of = np.flatnonzero(np.isin(y, known))
    chosen = np.union1d(of[:: -(-len(of) // MAX_COMPANY)], of[trusted[of]])
    say = np.where(trusted[chosen], ANSWER_WEIGHT, 1.0)[:, None] * (y[chosen][:, None] == known)
    say *= np.where(np.array(known) == UNUSABLE, UNUSABLE_SHARE, 1.0) / np.maximum(say.sum(axis=0), 1e-9)
    looks = unit((features[chosen] - mean) / spread).T
    return Neighbours(tuple(known), Company(chosen, looks), say, mean, spread)
