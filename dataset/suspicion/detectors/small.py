from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Small:
    """Few pixels: icons and badges are, photos seldom."""

    name: ClassVar[str] = "small"
    version: ClassVar[int] = 1
    threshold: ClassVar[int] = 256  # px, shorter side; under 200 nothing is collected

    def examine(self, subject: Subject) -> Finding | None:
        side = min(subject.width, subject.height)
        if side >= self.threshold:
            return None
        return found(Small, 0.3, UNUSABLE, f"shorter side {side} px")
