from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, found


class Text:
    """Lines of text: a menu, a form, a screenshot. One line may stand on a cake."""

    name: ClassVar[str] = "text"
    version: ClassVar[int] = 1
    lines: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.01  # share of the picture

    def examine(self, subject: Subject) -> Finding | None:
        if subject.text_lines < self.lines or subject.text_share < self.threshold:
            return None
        score = 0.2 + 0.1 * min(7, subject.text_lines - self.lines)
        return found(Text, score, UNUSABLE, f"{subject.text_lines} lines of text")
