from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Blurred:
    """The picture has contrast but hardly an edge: an enlarged placeholder, or a photo out of focus."""

    name: ClassVar[str] = "blurred"
    version: ClassVar[int] = 1
    drawn_colours: ClassVar[float] = 0.75  # share of the 8 commonest colours above which it is drawn, not a photo
    threshold: ClassVar[float] = 0.09  # mean gradient, divided by the standard deviation of luminance

    def examine(self, subject: Subject) -> Finding | None:
        sharpness = subject.measures["edges"] / max(subject.detail, 1.0)
        if sharpness >= self.threshold or subject.measures["top_colours"] > self.drawn_colours:
            return None
        return finding_of(Blurred, 1 - sharpness / self.threshold / 2, UNUSABLE, f"sharpness {sharpness:.2f}")
