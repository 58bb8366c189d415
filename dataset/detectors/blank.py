from typing import ClassVar

from dataset.detectors.base import UNUSABLE, Finding, Subject, found
from dataset.fingerprints import BLANK_DETAIL


class Blank:
    """Nothing to see: one colour, or nearly."""

    name: ClassVar[str] = "blank"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = BLANK_DETAIL  # standard deviation of luminance

    def examine(self, subject: Subject) -> Finding | None:
        if subject.detail >= self.threshold:
            return None
        return found(Blank, 0.98, UNUSABLE, f"brightness varies by {subject.detail:.1f} of 255")
