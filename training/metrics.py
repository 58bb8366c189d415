"""Measures of a model, with their confidence intervals. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20261124
CALIBRATION_BINS = 10
MIN_SITES = 5  # with fewer, images are resampled instead of sites


@dataclass(frozen=True)
class Metrics:
    """balanced_accuracy: mean recall over labels present, None where fewer than two are; interval: 95 %.

    auc: of the first label against the rest, mean over labels where there are more. calibration_error: expected, over
    ten bins of confidence. confusion: images by label, then by answer.
    """

    images: int
    accuracy: float | None
    balanced_accuracy: float | None
    interval: tuple[float, float] | None
    recall: dict[str, float]
    auc: float | None = None
    calibration_error: float | None = None
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)


def measure(
    truth: Sequence[str],
    predicted: Sequence[str],
    probabilities: NDArray[np.float64] | None = None,
    names: Sequence[str] = (),
    sites: Sequence[str] = (),
) -> Metrics:
    """Metrics of `predicted` against `truth`, both n labels. probabilities: (n, k), of names.

    The interval is a percentile bootstrap with 1,000 resamples from a fixed seed: of whole sites where there are
    enough, since images of one site are alike; else of images within each label.
    """
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} labels, {len(predicted)} predictions")
    true, answers = np.asarray(truth), np.asarray(predicted)
    right = true == answers if len(true) else np.zeros(0, dtype=bool)
    labels = sorted(set(truth))
    recall = {label: float(right[true == label].mean()) for label in labels}
    accuracy = float(right.mean()) if len(right) else None
    confusion = {
        label: {answer: int(((true == label) & (answers == answer)).sum()) for answer in sorted({*labels, *predicted})}
        for label in labels
    }
    auc = error = None
    if probabilities is not None and len(true):
        auc = _auc(true, probabilities, names)
        error = calibration_error(right, probabilities.max(axis=1))
    balanced = balanced_accuracy(true, answers)
    interval = None if balanced is None else _interval(true, right, sites)
    return Metrics(len(truth), accuracy, balanced, interval, recall, auc, error, confusion)


def balanced_accuracy(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> float | None:
    """Mean recall over the labels present; None where fewer than two are."""
    labels = np.unique(truth)
    if len(labels) < 2:
        return None
    return float(np.mean([(predicted[truth == label] == label).mean() for label in labels]))


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over ten bins of confidence, 0 to 1."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    parts = [bins == number for number in np.unique(bins)]
    return float(sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in parts))


def difference(
    truth: NDArray[np.str_], old: NDArray[np.str_], new: NDArray[np.str_], sites: NDArray[np.str_]
) -> tuple[float, float, float]:
    """Balanced accuracy of `new` minus that of `old`, and a 90 % interval over sites: (difference, low, high)."""
    before, after = balanced_accuracy(truth, old), balanced_accuracy(truth, new)
    if before is None or after is None:
        raise ValueError("fewer than two labels: nothing to compare")
    change = _resampled(truth, new == truth, sites) - _resampled(truth, old == truth, sites)
    low, high = np.nanquantile(change, [0.05, 0.95])
    return after - before, float(low), float(high)


def _auc(truth: NDArray[np.str_], probabilities: NDArray[np.float64], names: Sequence[str]) -> float | None:
    present = [number for number, name in enumerate(names) if 0 < (truth == name).sum() < len(truth)]
    if not present:
        return None
    from sklearn.metrics import roc_auc_score  # slow to import, and reading metrics needs none of it

    used = present[:1] if len(names) == 2 else present
    return float(np.mean([roc_auc_score(truth == names[k], probabilities[:, k]) for k in used]))


def _interval(truth: NDArray[np.str_], right: NDArray[np.bool_], sites: Sequence[str]) -> tuple[float, float]:
    resampled = _resampled(truth, right, np.asarray(sites) if len(sites) else None)
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _resampled(
    truth: NDArray[np.str_], right: NDArray[np.bool_], sites: NDArray[np.str_] | None
) -> NDArray[np.float64]:
    """(RESAMPLES,) balanced accuracies. The same truth and sites give the same resamples."""
    rng = np.random.default_rng(SEED)
    labels = np.unique(truth)
    groups = np.unique(sites) if sites is not None else np.zeros(0)
    if sites is None or len(groups) < MIN_SITES:
        parts = [np.flatnonzero(truth == label) for label in labels]
        draws = [right[part[rng.integers(0, len(part), (RESAMPLES, len(part)))]].mean(axis=1) for part in parts]
        return np.stack(draws).mean(axis=0)
    group = np.searchsorted(groups, sites)
    images, hits = np.zeros((len(groups), len(labels))), np.zeros((len(groups), len(labels)))
    column = np.searchsorted(labels, truth)
    np.add.at(images, (group, column), 1)
    np.add.at(hits, (group, column), right)
    drawn = rng.integers(0, len(groups), (RESAMPLES, len(groups)))
    times = np.stack([np.bincount(row, minlength=len(groups)) for row in drawn]).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = (times @ hits) / (times @ images)  # a draw without a label says nothing of it
    return recall.mean(axis=1)
