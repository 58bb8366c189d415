"""What triage has learned from the project, and judges any picture with."""

from dataclasses import dataclass

from dataset.suspicion.fitted.fit import Fitted
from dataset.suspicion.queue import Scale


@dataclass(frozen=True)
class TriageModel:
    """may_exclude: whether the pack's prior may exclude images. excludes: whether images that look unusable are
    excluded where no prior applies, because answers prove it right.
    """

    fitted: Fitted
    may_exclude: bool
    excludes: bool
    scale: Scale
