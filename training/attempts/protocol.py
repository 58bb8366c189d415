"""The protocol of an attempt: fit on a version, predict its pictures, export a graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from training.examples import Examples


@dataclass(frozen=True)
class Fitted:
    """graph: from pixels to probabilities. probabilities: (n, k) of all the version's rows, by the code that was
    trained, not by the graph: the two are compared. facts: what was chosen, for the model card.
    """

    graph: onnx.ModelProto
    probabilities: NDArray[np.float64]
    facts: Mapping[str, str] = field(default_factory=dict)


class Attempt(Protocol):
    """name: of the model's folder. what: one line for the leaderboard and the card."""

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...

    def missing(self, examples: Examples) -> str:
        """The reason why it cannot be trained here; empty where it can."""

    def fit(self, examples: Examples) -> Fitted:
        """Learn from the splits that may be learned from. The same examples give the same model."""


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k) to probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
