"""The review queue: the probability that each cluster's label is wrong, and which cluster to ask about first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dataset.labels.audit import MIN_SAMPLED
from dataset.labels.players import DISSENT_PRIORITY, MODEL_ERROR_PRIORITY, Agreement
from dataset.labels.vocabulary import CALIBRATED_BY_ANSWERS, CALIBRATED_BY_PACK, NOT_CALIBRATED, UNSURE, UNUSABLE
from dataset.suspicion import triage
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import Finding, Subject
from dataset.suspicion.detectors.blank import Blank
from dataset.suspicion.detectors.explicit import Explicit
from dataset.suspicion.detectors.few_colours import FewColours
from dataset.suspicion.detectors.odd_shape import OddShape
from dataset.suspicion.detectors.on_most_pages import OnMostPages
from dataset.suspicion.detectors.small import Small
from dataset.suspicion.detectors.text import Text
from dataset.suspicion.triage import Calibration, Line
from dataset.suspicion.variety import ARRANGED, without_runs
from dataset.suspicion.vectors import Vectors

NO_PHOTO = frozenset(detector.name for detector in (FewColours, OddShape, OnMostPages, Small, Text))
AGREEING_DETECTORS = 2  # of NO_PHOTO, from which on a picture looks unusable
UNPROVEN_PRIORITY = 10.0  # added where a picture looks unusable and no prior may exclude it; a dissent has more


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is suspected of one image. It is small: there are as many as images.

    beliefs: log-odds that the label is wrong, by the prior and the models that know something. by_prior: the most
    probable answer where that is another one; else "". is_surely_unusable: it may be excluded automatically.
    """

    findings: tuple[Finding, ...]
    source_label: str
    beliefs: tuple[tuple[str, float], ...]
    has_prior: bool = False
    by_prior: str = ""
    is_surely_unusable: bool = False

    @classmethod
    def of(cls, subject: Subject, findings: Sequence[Finding]) -> "Suspicion":
        """Of one image as detectors see it, and what they found."""
        label = subject.source_label
        by_prior = triage.suggestion((), label, subject.prior)
        return cls(
            findings=tuple(findings),
            source_label=label,
            beliefs=(
                *_belief("prior", subject.prior, label),
                *_belief("out_of_fold", subject.probabilities, label),
                *_belief("neighbours", subject.neighbours, label),
                ("lookalikes", subject.lookalikes),
            ),
            has_prior=bool(subject.prior),
            by_prior=by_prior if by_prior != label else "",
            is_surely_unusable=subject.is_surely_unusable,
        )

    @property
    def suggested(self) -> str:
        """The most probable answer."""
        return self.by_prior or triage.suggestion(self.findings, self.source_label, {})

    @property
    def looks_unusable(self) -> bool:
        """Whether it is blank, or several independent detectors say that it is no photo."""
        named = {finding.detector for finding in self.findings if finding.proposes == UNUSABLE}
        return Blank.name in named or len(named & NO_PHOTO) >= AGREEING_DETECTORS

    @property
    def explicit(self) -> Finding | None:
        """Why it may be explicit: then nobody sees its cluster before somebody has looked."""
        return next((finding for finding in self.findings if finding.detector == Explicit.name), None)

    def signals(self) -> dict[str, float]:
        """The inputs of the probability that the label is wrong, by name."""
        found = {finding.detector: finding.score for finding in self.findings if finding.detector in triage.SIGNALS}
        return {**found, **dict(self.beliefs)}


def _belief(name: str, chances: Mapping[str, float], label: str) -> tuple[tuple[str, float], ...]:
    return ((name, triage.logit(1 - chances[label])),) if label in chances else ()


@dataclass(frozen=True)
class Scale:
    """calibration: orders the queue. line: from its probability to one that says how many labels are wrong; None: it
    says so itself. calibrated_by: of dataset.labels.vocabulary.
    """

    calibration: Calibration
    line: Line | None
    calibrated_by: str

    def rescaled(self, probability: float) -> float:
        """How probable it is that the label is wrong."""
        return self.line(probability) if self.line else probability


@dataclass(frozen=True, slots=True)
class Question:
    """One cluster that people are asked about: its representative. objection: of players of the game. explicit: why one
    of its images may be explicit.
    """

    image: int
    sha256: str
    priority: float
    error_probability: float
    calibrated_by: str
    objection: Agreement | None = None
    explicit: Finding | None = None

    def row(self, suspicion: Suspicion) -> dict[str, Any]:
        """The row of the table `queue`. suspicion: of the representative."""
        of_copy = [self.explicit] if self.explicit and not suspicion.explicit else []
        reasons = [f"{finding.detector}: {finding.evidence}" for finding in [*suspicion.findings, *of_copy]]
        objection = self.objection
        return {
            "sha256": self.sha256,
            "priority": self.priority,
            "suggested_label": objection.answer if objection else suspicion.suggested,
            "error_probability": self.error_probability,
            "reasons": [objection.reason, *reasons] if objection else reasons,
            "calibrated_by": self.calibrated_by,
        }


