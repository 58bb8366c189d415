from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class OutOfFold:
    """A model that saw neither this picture nor its near-duplicates doubts the label."""

    name: ClassVar[str] = "out_of_fold"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # probability of the source's label below which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        if not subject.probabilities:
            return None
        chance = subject.probabilities.get(subject.source_label, 0.0)
        best = max(sorted(subject.probabilities), key=lambda label: subject.probabilities[label])
        if chance >= self.threshold or best == subject.source_label:
            return None
        return finding_of(OutOfFold, 1 - chance, best, f"{best} {subject.probabilities[best]:.0%}, held out")
