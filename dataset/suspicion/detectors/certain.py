from typing import ClassVar

from dataset.labels.vocabulary import CERTAIN, UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Certain:
    """Sure to be unusable: set aside without a person, listed, and brought back by any judgement."""

    name: ClassVar[str] = CERTAIN
    version: ClassVar[int] = 1

    def examine(self, subject: Subject) -> Finding | None:
        if not subject.is_surely_unusable:
            return None
        return found(Certain, 0.99, UNUSABLE, f"unusable {subject.prior.get(UNUSABLE, 0.0):.0%} by its looks")
