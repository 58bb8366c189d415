"""Metrics of a classifier, with confidence intervals. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000  # of the bootstrap
DRAWN_AT_ONCE = 2_000_000  # values
SEED = 20261124
CONFIDENCE_BINS = 10  # of the calibration error
MIN_GROUP_IMAGES = 5  # of one label and one source label, that count as a group of the headline
MIN_RESAMPLED_SITES = 5  # with fewer sites, images are resampled instead of sites


@dataclass(frozen=True)
class Metrics:
    """balanced_accuracy: mean recall over the labels present; None for fewer than two labels. interval: 95 %.

    auc: of the first label against the other; with more than two labels, the mean over labels. calibration_error:
    the expected calibration error. confusion: number of images by label, then by predicted label. groups: recall by
    group (see `groups_of`). headline: their mean, with its 95 % interval; None for fewer than two labels.
    """

    images: int
    accuracy: float | None
    balanced_accuracy: float | None
    interval: tuple[float, float] | None
    recall: dict[str, float]
    auc: float | None = None
    calibration_error: float | None = None
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: dict[str, float] = field(default_factory=dict)
    headline: float | None = None
    headline_interval: tuple[float, float] | None = None

    @property
    def worst_group(self) -> str:
        """The group with the lowest recall; empty where there is none."""
        return min(self.groups, key=lambda name: self.groups[name], default="")


def measure(
    truth: Sequence[str],
    predicted: Sequence[str],
    probabilities: NDArray[np.float64] | None = None,
    names: Sequence[str] = (),
    sites: Sequence[str] = (),
    claims: Sequence[str] = (),
) -> Metrics:
    """Compare `predicted` with `truth`, both n labels. probabilities: (n, k), columns in the order of `names`.

    claims: what the source says about each of the n images; without it, a group is a label.

    The interval is a percentile bootstrap with 1,000 resamples from a fixed seed. Whole sites are resampled where
    `sites` has enough of them, because images of one site are alike; otherwise images are resampled within each label.
    Raises ValueError where the lengths differ.
    """
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} labels, {len(predicted)} predictions")
    true, answers = np.asarray(truth), np.asarray(predicted)
    is_right = true == answers if len(true) else np.zeros(0, dtype=bool)
    labels = sorted(set(truth))
    recall = {label: float(is_right[true == label].mean()) for label in labels}
    accuracy = float(is_right.mean()) if len(is_right) else None
    confusion = {
        label: {answer: int(((true == label) & (answers == answer)).sum()) for answer in sorted({*labels, *predicted})}
        for label in labels
    }
    auc = error = None
    if probabilities is not None and len(true):
        auc = _auc(true, probabilities, names)
        error = calibration_error(is_right, probabilities.max(axis=1))
    balanced = balanced_accuracy(true, answers)
    interval = None if balanced is None else _interval(true, is_right, sites)
    measured = Metrics(len(truth), accuracy, balanced, interval, recall, auc, error, confusion)
    return measured if balanced is None else _with_headline(measured, is_right, groups_of(truth, claims), sites)


def groups_of(truth: Sequence[str], claims: Sequence[str]) -> NDArray[np.str_]:
    """The group of each image: "cake, claimed as not_cake"; empty for an image that is in no group.

    A group is a label and a source label with at least MIN_GROUP_IMAGES images. A label without such a group is one
    group, "cake", so that no label is ignored.
    """
    pairs = [f"{label}, claimed as {claim}" for label, claim in zip(truth, claims or truth, strict=True)]
    counts = Counter(pairs)
    grouped = {label for label, pair in zip(truth, pairs, strict=True) if counts[pair] >= MIN_GROUP_IMAGES}
    return np.array([
        label if label not in grouped else pair if counts[pair] >= MIN_GROUP_IMAGES else ""
        for label, pair in zip(truth, pairs, strict=True)
    ], dtype=np.str_)  # fmt: skip


def _with_headline(
    measured: Metrics, is_right: NDArray[np.bool_], groups: NDArray[np.str_], sites: Sequence[str]
) -> Metrics:
    used = groups != ""
    recall = {str(name): float(is_right[groups == name].mean()) for name in np.unique(groups[used])}
    interval = _interval(groups[used], is_right[used], np.asarray(sites)[used].tolist() if len(sites) else ())
    return replace(measured, groups=recall, headline=float(np.mean([*recall.values()])), headline_interval=interval)


def balanced_accuracy(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> float | None:
    """Mean recall over the labels present; None for fewer than two labels."""
    labels = np.unique(truth)
    if len(labels) < 2:
        return None
    return float(np.mean([(predicted[truth == label] == label).mean() for label in labels]))


def calibration_error(is_right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over ten bins of confidence, 0 to 1."""
    bins = np.minimum((confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    parts = [bins == number for number in np.unique(bins)]
    return float(sum(part.mean() * abs(is_right[part].mean() - confidence[part].mean()) for part in parts))


def difference(
    truth: NDArray[np.str_],
    old: NDArray[np.str_],
    new: NDArray[np.str_],
    sites: NDArray[np.str_],
    claims: Sequence[str] = (),
) -> tuple[float, float, float]:
    """Headline of `new` minus that of `old`, and the low and high end of its 90 % interval over sites.

    Raises ValueError for fewer than two labels.
    """
    if len(np.unique(truth)) < 2:
        raise ValueError("fewer than two labels: there is no headline to compare")
    groups = groups_of(truth.tolist(), claims)
    used = groups != ""
    was_right, is_right, names = (old == truth)[used], (new == truth)[used], np.unique(groups[used])
    gains = [is_right[groups[used] == name].mean() - was_right[groups[used] == name].mean() for name in names]
    change = _resampled(groups[used], is_right, sites[used]) - _resampled(groups[used], was_right, sites[used])
    low, high = np.nanquantile(change, [0.05, 0.95])
    return float(np.mean(gains)), float(low), float(high)


def auc(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve: how often a positive has the higher score than a negative; equal scores count half.

    Written out, because scikit-learn costs a second to import, and commands that only list models do without.
    """
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    return float((ranks[is_positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def _auc(truth: NDArray[np.str_], probabilities: NDArray[np.float64], names: Sequence[str]) -> float | None:
    columns = [number for number, name in enumerate(names) if 0 < (truth == name).sum() < len(truth)]
    if not columns:
        return None
    used = columns[:1] if len(names) == 2 else columns
    return float(np.mean([auc(truth == names[k], probabilities[:, k]) for k in used]))


def _interval(truth: NDArray[np.str_], is_right: NDArray[np.bool_], sites: Sequence[str]) -> tuple[float, float]:
    resampled = _resampled(truth, is_right, np.asarray(sites) if len(sites) else None)
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _resampled(
    truth: NDArray[np.str_], is_right: NDArray[np.bool_], sites: NDArray[np.str_] | None
) -> NDArray[np.float64]:
    """(RESAMPLES,) balanced accuracies. The same truth and sites give the same resamples."""
    rng = np.random.default_rng(SEED)
    labels = np.unique(truth)
    groups = np.unique(sites) if sites is not None else np.zeros(0)
    if sites is None or len(groups) < MIN_RESAMPLED_SITES:
        parts = [np.flatnonzero(truth == label) for label in labels]
        return np.stack([_drawn_means(is_right[part], rng) for part in parts]).mean(axis=0)
    row = np.searchsorted(groups, sites)
    column = np.searchsorted(labels, truth)
    images, hits = np.zeros((len(groups), len(labels))), np.zeros((len(groups), len(labels)))
    np.add.at(images, (row, column), 1)
    np.add.at(hits, (row, column), is_right)
    drawn = rng.integers(0, len(groups), (RESAMPLES, len(groups)))
    times = np.stack([np.bincount(draw, minlength=len(groups)) for draw in drawn]).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = (times @ hits) / (times @ images)  # NaN for a label that a draw does not have
    return recall.mean(axis=1)


def _drawn_means(values: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """(RESAMPLES,) means of resamples of n values. Some are drawn at a time: all of a large test are many gigabytes."""
    at_once = max(1, DRAWN_AT_ONCE // len(values))
    counts = [min(at_once, RESAMPLES - start) for start in range(0, RESAMPLES, at_once)]
    return np.concatenate([values[rng.integers(0, len(values), (n, len(values)))].mean(axis=1) for n in counts])
