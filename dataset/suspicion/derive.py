"""From evidence to what triage writes: clusters, findings and the review queue. Pure functions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.exclusion import with_proven
from dataset.suspicion.meanings import Meanings
from dataset.suspicion.queue import Question, Suspicion, questions
from dataset.suspicion.subjects import subjects_of
from dataset.suspicion.variety import ARRANGED, without_runs
from networks.backbone import Backbone


@dataclass(frozen=True)
class Derived:
    """What triage writes. Rows are made when they are asked for: all at once, they would take much more memory.

    suspicions: by image. asked: the review queue, in order.
    """

    clustering: Clustering
    suspicions: Mapping[int, Suspicion] = field(default_factory=dict)
    asked: Sequence[Question] = ()

    @property
    def clusters(self) -> Iterator[dict[str, Any]]:
        """Rows of the table `clusters`."""
        return self.clustering.rows()

    @property
    def findings(self) -> Iterator[dict[str, Any]]:
        """Rows of the table `findings`."""
        for image, suspicion in self.suspicions.items():
            for finding in suspicion.findings:
                yield {"sha256": self.clustering.sha256[image], **asdict(finding)}

    @property
    def queue(self) -> Iterator[dict[str, Any]]:
        """Rows of the table `queue`."""
        return (question.row(self.suspicions[question.image]) for question in self.asked)

    def findings_by_detector(self) -> dict[str, int]:
        """How many findings each detector has, by its name."""
        found = (finding.detector for suspicion in self.suspicions.values() for finding in suspicion.findings)
        return dict(sorted(Counter(found).items()))


def derive(evidence: Evidence, meanings: Meanings, net: Backbone) -> Derived:
    """Suspect every image, and order the clusters that people are asked about."""
    clustering = evidence.clustering
    if not clustering.sha256:
        return Derived(clustering)
    suspicions: Mapping[int, Suspicion] = _suspect(evidence, meanings, net)
    if not meanings.has_prior:
        suspicions = with_proven(clustering, suspicions)
    asked = questions(clustering, suspicions, evidence.objections, evidence.sampled, evidence.not_reached)
    return Derived(clustering, suspicions, _varied(asked, evidence))


def _varied(asked: Sequence[Question], evidence: Evidence) -> list[Question]:
    """The queue, its front in an order that does not ask about one look again and again."""
    in_order = sorted(asked, key=lambda question: (-question.priority, question.sha256))
    front, rest = in_order[:ARRANGED], in_order[ARRANGED:]
    if not front:
        return []
    order = without_runs(evidence.vectors[[question.image for question in front]])
    changed = [replace(front[i], priority=question.priority) for i, question in zip(order, front, strict=True)]
    return [*changed, *rest]


def _suspect(evidence: Evidence, meanings: Meanings, net: Backbone) -> dict[int, Suspicion]:
    """What the detectors find, by image."""
    detectors = [detector() for detector in DETECTORS]
    return {
        image: Suspicion.of(subject, [finding for detector in detectors if (finding := detector.examine(subject))])
        for image, subject in subjects_of(evidence, meanings, net)
    }
