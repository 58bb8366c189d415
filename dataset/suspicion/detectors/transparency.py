from typing import ClassVar

from dataset.suspicion.detectors.base import Finding, Subject, finding_of


class Transparency:
    """The picture is cut out on a transparent ground, as logos are where a pack says so. Elsewhere products are."""

    name: ClassVar[str] = "transparency"
    version: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.05  # share of transparent pixels

    def examine(self, subject: Subject) -> Finding | None:
        share = subject.measures["alpha"]
        meaning = subject.meanings.plain_ground
        if share < self.threshold or not meaning:
            return None
        return finding_of(Transparency, 0.7, meaning, f"{share:.0%} transparent")
