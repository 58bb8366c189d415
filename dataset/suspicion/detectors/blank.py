from typing import ClassVar

from dataset.duplicates.fingerprints import BLANK_DETAIL
from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Blank:
    """The picture is empty: one colour, or nearly."""

    name: ClassVar[str] = "blank"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = BLANK_DETAIL  # standard deviation of luminance

    def examine(self, subject: Subject) -> Finding | None:
        if subject.detail >= self.threshold:
            return None
        return finding_of(Blank, 0.98, UNUSABLE, f"brightness varies by {subject.detail:.1f} of 255")
