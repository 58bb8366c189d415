from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Transparency:
    """Cut out on a transparent ground: logos and stickers are, photos seldom."""

    name: ClassVar[str] = "transparency"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.05  # share of transparent pixels

    def examine(self, subject: Subject) -> Finding | None:
        share = subject.measures["alpha"]
        if share < self.threshold:
            return None
        return found(Transparency, 0.7, UNUSABLE, f"{share:.0%} transparent")
