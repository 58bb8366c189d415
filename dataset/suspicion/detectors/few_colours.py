from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class FewColours:
    """Eight colours cover nearly all of the picture, as in a logo. A drawing has few colours, a photo has many."""

    name: ClassVar[str] = "few_colours"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.75  # share of pixels in the 8 commonest of 4,096 colours

    def examine(self, subject: Subject) -> Finding | None:
        share = subject.measures["top_colours"]
        if share < self.threshold:
            return None
        score = 0.35 + 0.55 * (share - self.threshold) / (1 - self.threshold)
        return finding_of(FewColours, score, UNUSABLE, f"8 colours cover {share:.0%}")
