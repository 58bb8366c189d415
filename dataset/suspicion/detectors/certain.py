from typing import ClassVar

from dataset.labels.vocabulary import CERTAIN, UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Certain:
    """The image is surely unusable. It is excluded automatically; any answer restores it.

    A pack's prior is sure, or this project's own answers have shown that such images are unusable.
    """

    name: ClassVar[str] = CERTAIN
    version: ClassVar[int] = 2

    def examine(self, subject: Subject) -> Finding | None:
        return certain(subject.prior.get(UNUSABLE)) if subject.is_surely_unusable else None


def certain(chance: float | None) -> Finding:
    """The finding. chance: of `unusable`, by a prior; None: people found such pictures unusable."""
    proof = "people found such pictures unusable" if chance is None else f"unusable {chance:.0%} by its looks"
    return finding_of(Certain, 0.99, UNUSABLE, proof)
