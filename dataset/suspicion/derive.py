"""From evidence to what triage writes: clusters, findings and the review queue. Pure functions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.evidence import Evidence
from dataset.suspicion.exclusion import is_proven, with_exclusions
from dataset.suspicion.fitted.fit import Fitted, fit
from dataset.suspicion.fitted.model import TriageModel
from dataset.suspicion.meanings import Meanings
from dataset.suspicion.queue import Question, Suspicion, questions, scale_of, varied
from dataset.suspicion.subjects import is_prior_precise, subjects_of
from networks.backbone import Backbone


@dataclass(frozen=True)
class Derived:
    """What triage writes. Rows are made when they are asked for: all at once, they would take much more memory.

    suspicions: by image. asked: the questions of the review queue. moved: new priorities of
    questions that are in the queue already, by SHA-256. model: what judged the images; None: there are none.
    """

    clustering: Clustering
    suspicions: Mapping[int, Suspicion] = field(default_factory=dict)
    asked: Sequence[Question] = ()
    moved: Mapping[str, float] = field(default_factory=dict)
    model: TriageModel | None = None

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


def derive(evidence: Evidence, meanings: Meanings, net: Backbone, model: TriageModel | None = None) -> Derived:
    """Suspect every image, and order the clusters that people are asked about. model: as it was fitted before; by
    default it is fitted to this evidence.
    """
    if not evidence.clustering.sha256:
        return Derived(evidence.clustering, model=model)
    if model:
        suspicions = _suspect(evidence, meanings, net, model.fitted, may_exclude=model.may_exclude)
        return _judged(
            evidence, model, with_exclusions(evidence.clustering, suspicions) if model.excludes else suspicions
        )
    fitted = fit(evidence, has_prior=meanings.has_prior)
    may_exclude = is_prior_precise(evidence, meanings, net)
    suspicions = _suspect(evidence, meanings, net, fitted, may_exclude=may_exclude)
    excludes = not meanings.has_prior and is_proven(evidence.clustering, suspicions)
    judged = with_exclusions(evidence.clustering, suspicions) if excludes else suspicions
    scale = scale_of(evidence.clustering, judged, evidence.sampled, evidence.not_reached)
    derived = _judged(evidence, TriageModel(fitted, may_exclude, excludes, scale), judged)
    return replace(derived, asked=varied(derived.asked, evidence.vectors))


def _judged(evidence: Evidence, model: TriageModel, judged: Mapping[int, Suspicion]) -> Derived:
    asked = questions(evidence.clustering, judged, evidence.objections, model.scale)
    return Derived(evidence.clustering, judged, asked, model=model)


def _suspect(
    evidence: Evidence, meanings: Meanings, net: Backbone, fitted: Fitted, *, may_exclude: bool
) -> dict[int, Suspicion]:
    """What the detectors find, by image."""
    detectors = [detector() for detector in DETECTORS]
    return {
        image: Suspicion.of(subject, [finding for detector in detectors if (finding := detector.examine(subject))])
        for image, subject in subjects_of(evidence, meanings, net, fitted, may_exclude=may_exclude)
    }
