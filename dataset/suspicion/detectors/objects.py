from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Objects:
    """A COCO detector sees what another label means, or only objects that mean no label.

    It says nothing where neither a pack nor [labels.X] means says what COCO's classes mean.
    """

    name: ClassVar[str] = "objects"
    version: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.5  # score of the COCO detector from which it counts as an object

    def examine(self, subject: Subject) -> Finding | None:
        named = subject.meanings.objects_by_answer(subject.objects)
        own, _ = named.get(subject.source_label, (0.0, ""))
        for answer, (score, name) in named.items():
            if answer != subject.source_label and score >= self.threshold and score > own:
                return finding_of(Objects, score, answer, f"an object detector sees {name} {score:.0%}")
        rest = subject.meanings.rest
        if not named and rest not in ("", subject.source_label):
            other = max(sorted(subject.objects), key=lambda name: subject.objects[name], default="")
            if other and (score := subject.objects[other]) >= self.threshold:
                return finding_of(Objects, score / 2, rest, f"an object detector sees {other} {score:.0%}")
        return None
