from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class PriorDisagrees:
    """The shipped prior, which learned from other sites, gives the picture another label."""

    name: ClassVar[str] = "looks"  # as it is stored in catalogs
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # probability of the source's label below which it is a finding

    def examine(self, subject: Subject) -> Finding | None:
        chance = subject.prior.get(subject.source_label)
        if chance is None or chance >= self.threshold:
            return None
        best = max(sorted(subject.prior), key=lambda label: subject.prior[label])
        return finding_of(
            PriorDisagrees, 1 - chance, best, f"{best.replace('_', ' ')} {subject.prior[best]:.0%} by its looks"
        )
