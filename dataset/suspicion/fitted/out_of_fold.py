"""The probability of each label by logistic models that saw no image of the picture's cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from dataset.suspicion.vectors import Chances, Vectors, blocks, summed
from foundation.threads import one_thread

FOLDS = 5
REGULARISATION = 0.001  # C of the models
ANSWER_WEIGHT = 10.0  # an image with an answer counts as much as that many with a claimed label only
MAX_TAUGHT = 4_000  # images without an answer that a fold learns from, at most; see docs/decisions/0038


@dataclass(frozen=True)
class Fold:
    """A model that saw the other folds. labels: k. mean, scale: (d,) of what it learned from. weights: (k, d), or
    (1, d) of two labels, with offsets (k,) or (1,).
    """

    labels: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.floating]
    offsets: NDArray[np.floating]

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(m, k) of features (m, d), which are changed."""
        rows -= self.mean
        rows /= self.scale
        odds = rows @ self.weights.T + self.offsets
        if len(self.labels) > 2:
            return np.asarray(softmax(odds, axis=1))
        second = expit(odds[:, 0])
        return np.stack([1 - second, second], axis=1)


@dataclass(frozen=True)
class OutOfFold:
    """labels: of all models; empty where nothing is known of any image. folds: None where one could not be fitted."""

    labels: tuple[str, ...] = ()
    folds: tuple[Fold | None, ...] = ()

    def chances(self, features: Vectors, fold_of: NDArray[np.int64]) -> Chances:
        """Probability of each label for n images. features: (n, d). fold_of: (n,), each image by the model of its
        fold; nothing is known of those of fold -1.
        """
        if not self.labels:
            return Chances.none(len(features))
        table = np.zeros((len(features), len(self.labels)))
        for number, fold in enumerate(self.folds):
            if fold is None:
                continue
            of = np.flatnonzero(fold_of == number)
            columns = np.array([self.labels.index(label) for label in fold.labels])
            for block in blocks(len(of)):
                part = of[block]
                table[np.ix_(part, columns)] = fold.probabilities(features[part])
        return Chances(self.labels, table)


def folds_of(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) The fold of each image: folds are about as large as each other, and a cluster is in one. groups: (n,)."""
    fold_of = np.zeros(len(groups), dtype=np.int64)
    count = min(FOLDS, len(np.unique(groups)))
    if count > 1:
        for number, (_, held_out) in enumerate(GroupKFold(count).split(groups, groups, groups)):
            fold_of[held_out] = number
    return fold_of


def fit_out_of_fold(
    features: Vectors, labels: Sequence[str], fold_of: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> OutOfFold:
    """Fit a model for each fold to the images of the others.

    features: (n, d). labels: n, the answer or the claimed label; nothing is learned from an image with an empty one.
    fold_of: (n,). trusted: (n,) True where the label is an answer; those count more. Nothing is known of any image if
    there is only one label, or one fold.
    """
    known = tuple(sorted(set(labels) - {""}))
    numbers = np.unique(fold_of)
    if len(known) < 2 or len(numbers) < 2:
        return OutOfFold()
    y = np.asarray(labels)
    return OutOfFold(known, tuple(_fitted(features, y, fold_of != n, trusted) for n in range(int(numbers[-1]) + 1)))


def _fitted(
    features: Vectors, y: NDArray[np.str_], is_taught: NDArray[np.bool_], trusted: NDArray[np.bool_]
) -> Fold | None:
    train = np.flatnonzero(is_taught & (y != ""))
    if len(train) > MAX_TAUGHT:
        train = np.union1d(train[:: -(-len(train) // MAX_TAUGHT)], train[trusted[train]])
    if len(set(y[train])) < 2:
        return None
    inputs = features[train]
    scaler = scaler_of(inputs)
    for block in blocks(len(inputs)):
        inputs[block] = scaler.transform(inputs[block])
    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=500)
    with one_thread():
        model.fit(inputs, y[train], sample_weight=np.where(trusted[train], ANSWER_WEIGHT, 1.0))
    labels = tuple(map(str, model.classes_))
    return Fold(labels, scaler.mean_, scaler.scale_, model.coef_, model.intercept_)


def scaler_of(rows: NDArray[np.float32]) -> StandardScaler:
    """What StandardScaler fits to these rows, to the bit; it would make several copies of them, of twice their size."""
    count = len(rows)
    total = summed(rows, np.float64, lambda part: part)
    mean = total / count
    correction = summed(rows, np.float64, lambda part: part - mean)
    variance = (summed(rows, np.float64, lambda part: np.square(part - mean)) - correction**2 / count) / count
    scaler = StandardScaler(copy=False)
    scaler.mean_, scaler.var_, scaler.n_features_in_ = mean, variance, rows.shape[1]
    tiny = np.finfo(np.float64).eps
    is_constant = variance <= count * tiny * variance + (count * mean * tiny) ** 2
    scaler.scale_ = np.where(is_constant, 1.0, np.sqrt(variance))
    return scaler
