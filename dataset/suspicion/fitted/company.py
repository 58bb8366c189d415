"""Images that others are compared with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.vectors import Vectors, unit

MAX_COMPANY = 4_000  # images of the same label that an image is compared with, at most
MIN_COMPANY = 20  # a label with fewer images has no novel ones, and no say as neighbours
COMPARED = 250  # images that are compared with the others at a time, to bound memory


@dataclass(frozen=True)
class Company:
    """images: (m,) their numbers; -1 for one that is not among the images at hand. looks: (d, m), each of length 1."""

    images: NDArray[np.int64]
    looks: NDArray[np.float32]

    @classmethod
    def of(cls, features: Vectors, images: NDArray[np.int64]) -> "Company":
        """These images, as they are."""
        return cls(images, unit(features[images]).T)

    def groups(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m,) The clusters of the company; -1 for one that is not at hand. groups: (n,) of the images at hand."""
        return np.where(self.images >= 0, groups[self.images], -1) if len(groups) else np.full(len(self.images), -1)
