"""Detectors: one class in one file, and one line here."""

from dataset.detectors.base import Detector, Finding, Subject
from dataset.detectors.blank import Blank
from dataset.detectors.few_colours import FewColours
from dataset.detectors.label_conflict import LabelConflict
from dataset.detectors.odd_shape import OddShape
from dataset.detectors.out_of_fold import OutOfFold
from dataset.detectors.small import Small
from dataset.detectors.transparency import Transparency

DETECTORS: tuple[type[Detector], ...] = (
    LabelConflict,
    Blank,
    FewColours,
    Transparency,
    OddShape,
    Small,
    OutOfFold,
)

__all__ = ["DETECTORS", "Detector", "Finding", "Subject"]
