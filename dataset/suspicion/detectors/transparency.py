from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Transparency:
    """The picture is cut out on a transparent ground, as logos and stickers are."""

    name: ClassVar[str] = "transparency"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.05  # share of transparent pixels

    def examine(self, subject: Subject) -> Finding | None:
        share = subject.measures["alpha"]
        if share < self.threshold:
            return None
        return finding_of(Transparency, 0.7, UNUSABLE, f"{share:.0%} transparent")
