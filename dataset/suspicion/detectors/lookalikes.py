from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Lookalikes:
    """People found the labels of similar pictures wrong."""

    name: ClassVar[str] = "lookalikes"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.3  # vote of similar pictures, -1 to 1

    def examine(self, subject: Subject) -> Finding | None:
        if subject.lookalikes < self.threshold:
            return None
        score = 0.5 + subject.lookalikes / 2
        return finding_of(Lookalikes, score, subject.lookalike_answer, "like others that people found wrong")
