from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, doubt_of


class OutOfFold:
    """A model that saw neither this picture nor its near-duplicates doubts the label."""

    name: ClassVar[str] = "out_of_fold"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # probability of the source's label below which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        return doubt_of(OutOfFold, subject.probabilities, subject.source_label, self.threshold, "held out")
