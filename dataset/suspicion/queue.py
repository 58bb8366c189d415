"""The review queue: the probability that each cluster's label is wrong, and which cluster to ask about first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from dataset.suspicion.triage import Calibration

NO_PHOTO = frozenset(detector.name for detector in (FewColours, OddShape, OnMostPages, Small, Text))
AGREEING_DETECTORS = 2  # of NO_PHOTO, from which on a picture looks unusable
UNPROVEN_PRIORITY = 10.0  # added where a picture looks unusable and no prior may exclude it; a dissent has more


@dataclass(frozen=True)
class Suspicion:
    """One image as detectors see it, and what they found."""

    subject: Subject
    findings: Sequence[Finding]

    @property
    def looks_unusable(self) -> bool:
        """Whether it is blank, or several independent detectors say that it is no photo."""
        named = {finding.detector for finding in self.findings if finding.proposes == UNUSABLE}
        return Blank.name in named or len(named & NO_PHOTO) >= AGREEING_DETECTORS

    def signals(self) -> dict[str, float]:
        """The inputs of the probability that the label is wrong."""
        return signals_of(self.subject, self.findings)


def signals_of(subject: Subject, findings: Sequence[Finding]) -> dict[str, float]:
    """The inputs of the probability that the label of an image is wrong, by name."""
    label = subject.source_label
    signals = {finding.detector: finding.score for finding in findings if finding.detector in triage.SIGNALS}
    if label in subject.prior:
        signals["prior"] = triage.logit(1 - subject.prior[label])
    if label in subject.probabilities:
        signals["out_of_fold"] = triage.logit(1 - subject.probabilities[label])
    if label in subject.neighbours:
        signals["neighbours"] = triage.logit(1 - subject.neighbours[label])
    signals["lookalikes"] = subject.lookalikes
    return signals


@dataclass(frozen=True)
class _Scale:
    """calibration: orders the queue. rescaled: from its probability to one that says how many labels are wrong.

    calibrated_by: of dataset.labels.vocabulary.
    """

    calibration: Calibration
    rescaled: Callable[[float], float]
    calibrated_by: str


def queue_rows(
    clustering: Clustering,
    suspicions: Mapping[int, Suspicion],
    objections: Mapping[str, Agreement],
    sampled: frozenset[str] = frozenset(),
    not_reached: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Rows of the table `queue`: every cluster without an answer that is not excluded automatically.

    suspicions: by image. objections: of players of the game, by name of the cluster. sampled: names of the answered
    clusters of the audit sample. not_reached: of labels.audit. Clusters whose label players doubt come first,
    answered or not. Clusters where players beat the model come before those that only detectors suspect.
    """
    scale = _scale(clustering, suspicions, sampled, not_reached)
    rows = []
    for cluster, image in enumerate(clustering.representatives):
        objection = objections.get(clustering.name(cluster))
        is_doubted = objection is not None and objection.is_dissent
        if image not in suspicions:
            continue
        is_settled = clustering.answers[cluster] or suspicions[image].subject.is_surely_unusable
        if is_doubted or not is_settled:
            copies = len(clustering.members[cluster])
            row = _row(suspicions[image], scale, copies, objection)
            rows.append({"sha256": clustering.sha256[image], **row})
    return rows


def _scale(
    clustering: Clustering,
    suspicions: Mapping[int, Suspicion],
    sampled: frozenset[str],
    not_reached: frozenset[str],
) -> _Scale:
    """Fit the weights of the signals to the answers; without a prior, also the scale to those of the audit sample.

    "unsure" does not say whether a label is wrong, so no weight is fitted to it; but no wrong label is found there.
    """
    judged = {
        cluster: (suspicions[image].signals(), answer not in (UNSURE, suspicions[image].subject.source_label))
        for cluster, (image, answer) in enumerate(zip(clustering.representatives, clustering.answers, strict=True))
        if image in suspicions and answer
    }
    sure = [judged[cluster] for cluster in judged if clustering.answers[cluster] != UNSURE]
    calibration = triage.calibrate([signals for signals, _ in sure], [wrong for _, wrong in sure])
    if any(suspicion.subject.prior for suspicion in suspicions.values()):
        return _Scale(calibration, lambda probability: probability, CALIBRATED_BY_PACK)
    names = [clustering.name(cluster) for cluster in judged]
    if sum(name in sampled for name in names) < MIN_SAMPLED:
        return _Scale(calibration, lambda probability: probability, NOT_CALIBRATED)
    # Where the queue has reached the whole sample, all of it counts.
    drawn = not_reached.intersection(names) or sampled
    probabilities = [calibration.probability(signals) for signals, _ in judged.values()]
    is_asked = [name not in drawn for name in names]
    rescaled = triage.rescaling(probabilities, [wrong for _, wrong in judged.values()], is_asked)
    return _Scale(calibration, rescaled, CALIBRATED_BY_ANSWERS)


def _row(suspicion: Suspicion, scale: _Scale, copies: int, objection: Agreement | None) -> dict[str, Any]:
    subject, findings = suspicion.subject, suspicion.findings
    probability = scale.calibration.probability(suspicion.signals())
    priority = triage.priority(probability, copies)
    if subject.explicit >= Explicit.threshold:
        priority += UNPROVEN_PRIORITY  # it waits for a person
    if suspicion.looks_unusable and not subject.prior:
        priority += UNPROVEN_PRIORITY
    suggested = triage.suggestion(findings, subject.source_label, subject.prior)
    reasons = [f"{finding.detector}: {finding.evidence}" for finding in findings]
    if objection:
        priority = DISSENT_PRIORITY + objection.share if objection.is_dissent else priority + MODEL_ERROR_PRIORITY
        suggested = objection.answer
        reasons.insert(0, objection.reason)
    return {
        "priority": priority,
        "suggested_label": suggested,
        "error_probability": scale.rescaled(probability),
        "reasons": reasons,
        "calibrated_by": scale.calibrated_by,
    }
