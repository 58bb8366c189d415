"""What people answered about the images that look like a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.fitted.company import COMPARED, Company
from dataset.suspicion.vectors import Vectors, blocks, unit

DECAY = 12.0  # how fast likeness falls with the cosine distance of two pictures' features
NEEDED = 0.2  # total likeness to answered pictures at which half of their vote counts
UNSURE_VOTE = -0.3  # "unsure" lowers the priority of similar images: nobody could tell them either


@dataclass(frozen=True)
class Answered:
    """company: m answered images. votes: (m,) 1 if the label was wrong, -1 if right, UNSURE_VOTE. answers: m."""

    company: Company
    votes: NDArray[np.float64]
    answers: tuple[str, ...]

    @classmethod
    def of(
        cls, features: Vectors, judged: NDArray[np.int64], votes: NDArray[np.float64], answers: Sequence[str] = ()
    ) -> "Answered":
        """features: (n, d). judged: (m,) indices of the answered images."""
        return cls(Company.of(features, judged), votes, tuple(answers))

    def strengths(self, features: Vectors) -> NDArray[np.float64]:
        """(n,) The vote about each image: -1 (label right) to 1 (wrong), near 0 if no answered image is similar.

        features: (n, d). An image does not vote about itself.
        """
        if not len(self.votes):
            return np.zeros(len(features))
        images = self.company.images
        result = np.empty(len(features))
        for block in blocks(len(features), COMPARED):
            likeness = np.exp(DECAY * (unit(features[block]) @ self.company.looks - 1)).astype(np.float64)
            own = (images >= block.start) & (images < block.stop)
            likeness[images[own] - block.start, np.flatnonzero(own)] = 0
            result[block] = (likeness @ self.votes) / (likeness.sum(axis=1) + NEEDED)
        return result

    def nearest_wrong(self, features: Vectors, images: NDArray[np.int64]) -> dict[int, str]:
        """By image: what people answered about the one, among those with a wrong label, that looks most like it.

        features: (n, d). images: those that are asked about. Empty if there is no wrong label.
        """
        wrong = np.flatnonzero(self.votes > 0)
        found: dict[int, str] = {}
        for block in blocks(len(images) if len(wrong) else 0):
            part = images[block]
            nearest = (features[part] @ self.company.looks[:, wrong]).argmax(axis=1)
            found |= {image: self.answers[wrong[place]] for image, place in zip(part.tolist(), nearest, strict=True)}
        return found
