from typing import ClassVar

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class ZeroShot:
    """The backbone's own classes call it a web site, a menu or something like that, or name another label."""

    name: ClassVar[str] = "zero_shot"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.3  # probability of the class
    drawn: ClassVar[frozenset[str]] = frozenset(
        {"web site", "menu", "comic book", "book jacket", "crossword puzzle", "envelope", "packet", "street sign"}
    )

    def examine(self, subject: Subject) -> Finding | None:
        for class_name, probability in subject.classes.items():
            if probability < self.threshold:
                continue
            names = {name.strip() for name in class_name.split(",")}
            if names & self.drawn:
                return finding_of(
                    ZeroShot, probability, UNUSABLE, f"ImageNet's {class_name.split(',')[0]} {probability:.0%}"
                )
            for label in subject.labels:
                if label != subject.source_label and label.replace("_", " ") in names:
                    return finding_of(ZeroShot, probability, label, f"ImageNet's {label} {probability:.0%}")
        return None
