from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class LabelConflict:
    """Sources claim different labels for the same picture: one of them is wrong."""

    name: ClassVar[str] = "label_conflict"
    version: ClassVar[int] = 1

    def examine(self, subject: Subject) -> Finding | None:
        others = sorted(subject.source_labels - {subject.source_label})
        if not others:
            return None
        return finding_of(LabelConflict, 0.99, others[0], f"sources say {' and '.join(sorted(subject.source_labels))}")
