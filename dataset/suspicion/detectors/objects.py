from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Objects:
    """A COCO detector sees the other label in the picture, or only objects that are no label."""

    name: ClassVar[str] = "objects"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # score of the COCO detector from which it counts as an object

    def examine(self, subject: Subject) -> Finding | None:
        source_label = subject.source_label
        for label in subject.labels:
            if label != source_label and (score := subject.objects.get(label, 0.0)) >= self.threshold:
                return finding_of(Objects, score, label, f"an object detector sees {label} {score:.0%}")
        if source_label not in subject.objects and not set(subject.labels) & set(subject.objects):
            other = max(sorted(subject.objects), key=lambda name: subject.objects[name], default="")
            if other and (score := subject.objects[other]) >= self.threshold:
                return finding_of(
                    Objects, score / 2, subject.other_label, f"an object detector sees {other} {score:.0%}"
                )
        return None