def queue_rows(
    clustering: Clustering,
    suspicions: Mapping[int, Suspicion],
    objections: Mapping[str, Agreement],
    sampled: frozenset[str] = frozenset(),
    not_reached: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """The rows of all questions, in the order of their clusters. Parameters as for `questions` and `scale_of`."""
    asked = questions(clustering, suspicions, objections, scale_of(clustering, suspicions, sampled, not_reached))
    return [question.row(suspicions[question.image]) for question in asked]


def questions(
    clustering: Clustering,
    suspicions: Mapping[int, Suspicion],
    objections: Mapping[str, Agreement],
    scale: Scale,
) -> list[Question]:
    """What the table `queue` asks: every cluster without an answer that is not excluded automatically.

    suspicions: by image. objections: of players of the game, by name of the cluster. Clusters whose label players
    doubt come first, answered or not. Clusters where players beat the model come before those that only detectors
    suspect.
    """
    asked = []
    for cluster, image in enumerate(clustering.representatives):
        objection = objections.get(clustering.name(cluster))
        is_doubted = objection is not None and objection.is_dissent
        if image not in suspicions:
            continue
        suspicion = suspicions[image]
        if not is_doubted and (clustering.answers[cluster] or suspicion.is_surely_unusable):
            continue
        probability = scale.calibration.probability(suspicion.signals())
        priority = triage.priority(probability, len(clustering.members[cluster]))
        members = (suspicions[i] for i in clustering.members[cluster] if i in suspicions)
        explicit = next((found for member in members if (found := member.explicit)), None)
        priority += UNPROVEN_PRIORITY * (explicit is not None)
        priority += UNPROVEN_PRIORITY * (suspicion.looks_unusable and not suspicion.has_prior)
        if objection:
            priority = DISSENT_PRIORITY + objection.share if is_doubted else priority + MODEL_ERROR_PRIORITY
        sha256, rescaled = clustering.sha256[image], scale.rescaled(probability)
        asked.append(Question(image, sha256, priority, rescaled, scale.calibrated_by, objection, explicit))
    return asked


def varied(asked: Sequence[Question], vectors: Vectors) -> list[Question]:
    """The questions by priority, their front in an order that does not ask about one look again and again."""
    in_order = sorted(asked, key=lambda question: (-question.priority, question.sha256))
    front, rest = in_order[:ARRANGED], in_order[ARRANGED:]
    if not front:
        return []
    order = without_runs(vectors[[question.image for question in front]])
    return [*(replace(front[i], priority=one.priority) for i, one in zip(order, front, strict=True)), *rest]


def scale_of(
    clustering: Clustering,
    suspicions: Mapping[int, Suspicion],
    sampled: frozenset[str],
    not_reached: frozenset[str],
) -> Scale:
    """Fit the weights of the signals to the answers; without a prior, also the scale to those of the audit sample.

    sampled: names of the answered clusters of the audit sample. not_reached: of labels.audit.

    "unsure" does not say whether a label is wrong, so no weight is fitted to it; but no wrong label is found there.
    """
    judged = {
        cluster: (suspicions[image].signals(), answer not in (UNSURE, suspicions[image].source_label))
        for cluster, (image, answer) in enumerate(zip(clustering.representatives, clustering.answers, strict=True))
        if image in suspicions and answer
    }
    sure = [judged[cluster] for cluster in judged if clustering.answers[cluster] != UNSURE]
    calibration = triage.calibrate([signals for signals, _ in sure], [wrong for _, wrong in sure])
    if any(suspicion.has_prior for suspicion in suspicions.values()):
        return Scale(calibration, None, CALIBRATED_BY_PACK)
    names = [clustering.name(cluster) for cluster in judged]
    if sum(name in sampled for name in names) < MIN_SAMPLED:
        return Scale(calibration, None, NOT_CALIBRATED)
    # Where the queue has reached the whole sample, all of it counts.
    drawn = not_reached.intersection(names) or sampled
    probabilities = [calibration.probability(signals) for signals, _ in judged.values()]
    is_asked = [name not in drawn for name in names]
    rescaled = triage.rescaling(probabilities, [wrong for _, wrong in judged.values()], is_asked)
    return Scale(calibration, rescaled, CALIBRATED_BY_ANSWERS)
