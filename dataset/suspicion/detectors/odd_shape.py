from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class OddShape:
    """The picture is much wider than high, or the reverse, as banners and dividers are."""

    name: ClassVar[str] = "odd_shape"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 2.4  # longer side, divided by the shorter side

    def examine(self, subject: Subject) -> Finding | None:
        ratio = max(subject.width, subject.height) / min(subject.width, subject.height)
        if ratio < self.threshold:
            return None
        return finding_of(OddShape, 0.6, UNUSABLE, f"{subject.width}×{subject.height}")
