"""From evidence to what triage writes: clusters, findings and the review queue. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.exclusion import with_proven
from dataset.suspicion.meanings import Meanings
from dataset.suspicion.queue import Suspicion, queue_rows
from dataset.suspicion.subjects import subjects_of
from dataset.suspicion.variety import ARRANGED, without_runs
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


def derive(evidence: Evidence, meanings: Meanings, net: Backbone) -> Derived:
    """Suspect every image, and order the clusters that people are asked about."""
    clustering = evidence.clustering
    if not clustering.sha256:
        return Derived([], [], [])
    suspicions = _suspect(evidence, meanings, net)
    if not meanings.has_prior:
        suspicions = with_proven(clustering, suspicions)
    return Derived(
        clusters=clustering.rows(),
        findings=[
            {"sha256": clustering.sha256[image], **asdict(finding)}
            for image, suspicion in suspicions.items()
            for finding in suspicion.findings
        ],
        queue=_varied(
            queue_rows(clustering, suspicions, evidence.objections, evidence.sampled, evidence.not_reached), evidence
        ),
    )


def _varied(rows: Sequence[dict[str, Any]], evidence: Evidence) -> list[dict[str, Any]]:
    """The queue, its front in an order that does not ask about one look again and again."""
    in_order = sorted(rows, key=lambda row: (-row["priority"], row["sha256"]))
    front, rest = in_order[:ARRANGED], in_order[ARRANGED:]
    if not front:
        return []
    place = {sha256: i for i, sha256 in enumerate(evidence.clustering.sha256)}
    order = without_runs(evidence.vectors([place[row["sha256"]] for row in front]))
    changed = [{**front[i], "priority": row["priority"]} for i, row in zip(order, front, strict=True)]
    return [*changed, *rest]


def _suspect(evidence: Evidence, meanings: Meanings, net: Backbone) -> dict[int, Suspicion]:
    """What the detectors find, by image."""
    detectors = [detector() for detector in DETECTORS]
    return {
        image: Suspicion(subject, [finding for detector in detectors if (finding := detector.examine(subject))])
        for image, subject in subjects_of(evidence, meanings, net).items()
    }
