from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, found


class Looks:
    """Looks like something else than its source says, to a model that knows such pictures from elsewhere."""

    name: ClassVar[str] = "looks"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # probability of the source's label under which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        given = subject.prior.get(subject.source_label)
        if given is None or given >= self.threshold:
            return None
        best = max(sorted(subject.prior), key=lambda label: subject.prior[label])
        return found(Looks, 1 - given, best, f"{best.replace('_', ' ')} {subject.prior[best]:.0%} by its looks")
