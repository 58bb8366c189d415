"""Which images show the same picture, and what is known about the label of each. Pure functions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clustering:
    """n images in k clusters, with their labels. Images and clusters have numbers from 0.

    sha256: of each image. cluster_of: (n,) the cluster of each image. members: the images of each cluster, ascending.
    representatives: one image of each cluster. claimed_labels: by image, the label that its source claims; without the
    images that no source vouches for. answers: of each cluster, what people answered; "" if nobody did.
    """

    sha256: tuple[str, ...]
    cluster_of: NDArray[np.int64]
    members: tuple[tuple[int, ...], ...]
    representatives: tuple[int, ...]
    claimed_labels: Mapping[int, str]
    answers: tuple[str, ...]

    @classmethod
    def of(
        cls,
        sha256: Sequence[str],
        cluster_of: NDArray[np.int64],
        quality: Sequence[Any],
        claims: Mapping[str, Collection[str]],
        answers: Mapping[str, str],
    ) -> "Clustering":
        """quality: a value of each image; the best represents its cluster. claims: by SHA-256, the labels that sources
        claim; of several, the first in the alphabet counts. answers: by the name of a cluster.
        """
        members: list[list[int]] = [[] for _ in range(len(set(cluster_of.tolist())))]
        for image, cluster in enumerate(cluster_of.tolist()):
            members[cluster].append(image)
        return cls(
            sha256=tuple(sha256),
            cluster_of=cluster_of,
            members=tuple(map(tuple, members)),
            representatives=tuple(max(images, key=lambda i: quality[i]) for images in members),
            claimed_labels={i: min(claims[name]) for i, name in enumerate(sha256) if claims.get(name)},
            answers=tuple(answers.get(sha256[images[0]], "") for images in members),
        )

    def name(self, cluster: int) -> str:
        """The name of a cluster in the catalog: its smallest SHA-256."""
        return self.sha256[self.members[cluster][0]]

    def answer_about(self, image: int) -> str:
        """What people answered about the image or another one of its cluster; "" if nobody did."""
        return self.answers[int(self.cluster_of[image])]

    def claims_about(self, image: int) -> frozenset[str]:
        """The labels that sources claim for the image and the others of its cluster."""
        members = self.members[int(self.cluster_of[image])]
        return frozenset(self.claimed_labels[i] for i in members if i in self.claimed_labels)

    def rows(self) -> Iterator[dict[str, str]]:
        """The rows of the table `clusters`, in the order of the images."""
        for sha256, cluster in zip(self.sha256, self.cluster_of.tolist(), strict=True):
            representative = self.sha256[self.representatives[cluster]]
            yield {"sha256": sha256, "cluster": self.name(cluster), "representative": representative}


def cluster_names(sha256: Sequence[str], cluster_of: NDArray[np.int64]) -> dict[str, str]:
    """The name of each image's cluster, by SHA-256. sha256: in ascending order."""
    names: dict[int, str] = {}
    return {name: names.setdefault(cluster, name) for name, cluster in zip(sha256, cluster_of.tolist(), strict=True)}
