from typing import ClassVar

from dataset.labels.vocabulary import EXPLICIT, UNUSABLE
from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Explicit:
    """A network takes the picture for explicit. It is shown to nobody and published in no version until a person has
    looked; the error probability does not change.
    """

    name: ClassVar[str] = EXPLICIT
    version: ClassVar[int] = 1
    threshold: ClassVar[float] = 0.8  # of the network's score; 0.8 is where its makers call a picture explicit

    def examine(self, subject: Subject) -> Finding | None:
        if subject.explicit < self.threshold:
            return None
        return finding_of(Explicit, subject.explicit, UNUSABLE, f"may be explicit ({subject.explicit:.0%})")
