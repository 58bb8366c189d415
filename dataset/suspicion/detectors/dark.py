from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Dark:
    """The picture is dark and has little contrast."""

    name: ClassVar[str] = "dark"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 30.0  # mean luminance, and standard deviation of luminance, of 255

    def examine(self, subject: Subject) -> Finding | None:
        light = subject.measures.get("light", 255.0)
        if light >= self.threshold or subject.detail >= self.threshold:
            return None
        return finding_of(Dark, 1 - light / self.threshold / 2, UNUSABLE, f"mean brightness {light:.0f} of 255")
