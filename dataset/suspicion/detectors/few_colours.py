from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class FewColours:
    """Logo-like: eight colours cover nearly all of it. Sensors and lenses do not do that; drawing tools do."""

    name: ClassVar[str] = "few_colours"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.75  # share of pixels in the 8 commonest of 4,096 colours

    def examine(self, subject: Subject) -> Finding | None:
        share = subject.measures["top_colours"]
        if share < self.threshold:
            return None
        score = 0.35 + 0.55 * (share - self.threshold) / (1 - self.threshold)
        return found(FewColours, score, UNUSABLE, f"8 colours cover {share:.0%}")
