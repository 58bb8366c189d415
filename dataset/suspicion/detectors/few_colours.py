from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class FewColours:
    """Eight colours cover nearly all of the picture, as in a logo. A drawing has few colours, a photo has many.

    A white or transparent ground does not count, because photos of products have one too. It does where a pack says
    that pictures on such a ground are logos.
    """

    name: ClassVar[str] = "few_colours"
    version: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.75  # share of pixels in the 8 commonest of 4,096 colours, the ground included
    threshold_without_ground: ClassVar[float] = 0.95  # the same of what is not ground; grey products reach 0.9
    all_ground: ClassVar[float] = 0.98  # share of the ground above which nothing else is left to judge

    def examine(self, subject: Subject) -> Finding | None:
        share, ground = subject.measures["top_colours"], 0.0
        threshold = self.threshold
        if not subject.meanings.plain_ground:
            threshold = self.threshold_without_ground
            ground = max(subject.measures.get("white", 0.0), subject.measures.get("alpha", 0.0))
            if ground > self.all_ground:
                return None
            share = max(0.0, (share - ground) / (1 - ground))
        if share < threshold:
            return None
        score = 0.35 + 0.55 * (share - threshold) / (1 - threshold)
        rest = " of what is not ground" if ground else ""
        return finding_of(FewColours, score, UNUSABLE, f"8 colours cover {share:.0%}{rest}")
