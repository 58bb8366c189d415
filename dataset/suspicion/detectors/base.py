"""What a detector sees and says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from dataset.labels.vocabulary import UNUSABLE


@dataclass(frozen=True)
class Subject:
    """One image as detectors see it.

    measures: of duplicates.fingerprints. probabilities: out-of-fold, by label. prior: by answer, of shipped_prior.
    objects, text_lines, text_share: of pictures.seen. classes: the likeliest of the backbone's own, with their
    probabilities. novelty, lookalikes (-1 to 1): of suspicion.triage. words: file names and alt texts. pages: of
    site_pages it was seen on.
    """

    width: int
    height: int
    detail: float
    measures: Mapping[str, float]
    source_label: str
    source_labels: frozenset[str]  # of the whole cluster
    probabilities: Mapping[str, float] = field(default_factory=dict)
    prior: Mapping[str, float] = field(default_factory=dict)
    is_surely_unusable: bool = False
    objects: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, float] = field(default_factory=dict)
    text_lines: int = 0
    text_share: float = 0.0
    novelty: float = 0.0
    labels: tuple[str, ...] = ()  # of the project
    lookalikes: float = 0.0
    lookalike_answer: str = UNUSABLE  # what people said of the likest
    words: tuple[str, ...] = ()
    pages: int = 0
    site_pages: int = 0
    other_label: str = UNUSABLE  # what the picture would be where it is not what its source says


@dataclass(frozen=True)
class Finding:
    """A suspicion. score: probability that the source's label is wrong, 0 to 1; proposes: the better answer."""

    detector: str
    version: int
    score: float
    proposes: str
    evidence: str


class Detector(Protocol):
    """One suspicion: a class with a name, a version and a threshold of its own. None means nothing found."""

    name: ClassVar[str]
    version: ClassVar[int]

    def examine(self, subject: Subject) -> Finding | None: ...


def found(detector: type[Detector], score: float, proposes: str, evidence: str) -> Finding:
    return Finding(detector.name, detector.version, round(min(1.0, max(0.0, score)), 4), proposes, evidence)
