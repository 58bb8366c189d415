"""From evidence to what triage writes: clusters, findings and the review queue. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.queue import Suspicion, queue_rows
from dataset.suspicion.subjects import subjects_of
from networks.backbone import Backbone


@dataclass(frozen=True)
class Derived:
    """Rows of the tables of the same names."""

    clusters: Sequence[dict[str, Any]]
    findings: Sequence[dict[str, Any]]
    queue: Sequence[dict[str, Any]]

    def findings_by_detector(self) -> dict[str, int]:
        """How many findings each detector has, by its name."""
        return dict(sorted(Counter(row["detector"] for row in self.findings).items()))


def derive(evidence: Evidence, labels: Sequence[str], net: Backbone) -> Derived:
    """Suspect every image, and order the clusters that people are asked about. labels: of the project."""
    clustering = evidence.clustering
    if not clustering.sha256:
        return Derived([], [], [])
    suspicions = _suspect(evidence, labels, net)
    return Derived(
        clusters=clustering.rows(),
        findings=[
            {"sha256": clustering.sha256[image], **asdict(finding)}
            for image, suspicion in suspicions.items()
            for finding in suspicion.findings
        ],
        queue=queue_rows(clustering, suspicions, evidence.objections),
    )


def _suspect(evidence: Evidence, labels: Sequence[str], net: Backbone) -> dict[int, Suspicion]:
    """What the detectors find, by image."""
    detectors = [detector() for detector in DETECTORS]
    return {
        image: Suspicion(subject, [finding for detector in detectors if (finding := detector.examine(subject))])
        for image, subject in subjects_of(evidence, labels, net).items()
    }
