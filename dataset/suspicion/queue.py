"""The review queue: the probability that each cluster's label is wrong, and which cluster to ask about first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataset.labels.players import DISSENT_PRIORITY, MODEL_ERROR_PRIORITY, Agreement
from dataset.suspicion import triage
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import Finding, Subject
from dataset.suspicion.triage import Calibration

NO_LABEL_EXPECTED = ("", "unsure")  # answers that do not say whether a label is wrong


@dataclass(frozen=True)
class Suspicion:
    """One image as detectors see it, and what they found."""

    subject: Subject
    findings: Sequence[Finding]

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
    signals["lookalikes"] = subject.lookalikes
    return signals


def queue_rows(
    clustering: Clustering, suspicions: Mapping[int, Suspicion], objections: Mapping[str, Agreement]
) -> list[dict[str, Any]]:
    """Rows of the table `queue`: every cluster without an answer that is not excluded automatically.

    suspicions: by image. objections: of players of the game, by name of the cluster. Clusters whose label players doubt
    come first, answered or not. Clusters where players beat the model come before those that only detectors suspect.
    """
    calibration = _calibrate(clustering, suspicions)
    rows = []
    for cluster, image in enumerate(clustering.representatives):
        objection = objections.get(clustering.name(cluster))
        is_doubted = objection is not None and objection.is_dissent
        if image not in suspicions:
            continue
        is_settled = clustering.answers[cluster] or suspicions[image].subject.is_surely_unusable
        if is_doubted or not is_settled:
            copies = len(clustering.members[cluster])
            row = _row(suspicions[image], calibration, copies, objection)
            rows.append({"sha256": clustering.sha256[image], **row})
    return rows


def _calibrate(clustering: Clustering, suspicions: Mapping[int, Suspicion]) -> Calibration:
    """Fit the weights of the signals to the answers."""
    judged = [
        (suspicions[image].signals(), answer != suspicions[image].subject.source_label)
        for image, answer in zip(clustering.representatives, clustering.answers, strict=True)
        if image in suspicions and answer not in NO_LABEL_EXPECTED
    ]
    return triage.calibrate([signals for signals, _ in judged], [is_wrong for _, is_wrong in judged])


def _row(suspicion: Suspicion, calibration: Calibration, copies: int, objection: Agreement | None) -> dict[str, Any]:
    subject, findings = suspicion.subject, suspicion.findings
    probability = calibration.probability(suspicion.signals())
    priority = triage.priority(probability, copies)
    suggested = triage.suggestion(findings, subject.source_label, subject.prior)
    reasons = [f"{finding.detector}: {finding.evidence}" for finding in findings]
    if objection:
        priority = DISSENT_PRIORITY + objection.share if objection.is_dissent else priority + MODEL_ERROR_PRIORITY
        suggested = objection.answer
        reasons.insert(0, objection.reason)
    return {
        "priority": priority,
        "suggested_label": suggested,
        "error_probability": probability,
        "reasons": reasons,
    }
