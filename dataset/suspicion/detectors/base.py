"""What a detector gets to see of an image, and what it returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.meanings import NO_MEANINGS, Meanings


@dataclass(frozen=True)
class Subject:
    """One image as detectors see it.

    width, height: px. detail, measures: of duplicates.fingerprints. source_label: what its source claims.
    source_labels: what sources claim for its whole cluster. probabilities: out-of-fold, by label. neighbours: by
    answer, of suspicion.triage. prior: by answer, of shipped_prior; empty without a pack that knows the project's
    labels. is_surely_unusable: it may be excluded automatically. objects, text_lines, text_share, explicit: of
    pictures.seen.
    classes: the most probable of the backbone's own classes, with their probabilities. novelty (spreads),
    lookalikes (-1 to 1): of suspicion.triage. lookalike_answer: what people answered about the most similar image.
    meanings: of names, in this project. words: file names and alt texts. pages: how many of the site_pages show it.
    """

    width: int
    height: int
    detail: float
    measures: Mapping[str, float]
    source_label: str
    source_labels: frozenset[str]
    probabilities: Mapping[str, float] = field(default_factory=dict)
    neighbours: Mapping[str, float] = field(default_factory=dict)
    prior: Mapping[str, float] = field(default_factory=dict)
    is_surely_unusable: bool = False
    objects: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, float] = field(default_factory=dict)
    text_lines: int = 0
    text_share: float = 0.0
    explicit: float = 0.0
    novelty: float = 0.0
    meanings: Meanings = NO_MEANINGS
    lookalikes: float = 0.0
    lookalike_answer: str = UNUSABLE
    words: tuple[str, ...] = ()
    pages: int = 0
    site_pages: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicion. score: how probable it is that the source's label is wrong, 0 to 1. proposes: the better answer."""

    detector: str
    version: int
    score: float
    proposes: str
    evidence: str


class Detector(Protocol):
    """One kind of suspicion: a class with a name, a version and a threshold. No suspicion is None."""

    name: ClassVar[str]
    version: ClassVar[int]

    def examine(self, subject: Subject) -> Finding | None: ...


def finding_of(detector: type[Detector], score: float, proposes: str, evidence: str) -> Finding:
    """A finding of this detector. score: is limited to 0 to 1."""
    return Finding(detector.name, detector.version, round(min(1.0, max(0.0, score)), 4), proposes, evidence)


def doubt_of(
    detector: "type[Detector]", chances: Mapping[str, float], label: str, threshold: float, why: str
) -> Finding | None:
    """A finding if `label` is less probable than the threshold and another one is the most probable.

    chances: probability by label; without one of `label` nothing is known of it. why: ends the evidence.
    """
    if label not in chances or chances[label] >= threshold:
        return None
    best = max(sorted(chances), key=lambda name: chances[name])
    if best == label:
        return None
    return finding_of(detector, 1 - chances[label], best, f"{best} {chances[best]:.0%}, {why}")
