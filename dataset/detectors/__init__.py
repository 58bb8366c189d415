"""Detectors: one class in one file, and one line here."""

from dataset.detectors.base import Detector, Finding, Subject
from dataset.detectors.blank import Blank
from dataset.detectors.blurred import Blurred
from dataset.detectors.certain import Certain
from dataset.detectors.dark import Dark
from dataset.detectors.few_colours import FewColours
from dataset.detectors.furniture import Furniture
from dataset.detectors.label_conflict import LabelConflict
from dataset.detectors.lookalikes import Lookalikes
from dataset.detectors.looks import Looks
from dataset.detectors.novelty import Novelty
from dataset.detectors.objects import Objects
from dataset.detectors.odd_shape import OddShape
from dataset.detectors.out_of_fold import OutOfFold
from dataset.detectors.small import Small
from dataset.detectors.text import Text
from dataset.detectors.transparency import Transparency
from dataset.detectors.words import Words
from dataset.detectors.zero_shot import ZeroShot

DETECTORS: tuple[type[Detector], ...] = (
    Certain,
    LabelConflict,
    Blank,
    FewColours,
    Transparency,
    OddShape,
    Small,
    Blurred,
    Dark,
    Words,
    Furniture,
    Text,
    Objects,
    ZeroShot,
    Novelty,
    Looks,
    Lookalikes,
    OutOfFold,
)

__all__ = ["DETECTORS", "Detector", "Finding", "Subject"]
