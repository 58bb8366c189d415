"""Subjects: what detectors get to see of each image. Pure functions."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dataset.labels.vocabulary import UNSURE, UNUSABLE
from dataset.suspicion import shipped_prior, triage
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.lookalikes import Lookalikes
from dataset.suspicion.evidence import NO_SURROUNDINGS, Evidence
from dataset.suspicion.fitted.fit import Fitted, fold_numbers
from dataset.suspicion.fitted.novelty import novelty_of
from dataset.suspicion.meanings import Meanings
from dataset.suspicion.vectors import Chances, Vectors, blocks
from networks.backbone import Backbone


def subjects_of(
    evidence: Evidence, meanings: Meanings, net: Backbone, fitted: Fitted, *, may_exclude: bool
) -> Iterator[tuple[int, Subject]]:
    """A subject for every image that a source vouches for, with the image's number.

    may_exclude: of `is_prior_precise`. They are made one after the other: whoever keeps none of them needs no memory
    for all.
    """
    clustering, vectors = evidence.clustering, evidence.vectors
    groups, every = clustering.cluster_of, np.arange(len(vectors))
    prior = _prior(evidence, every, meanings, net.name)
    surely_unusable = frozenset(_surely_unusable(evidence, prior) if may_exclude else ())
    beliefs = fitted.beliefs.chances(vectors, fold_numbers(evidence, fitted.taught or None))
    neighbours = fitted.neighbours.chances(vectors, groups)
    votes = fitted.answered.strengths(vectors)
    answers = fitted.answered.nearest_wrong(vectors, np.flatnonzero(votes >= Lookalikes.threshold))
    claimed = [clustering.claimed_labels.get(i, "") for i in range(len(evidence.images))]
    novelty = novelty_of(fitted.usual, vectors, claimed, groups)
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
                is_surely_unusable=i in surely_unusable and not clustering.answer_about(i),
                objects=facts.objects or {},
                classes=classes,
                text_lines=facts.text_lines,
                text_share=facts.text_share,
                explicit=facts.explicit,
                novelty=float(novelty[i]),
                meanings=meanings,
                lookalikes=float(votes[i]),
                lookalike_answer=answers.get(i, UNUSABLE),
                words=surroundings.words,
                pages=surroundings.pages,
                site_pages=surroundings.site_pages,
            ),
        )


def is_prior_precise(evidence: Evidence, meanings: Meanings, net: Backbone) -> bool:
    """Whether the pack's prior may exclude images: not once answers prove that it excludes usable ones."""
    clustering = evidence.clustering
    answered = {
        image: answer
        for image, answer in zip(clustering.representatives, clustering.answers, strict=True)
        if answer not in ("", UNSURE)
    }
    images = np.array(list(answered), dtype=np.int64)
    sure = _surely_unusable(evidence, _prior(evidence, images, meanings, net.name), images)
    return triage.is_precise([answered[image] for image in sure])


def _classes(vectors: Vectors, net: Backbone) -> Iterator[dict[str, float]]:
    for block in blocks(len(vectors)):
        yield from net.classes(vectors[block])


def _prior(evidence: Evidence, images: NDArray[np.int64], meanings: Meanings, backbone_name: str) -> Chances:
    """The probability of each answer about these images, by the pack's prior; nothing if no prior knows the labels.

    A row for each of `images`.
    """
    chosen = meanings.pack
    shipped = shipped_prior.load(chosen, backbone_name) if chosen and meanings.has_prior else None
    if chosen is None or shipped is None or not len(images):
        return Chances.none(len(images))
    parts = []
    for block in blocks(len(images)):
        measures = [
            shipped_prior.measure_row(
                facts.width, facts.height, facts.size_bytes, facts.detail, facts.measures,
                shipped_prior.object_measures(chosen, facts.objects),
            )
            for facts in (evidence.images[i] for i in images[block].tolist())
        ]  # fmt: skip
        parts.append(shipped.probabilities(evidence.vectors[images[block]], np.array(measures, dtype=np.float32)))
    return Chances(shipped.labels, np.concatenate(parts))


def _surely_unusable(evidence: Evidence, prior: Chances, images: NDArray[np.int64] | None = None) -> Iterator[int]:
    """The images that the prior may exclude: representatives only. Without a prior there are none: see exclusion.

    images: what the rows of `prior` are about; all by default.
    """
    if not prior.answers:
        return
    place_of = {image: place for place, image in enumerate(images.tolist())} if images is not None else None
    for image in evidence.clustering.representatives:
        place = image if place_of is None else place_of.get(image, -1)
        if place >= 0 and triage.is_surely_unusable(prior[place][UNUSABLE], evidence.images[image].measures):
            yield image
