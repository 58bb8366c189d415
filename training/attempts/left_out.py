"""What models know of sites that they have not seen, asked inside the training images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from training.metrics import groups_of

Told = Callable[[int, int], None]  # (done, total)
FOLDS = 10
PARTS = 5  # of a site that is divided
THRESHOLDS = 97  # that are tried
AS_GOOD = 0.001  # of the recall: thresholds that are no worse
SMOOTHED = 0.15  # standard deviations of the margins
CALIBRATION_C = 1000.0  # almost no regularisation: only a few numbers are fitted
BIAS_RIDGE = 0.001  # times the squared biases; without it they are known but for a constant
LEAST_SLOPE = 0.05  # for a standard deviation of the scores; a smaller one says that they tell nothing, or the contrary


@dataclass(frozen=True)
class LeftOut:
    """headline: mean recall over groups on images of sites that were left out, 0 to 1. error: its standard error."""

    headline: float
    error: float


def nobody(_done: int, _total: int) -> None:
    """Tell nobody of progress."""


def folds(sites: NDArray[np.str_], claims: NDArray[np.str_]) -> NDArray[np.int64]:
    """(n,) the fold of each image, from 0. All images of a site are in one fold.

    A site that alone makes a claim is divided: without it, nothing would be known of the claim.
    """
    alone = {sites[claims == claim][0] for claim in np.unique(claims) if len(np.unique(sites[claims == claim])) == 1}
    seen: dict[str, int] = {}
    parts = []
    for site in sites.tolist():
        seen[site] = seen.get(site, -1) + 1
        parts.append(f"{site} {seen[site] % PARTS}" if site in alone else site)
    result = np.zeros(len(sites), dtype=np.int64)
    count = min(FOLDS, len(set(parts)))
    if count > 1:
        for number, (_, rest) in enumerate(GroupKFold(count).split(sites, groups=parts)):
            result[rest] = number
    return result


def group_weights(labels: NDArray[np.str_], claims: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) weights with mean 1. Each group of a label and a claim has the same total weight, as in the headline."""
    pairs = np.char.add(np.char.add(labels, "\n"), claims)
    names, numbers, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = len(labels) / len(names) / counts[numbers]
    return weights


def logits_left_out(
    fit: Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.float64]]],
    labels: NDArray[np.str_],
    fold: NDArray[np.int64],
    names: Sequence[str],
    told: Told = nobody,
) -> NDArray[np.float64]:
    """(n, k) logits by models that did not see the fold; NaN where the other folds lack a label.

    fit: from the images to learn from, (n,), to a function from the images to judge, (n,), to logits. told: gets how
    many of the fits are done, and of how many; the last is the caller's own, on all images.
    """
    logits = np.full((len(labels), len(names)), np.nan)
    numbers = np.unique(fold).tolist()
    for done, number in enumerate(numbers):
        told(done, len(numbers) + 1)
        learn, rest = fold != number, fold == number
        if len(np.unique(labels[learn])) == len(names):
            logits[rest] = fit(learn)(rest)
    told(len(numbers), len(numbers) + 1)
    return logits


def calibrated(
    scores: NDArray[np.float64],
    labels: NDArray[np.str_],
    names: Sequence[str],
    weights: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrix (k, k) and bias (k,) that turn scores into log-odds: one slope for all labels, and a bias for each.

    weights: (n,); None gives each label the same weight. Scores that say the contrary of the labels stay as they are.
    Where a label has two sites, a model that leaves one out knows half of it. A matrix of its own for each label would
    learn from that to say the contrary.
    """
    if len(names) == 2:
        balance = None if weights is not None else "balanced"
        model = LogisticRegression(C=CALIBRATION_C, class_weight=balance, max_iter=2000)
        model.fit((scores[:, 1] - scores[:, 0])[:, None], labels == names[1], sample_weight=weights)
        slope, offset = float(model.coef_[0, 0]) / 2, float(model.intercept_[0]) / 2
        if slope <= 0:
            return np.eye(2), np.zeros(2)
        return slope * np.array([[1.0, -1.0], [-1.0, 1.0]]), offset * np.array([-1.0, 1.0])
    slope, bias = _slope_and_bias(scores, labels, names, group_weights(labels, labels) if weights is None else weights)
    return (slope * np.eye(len(names)), bias) if slope else (np.eye(len(names)), np.zeros(len(names)))


def _slope_and_bias(
    scores: NDArray[np.float64], labels: NDArray[np.str_], names: Sequence[str], weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """With which the labels are the likeliest; a slope of 0 where the scores tell nothing of them."""
    truth = (labels[:, None] == np.array(names)).astype(float)
    scale = float(scores.std()) or 1.0

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Mean negative log-likelihood, and its gradient. at: logarithm of the slope, then the biases."""
        slope = np.exp(at[0]) / scale
        logs = log_softmax(slope * scores + at[1:], axis=1)
        wrong = weights[:, None] * (np.exp(logs) - truth) / weights.sum()
        gradient = np.concatenate([[(wrong * scores).sum() * slope], wrong.sum(axis=0) + 2 * BIAS_RIDGE * at[1:]])
        likelihood = (weights[:, None] * truth * logs).sum() / weights.sum()
        return float(BIAS_RIDGE * (at[1:] ** 2).sum() - likelihood), gradient

    start = np.zeros(1 + len(names))
    limits = [(np.log(LEAST_SLOPE / 2), np.log(100.0)), *[(None, None)] * len(names)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits).x
    slope = float(np.exp(found[0]))
    return (slope / scale if slope >= LEAST_SLOPE else 0.0), found[1:]


def threshold(margins: NDArray[np.float64], labels: NDArray[np.str_], claims: NDArray[np.str_], second: str) -> float:
    """The margin above which `second` is the answer: where the mean recall over groups is highest.

    margins: (n,) how much more probable `second` is than the other label. The recall is smoothed over near thresholds,
    so that the middle of a good range is chosen and not the luckiest image.
    """
    groups = groups_of(labels.tolist(), claims.tolist())
    names = np.unique(groups[groups != ""])
    low, high = np.quantile(margins, [0.02, 0.98])
    candidates = np.linspace(low, high, THRESHOLDS)
    is_right = (margins[:, None] > candidates) == (labels == second)[:, None]  # (n, THRESHOLDS)
    recall = np.mean([is_right[groups == name].mean(axis=0) for name in names], axis=0)
    distance = (candidates[:, None] - candidates) / (SMOOTHED * margins.std() + np.finfo(float).tiny)
    near = np.exp(-(distance**2) / 2)
    smooth = near @ recall / near.sum(axis=1)
    return float(np.median(candidates[smooth >= smooth.max() - AS_GOOD]))


def scored(
    logits: NDArray[np.float64], labels: NDArray[np.str_], claims: NDArray[np.str_], names: Sequence[str]
) -> LeftOut | None:
    """The headline of logits; None where the labels make no two groups."""
    groups = groups_of(labels.tolist(), claims.tolist())
    is_right = np.array(names)[logits.argmax(axis=1)] == labels
    recalls = [(is_right[groups == name].mean(), (groups == name).sum()) for name in np.unique(groups[groups != ""])]
    if len(recalls) < 2:
        return None
    variance = sum(recall * (1 - recall) / count for recall, count in recalls)
    return LeftOut(float(np.mean([recall for recall, _ in recalls])), float(np.sqrt(variance)) / len(recalls))
