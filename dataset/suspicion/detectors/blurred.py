from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Blurred:
    """Hardly an edge though there is contrast: a placeholder that was blown up, or a photo out of focus."""

    name: ClassVar[str] = "blurred"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.09  # mean gradient by standard deviation of luminance

    def examine(self, subject: Subject) -> Finding | None:
        sharpness = subject.measures["edges"] / max(subject.detail, 1.0)
        if sharpness >= self.threshold or subject.measures["top_colours"] > 0.75:
            return None
        return found(Blurred, 1 - sharpness / self.threshold / 2, UNUSABLE, f"sharpness {sharpness:.2f}")
