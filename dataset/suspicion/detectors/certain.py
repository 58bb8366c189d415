from typing import ClassVar

from dataset.labels.vocabulary import CERTAIN, UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Certain:
    """The image is surely unusable. It is excluded automatically; any answer restores it."""

    name: ClassVar[str] = CERTAIN
    version: ClassVar[int] = 1

    def examine(self, subject: Subject) -> Finding | None:
        if not subject.is_surely_unusable:
            return None
        return finding_of(Certain, 0.99, UNUSABLE, f"unusable {subject.prior.get(UNUSABLE, 0.0):.0%} by its looks")
