from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, found


class Objects:
    """A COCO detector sees something else: the other label itself, or anything but what the label says."""

    name: ClassVar[str] = "objects"
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.5  # score from which an object is believed to be there

    def examine(self, subject: Subject) -> Finding | None:
        given = subject.source_label
        for label in subject.labels:
            if label != given and (score := subject.objects.get(label, 0.0)) >= self.threshold:
                return found(Objects, score, label, f"an object detector sees {label} {score:.0%}")
        if given not in subject.objects and not set(subject.labels) & set(subject.objects):
            other = max(sorted(subject.objects), key=lambda name: subject.objects[name], default="")
            if other and (score := subject.objects[other]) >= self.threshold:
                return found(Objects, score / 2, subject.other_label, f"an object detector sees {other} {score:.0%}")
        return None
