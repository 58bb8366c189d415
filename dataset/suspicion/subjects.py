"""Subjects: what detectors get to see of each image. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion import shipped_prior, triage
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.lookalikes import Lookalikes
from dataset.suspicion.evidence import NO_SURROUNDINGS, Evidence, FactsOfImages
from dataset.suspicion.meanings import Meanings
from dataset.suspicion.vectors import Chances, Chosen, Vectors, blocks
from foundation.settings import NOT_LABELS
from networks.backbone import Backbone

UNSURE = "unsure"


@dataclass(frozen=True)
class _Lookalikes:
    """votes: (n,) of -1 to 1, what people answered about similar images. answers: by image with enough votes."""

    votes: NDArray[np.float64]
    answers: Mapping[int, str]


def subjects_of(evidence: Evidence, meanings: Meanings, net: Backbone) -> Iterator[tuple[int, Subject]]:
    """A subject for every image that a source vouches for, with the image's number. There is at least one image.

    They are made one after the other: whoever keeps none of them needs no memory for all.
    """
    clustering, vectors = evidence.clustering, evidence.vectors
    prior = _prior(evidence.images, vectors, meanings, net.name)
    surely_unusable = _surely_unusable(evidence, prior)
    beliefs, neighbours = _beliefs(vectors, clustering), _neighbours(vectors, clustering)
    if not meanings.has_prior and not any(clustering.answers):
        doubted = _most_doubted(clustering, beliefs, neighbours)
        beliefs, neighbours = _beliefs(vectors, clustering, doubted), _neighbours(vectors, clustering, doubted)
    lookalikes = _lookalikes(vectors, clustering)
    claimed = [clustering.claimed_labels.get(i, "") for i in range(len(evidence.images))]
    novelty = triage.novelty(vectors, claimed, clustering.cluster_of)
    for i, classes in enumerate(_classes(vectors, net)):
        if i not in clustering.claimed_labels:
            continue
        facts = evidence.images[i]
        surroundings = evidence.surroundings.get(clustering.sha256[i], NO_SURROUNDINGS)
        yield (
            i,
            Subject(
                width=facts.width,
                height=facts.height,
                detail=facts.detail,
                measures=facts.measures,
                source_label=clustering.claimed_labels[i],
                source_labels=clustering.claims_about(i),
                probabilities=beliefs[i],
                neighbours=neighbours[i],
                prior=prior[i],
                is_surely_unusable=surely_unusable[i] and not clustering.answer_about(i),
                objects=facts.objects or {},
                classes=classes,
                text_lines=facts.text_lines,
                text_share=facts.text_share,
                explicit=facts.explicit,
                novelty=float(novelty[i]),
                meanings=meanings,
                lookalikes=float(lookalikes.votes[i]),
                lookalike_answer=lookalikes.answers.get(i, UNUSABLE),
                words=surroundings.words,
                pages=surroundings.pages,
                site_pages=surroundings.site_pages,
            ),
        )


def _classes(vectors: Vectors, net: Backbone) -> Iterator[dict[str, float]]:
    for block in blocks(len(vectors)):
        yield from net.classes(vectors[block])


def _prior(images: FactsOfImages, vectors: Vectors, meanings: Meanings, backbone_name: str) -> Chances:
    """By image, the probability of each answer by the pack's prior; nothing if no prior knows the project's labels."""
    chosen = meanings.pack
    shipped = shipped_prior.load(chosen, backbone_name) if chosen and meanings.has_prior else None
    if chosen is None or shipped is None:
        return Chances.none(len(images))
    parts = []
    for block in blocks(len(images)):
        measures = [
            shipped_prior.measure_row(
                facts.width, facts.height, facts.size_bytes, facts.detail, facts.measures,
                shipped_prior.object_measures(chosen, facts.objects),
            )
            for facts in (images[i] for i in range(block.start, block.stop))
        ]  # fmt: skip
        parts.append(shipped.probabilities(vectors[block], np.array(measures, dtype=np.float32)))
    return Chances(shipped.labels, np.concatenate(parts))


def _surely_unusable(evidence: Evidence, prior: Chances) -> list[bool]:
    """Which images the prior may exclude: representatives only; none once answers prove that it excludes usable ones.

    Without a prior there are none: see suspicion.exclusion.
    """
    clustering = evidence.clustering
    is_sure = [False] * len(clustering.sha256)
    if not prior.answers:
        return is_sure
    for image in clustering.representatives:
        is_sure[image] = triage.is_surely_unusable(prior[image][UNUSABLE], evidence.images[image].measures)
    answers = [
        answer
        for image, answer in zip(clustering.representatives, clustering.answers, strict=True)
        if is_sure[image] and answer not in ("", UNSURE)
    ]
    return is_sure if triage.is_precise(answers) else [False] * len(is_sure)


def _lookalikes(vectors: Vectors, clustering: Clustering) -> _Lookalikes:
    """What people answered about the images that look like each image."""
    answered = [
        (image, answer)
        for image, answer in zip(clustering.representatives, clustering.answers, strict=True)
        if answer and image in clustering.claimed_labels
    ]
    votes = [_vote(answer, clustering.claimed_labels[image]) for image, answer in answered]
    judged = np.array([image for image, _ in answered], dtype=np.int64)
    strengths = triage.lookalikes(vectors, judged, np.array(votes))
    wrong = [item for item, vote in zip(answered, votes, strict=True) if vote > 0]
    doubted = np.flatnonzero(strengths >= Lookalikes.threshold).tolist()
    return _Lookalikes(strengths, {i: _answer_about_nearest(vectors, i, wrong) for i in doubted if wrong})


def _vote(answer: str, claimed_label: str) -> float:
    """1 if people found the claimed label wrong, -1 if right."""
    if answer == UNSURE:
        return triage.UNSURE_VOTE
    return 1.0 if answer != claimed_label else -1.0


def _answer_about_nearest(vectors: Vectors, image: int, wrong: Sequence[tuple[int, str]]) -> str:
    """What people answered about the image, among those with a wrong label, that looks most like this one."""
    others = vectors[[i for i, _ in wrong]]
    likeness = others @ vectors[[image]][0] / np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    return wrong[int(likeness.argmax())][1]


def _most_doubted(clustering: Clustering, beliefs: Chances, neighbours: Chances) -> Set[int]:
    """The images that have no say in the second look, while nothing but claims is known. See decision 0037."""
    claimed = list(clustering.claimed_labels)
    labels = [clustering.claimed_labels[i] for i in claimed]
    opinions = beliefs.chosen(claimed), neighbours.chosen(claimed)
    return {i for i, doubted in zip(claimed, triage.most_doubted(labels, *opinions), strict=True) if doubted}


def _beliefs(vectors: Vectors, clustering: Clustering, silent: Set[int] = frozenset()) -> Chances:
    """Out-of-fold probability of each label, by image, learned from the answers and, without one, the claimed labels.

    Images whose answer is no label are left out. silent: images that nothing is learned from.
    """
    taught = [i for i in clustering.claimed_labels if clustering.answer_about(i) not in NOT_LABELS]
    if not taught:
        return Chances.none(len(vectors))
    labels = ["" if i in silent else clustering.answer_about(i) or clustering.claimed_labels[i] for i in taught]
    is_trusted = np.array([bool(clustering.answer_about(i)) for i in taught])
    indices = np.array(taught, dtype=np.int64)
    learned = triage.out_of_fold(Chosen(vectors, indices), labels, clustering.cluster_of[indices], is_trusted)
    return learned.spread(indices, len(vectors))


def _neighbours(vectors: Vectors, clustering: Clustering, silent: Set[int] = frozenset()) -> Chances:
    """Probability of each answer by the images that look alike, by image. Those without a claim have no say, and so
    have those that are silent.
    """
    labels = [
        ""
        if i in silent or i not in clustering.claimed_labels or answer == UNSURE
        else answer or clustering.claimed_labels[i]
        for i, answer in enumerate(map(clustering.answer_about, range(len(vectors))))
    ]
    is_trusted = np.array([bool(clustering.answer_about(i)) for i in range(len(vectors))])
    return triage.neighbours(vectors, labels, clustering.cluster_of, is_trusted)
