from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, found


class Lookalikes:
    """People found pictures that look like this one to be labelled wrongly."""

    name: ClassVar[str] = "lookalikes"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.3  # of a vote between -1 and 1

    def examine(self, subject: Subject) -> Finding | None:
        if subject.lookalikes < self.threshold:
            return None
        score = 0.5 + subject.lookalikes / 2
        return found(Lookalikes, score, subject.lookalike_answer, "like others that people found wrong")
