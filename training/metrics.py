"""How good a model is, with how sure we are of it. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20261124


@dataclass(frozen=True)
class Metrics:
    """balanced_accuracy: mean recall over labels present, None where fewer than two are; interval: 95 %."""

    images: int
    accuracy: float | None
    balanced_accuracy: float | None
    interval: tuple[float, float] | None
    recall: dict[str, float]


def measure(truth: Sequence[str], predicted: Sequence[str]) -> Metrics:
    """Metrics of `predicted` against `truth`, both n labels.

    The interval is a percentile bootstrap within each label, 1,000 resamples from a fixed seed.
    """
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} labels, {len(predicted)} predictions")
    labels = sorted(set(truth))
    right = np.array([t == p for t, p in zip(truth, predicted, strict=True)], dtype=bool)
    given = np.asarray(truth)
    recall = {label: float(right[given == label].mean()) for label in labels}
    accuracy = float(right.mean()) if len(right) else None
    if len(labels) < 2:
        return Metrics(len(truth), accuracy, None, None, recall)
    low, high = _interval([right[given == label] for label in labels])
    return Metrics(len(truth), accuracy, float(np.mean(list(recall.values()))), (low, high), recall)


def _interval(by_label: list[NDArray[np.bool_]]) -> tuple[float, float]:
    rng = np.random.default_rng(SEED)
    means = np.stack(
        [found[rng.integers(0, len(found), (RESAMPLES, len(found)))].mean(axis=1) for found in by_label]
    ).mean(axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
