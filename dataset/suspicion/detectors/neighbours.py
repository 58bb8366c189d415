from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Neighbours:
    """The pictures that look most like this one have another label."""

    name: ClassVar[str] = "neighbours"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.3  # probability of the source's label below which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        if not subject.neighbours:
            return None
        chance = subject.neighbours.get(subject.source_label, 0.0)
        best = max(sorted(subject.neighbours), key=lambda label: subject.neighbours[label])
        if chance >= self.threshold or best == subject.source_label:
            return None
        return finding_of(Neighbours, 1 - chance, best, f"{best} {subject.neighbours[best]:.0%}, by what looks alike")
