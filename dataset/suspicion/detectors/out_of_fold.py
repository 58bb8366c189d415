from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, found


class OutOfFold:
    """A model that never saw this picture, nor any of its duplicates, doubts the label."""

    name: ClassVar[str] = "out_of_fold"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # probability of the source's label under which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        if not subject.probabilities:
            return None
        given = subject.probabilities.get(subject.source_label, 0.0)
        best = max(sorted(subject.probabilities), key=lambda label: subject.probabilities[label])
        if given >= self.threshold or best == subject.source_label:
            return None
        return found(OutOfFold, 1 - given, best, f"{best} {subject.probabilities[best]:.0%}, held out")
