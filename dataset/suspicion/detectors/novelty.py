from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Novelty:
    """The picture is unlike the others with the same label: unusual, but not necessarily wrong."""

    name: ClassVar[str] = "novelty"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 3.0  # spreads above the median distance to its neighbours

    def examine(self, subject: Subject) -> Finding | None:
        if subject.novelty < self.threshold:
            return None
        score = 0.3 + 0.1 * min(4.0, subject.novelty - self.threshold)
        proposes = max(subject.prior, key=lambda answer: subject.prior[answer]) if subject.prior else UNUSABLE
        if proposes == subject.source_label:
            proposes = UNUSABLE
        return finding_of(Novelty, score, proposes, f"unlike the other pictures of {subject.source_label}")
