from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class OddShape:
    """Much wider than high, or the reverse: banners and dividers are."""

    name: ClassVar[str] = "odd_shape"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 2.4  # longer side by shorter side

    def examine(self, subject: Subject) -> Finding | None:
        ratio = max(subject.width, subject.height) / min(subject.width, subject.height)
        if ratio < self.threshold:
            return None
        return found(OddShape, 0.6, UNUSABLE, f"{subject.width}×{subject.height}")
