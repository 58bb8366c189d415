"""Fit what triage knows about pictures that look alike, to a sample of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.labels.vocabulary import UNSURE
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.fitted.doubts import most_doubted
from dataset.suspicion.fitted.lookalikes import UNSURE_VOTE, Answered
from dataset.suspicion.fitted.neighbours import Neighbours, fit_neighbours
from dataset.suspicion.fitted.novelty import Usual, fit_novelty
from dataset.suspicion.fitted.out_of_fold import FOLDS, OutOfFold, fit_out_of_fold, folds_of
from dataset.suspicion.vectors import Chosen
from foundation.settings import NOT_LABELS

SAMPLED = 10_000  # images without an answer that anything is learned from, at most
OF_EACH_LABEL = 100  # of them, if it has as many, also where the sample of all has fewer
BY_NAME_FROM = 10_000  # images from which on a cluster's fold follows from its name: it stays when pictures come


@dataclass(frozen=True)
class Fitted:
    """usual: by label. taught: the fold of each image that `beliefs` learned from, by SHA-256; empty where folds do not
    follow from names.
    """

    beliefs: OutOfFold
    neighbours: Neighbours
    answered: Answered
    usual: Mapping[str, Usual]
    taught: Mapping[str, int]


@dataclass(frozen=True)
class _Sample:
    """The images that models learn from. images: (m,) their numbers. trusted: (m,) whether people answered."""

    evidence: Evidence
    images: NDArray[np.int64]
    trusted: NDArray[np.bool_]

    def beliefs(self, silent: Collection[int] = ()) -> OutOfFold:
        """Learned from the answers and, without one, the claimed labels, but for images that are silent. Images whose
        answer is no label are left out.
        """
        clustering = self.evidence.clustering
        taught = np.array([clustering.answer_about(i) not in NOT_LABELS for i in self.images.tolist()], dtype=bool)
        images = self.images[taught]
        folds = fold_numbers(self.evidence)[images]
        labels = ["" if i in silent else _believed(clustering, i) for i in images.tolist()]
        return fit_out_of_fold(Chosen(self.evidence.vectors, images), labels, folds, self.trusted[taught])

    def neighbours(self, silent: Collection[int] = ()) -> Neighbours:
        """The images that have a say. The company has their numbers among all images."""
        clustering = self.evidence.clustering
        labels = [
            "" if i in silent or clustering.answer_about(i) == UNSURE else _believed(clustering, i)
            for i in self.images.tolist()
        ]
        return fit_neighbours(Chosen(self.evidence.vectors, self.images), labels, self.trusted).among(self.images)

    def doubted(self) -> frozenset[int]:
        """The images that have no say in the second look, while nothing but claims is known. See decision 0037."""
        evidence, images = self.evidence, self.images
        vectors, groups = Chosen(evidence.vectors, images), evidence.clustering.cluster_of
        beliefs = self.beliefs().chances(vectors, fold_numbers(evidence)[images])
        near = self.neighbours().chances(vectors, groups[images], groups)
        labels = [evidence.clustering.claimed_labels[i] for i in images.tolist()]
        return frozenset(images[most_doubted(labels, beliefs, near)].tolist())


def fit(evidence: Evidence, *, has_prior: bool) -> Fitted:
    """Fit to a sample of the images that a source vouches for, and to all that people answered about."""
    clustering = evidence.clustering
    sample = _sample(evidence)
    is_second_look = not has_prior and not any(clustering.answers) and len(sample.images)
    silent = sample.doubted() if is_second_look else frozenset()
    claimed = [clustering.claimed_labels.get(i, "") for i in range(len(evidence.images))]
    folds = fold_numbers(evidence)
    by_name = len(clustering.sha256) >= BY_NAME_FROM
    return Fitted(
        beliefs=sample.beliefs(silent),
        neighbours=sample.neighbours(silent),
        answered=_answered(evidence),
        usual=fit_novelty(evidence.vectors, claimed, clustering.cluster_of),
        taught={clustering.sha256[i]: int(folds[i]) for i in sample.images.tolist() if folds[i] >= 0 and by_name},
    )


def fold_numbers(evidence: Evidence, taught: Mapping[str, int] | None = None) -> NDArray[np.int64]:
    """(n,) The fold of each image: no model that judges it has seen its cluster. -1: no model judges it, because no
    source vouches for it, its answer is no label, or models of all folds have seen its cluster.

    taught: of models that were fitted before, as in `Fitted`; by default they are fitted to this evidence.
    """
    clustering = evidence.clustering
    folds = np.full(len(clustering.sha256), -1, dtype=np.int64)
    judged = np.array(
        [i for i in clustering.claimed_labels if clustering.answer_about(i) not in NOT_LABELS], dtype=np.int64
    )
    groups = clustering.cluster_of[judged]
    if taught is None and len(folds) < BY_NAME_FROM:
        folds[judged] = folds_of(groups)
    elif len(judged):
        clusters = range(len(clustering.members))
        of_cluster = np.array([_fold_by_name(clustering, cluster, taught or {}) for cluster in clusters])
        folds[judged] = of_cluster[groups]
    return folds


def _fold_by_name(clustering: Clustering, cluster: int, taught: Mapping[str, int]) -> int:
    """By the name of the cluster; if models have seen an image of it, that image's fold."""
    members = (clustering.sha256[i] for i in clustering.members[cluster])
    folds = {taught[name] for name in members if name in taught}
    if len(folds) > 1:
        return -1
    return next(iter(folds), int(clustering.name(cluster)[:8], 16) % FOLDS)


def _sample(evidence: Evidence) -> _Sample:
    clustering = evidence.clustering
    images = np.array(list(clustering.claimed_labels), dtype=np.int64)
    trusted = np.array([bool(clustering.answer_about(i)) for i in images.tolist()], dtype=bool)
    if len(images) > SAMPLED:
        labels = np.array([_believed(clustering, i) for i in images.tolist()])
        of_each = [_evenly(np.flatnonzero(labels == label), OF_EACH_LABEL) for label in np.unique(labels)]
        of_all = _evenly(np.arange(len(images)), SAMPLED)
        chosen = np.unique(np.concatenate([of_all, np.flatnonzero(trusted), *of_each]))
        images, trusted = images[chosen], trusted[chosen]
    return _Sample(evidence, images, trusted)


def _evenly(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most `count` of the places, as far from each other as they can be."""
    return places if len(places) <= count else places[np.linspace(0, len(places) - 1, count).astype(np.int64)]


def _believed(clustering: Clustering, image: int) -> str:
    return clustering.answer_about(image) or clustering.claimed_labels[image]


def _answered(evidence: Evidence) -> Answered:
    """What people answered about representatives that a source vouches for."""
    clustering = evidence.clustering
    answered = [
        (image, answer, _vote(answer, clustering.claimed_labels[image]))
        for image, answer in zip(clustering.representatives, clustering.answers, strict=True)
        if answer and image in clustering.claimed_labels
    ]
    judged = np.array([image for image, _, _ in answered], dtype=np.int64)
    votes = np.array([vote for _, _, vote in answered])
    return Answered.of(evidence.vectors, judged, votes, [answer for _, answer, _ in answered])


def _vote(answer: str, claimed_label: str) -> float:
    """1 if people found the claimed label wrong, -1 if right."""
    if answer == UNSURE:
        return UNSURE_VOTE
    return 1.0 if answer != claimed_label else -1.0
