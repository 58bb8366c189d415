from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Small:
    """The picture has few pixels, as icons and badges have."""

    name: ClassVar[str] = "small"
    version: ClassVar[int] = 1
    threshold: ClassVar[int] = 256  # px, shorter side; pictures below 200 px are not collected

    def examine(self, subject: Subject) -> Finding | None:
        side = min(subject.width, subject.height)
        if side >= self.threshold:
            return None
        return finding_of(Small, 0.3, UNUSABLE, f"shorter side {side} px")
