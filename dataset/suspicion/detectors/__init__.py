"""Detectors: each is one class in one file, and one line in DETECTORS."""

from dataset.suspicion.detectors.base import Detector, Finding, Subject
from dataset.suspicion.detectors.blank import Blank
from dataset.suspicion.detectors.blurred import Blurred
from dataset.suspicion.detectors.certain import Certain
from dataset.suspicion.detectors.dark import Dark
from dataset.suspicion.detectors.explicit import Explicit
from dataset.suspicion.detectors.few_colours import FewColours
from dataset.suspicion.detectors.label_conflict import LabelConflict
from dataset.suspicion.detectors.lookalikes import Lookalikes
from dataset.suspicion.detectors.neighbours import Neighbours
from dataset.suspicion.detectors.novelty import Novelty
from dataset.suspicion.detectors.objects import Objects
from dataset.suspicion.detectors.odd_shape import OddShape
from dataset.suspicion.detectors.on_most_pages import OnMostPages
from dataset.suspicion.detectors.out_of_fold import OutOfFold
from dataset.suspicion.detectors.prior_disagrees import PriorDisagrees
from dataset.suspicion.detectors.small import Small
from dataset.suspicion.detectors.text import Text
from dataset.suspicion.detectors.transparency import Transparency
from dataset.suspicion.detectors.words import Words
from dataset.suspicion.detectors.zero_shot import ZeroShot

DETECTORS: tuple[type[Detector], ...] = (
    Certain,
    Explicit,
    LabelConflict,
    Blank,
    FewColours,
    Transparency,
    OddShape,
    Small,
    Blurred,
    Dark,
    Words,
    OnMostPages,
    Text,
    Objects,
    ZeroShot,
    Novelty,
    PriorDisagrees,
    Lookalikes,
    OutOfFold,
    Neighbours,
)

__all__ = ["DETECTORS", "Detector", "Finding", "Subject"]
