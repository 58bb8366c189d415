"""The interface of an attempt: fit on a version, predict its pictures, export a graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from training.attempts.left_out import LeftOut
from training.examples import Examples


@dataclass(frozen=True)
class Fitted:
    """graph: from pixels to probabilities. facts: values that the attempt chose, for the card. left_out: how good such
    models are on sites that were left out of the training; None where the attempt did not ask.

    learned_from: images that it learned from; None: all of the split train.

    probabilities: (n, k), of all rows of the version. They come from the training code and not from the graph, so that
    the two can be compared.
    """

    graph: onnx.ModelProto
    probabilities: NDArray[np.float64]
    facts: Mapping[str, str] = field(default_factory=dict)
    left_out: LeftOut | None = None
    learned_from: int | None = None


class Attempt(Protocol):
    """name: also the name of the models' folder. what: one line for the leaderboard and the card."""

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...

    def missing(self, examples: Examples) -> str:
        """Why the attempt cannot be trained here; empty where it can."""

    def fit(self, examples: Examples) -> Fitted:
        """Learn from the splits train and validation. The same examples give the same model."""
