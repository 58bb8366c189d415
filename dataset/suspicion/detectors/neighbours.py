from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, doubt_of


class Neighbours:
    """The pictures that look most like this one have another label."""

    name: ClassVar[str] = "neighbours"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.3  # probability of the source's label below which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        return doubt_of(Neighbours, subject.neighbours, subject.source_label, self.threshold, "by what looks alike")
