from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class ZeroShot:
    """The backbone's own classes mean another answer, by the classes of a pack or of [labels.X] means.

    A pair of towers has no classes; it compares pictures with the texts of the answers.
    """

    name: ClassVar[str] = "zero_shot"
    version: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.3  # probability of the class

    def examine(self, subject: Subject) -> Finding | None:
        named = subject.meanings.classes_by_answer(subject.classes)
        own, _ = named.get(subject.source_label, (0.0, ""))
        for answer, (probability, name) in named.items():
            if answer != subject.source_label and probability >= self.threshold and probability > own:
                source = subject.meanings.class_source
                return finding_of(ZeroShot, probability, answer, f"{source} {name} {probability:.0%}")
        return None
