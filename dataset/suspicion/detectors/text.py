from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Text:
    """The picture has several lines of text: a menu, a form or a screenshot. A photo may have one line."""

    name: ClassVar[str] = "text"
    version: ClassVar[int] = 1
    min_lines: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.01  # share of the picture that text covers

    def examine(self, subject: Subject) -> Finding | None:
        if subject.text_lines < self.min_lines or subject.text_share < self.threshold:
            return None
        score = 0.2 + 0.1 * min(7, subject.text_lines - self.min_lines)
        return finding_of(Text, score, UNUSABLE, f"{subject.text_lines} lines of text")
