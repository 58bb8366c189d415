"""How probable it is that a label is wrong, and who should be asked first. Pure functions.

One logistic model on signals: what the prior says, what a model that never saw the picture says, what people said
of pictures that look like it, and each detector's score. Its weights start from sensible ones and move
with the judgements; none turns negative, so more suspicion is never taken for less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors import Finding

FOLDS = 5
REGULARISATION = 0.002
TRUST = 10.0  # a judged label weighs that many that only a source claims
TAUGHT = 20_000  # unjudged images a fold learns from at most: more would not say more
NEAR = 12.0  # how fast likeness falls off with the cosine between two pictures' features
DOUBT = 0.2  # likeness that a picture needs for its judged neighbours to be believed
BLOCK = 8_000  # images whose likeness to all judged ones is worked out at a time
NEIGHBOURS = 3  # nearest others of its label that a picture is measured against
COMPANY = 4_000  # others of its label that it is measured against, at most
FEW = 20  # images of a label under which nothing is unusual
MOST_NOVEL = 8.0
UNSURE_VOTE = -0.3  # what nobody can tell is not worth another question like it
LOGIT_CAP = 5.0
SIGNALS = {  # signal → weight before any judgement
    "prior": 1.0,
    "out_of_fold": 0.5,
    "lookalikes": 2.0,
    "label_conflict": 4.0,
    "blank": 4.0,
    "few_colours": 1.0,
    "transparency": 1.0,
    "odd_shape": 0.7,
    "small": 0.5,
    "blurred": 0.5,
    "dark": 0.5,
    "words": 0.7,
    "furniture": 1.0,
    "objects": 1.0,
    "zero_shot": 1.0,
    "text": 0.7,
    "novelty": 0.3,
}
BIAS = -0.7
SPREAD = 0.5  # how far judgements may easily move a weight, as a share of itself and of one
SURE_ERROR = 0.01  # of what is set aside without a person, at most, may be usable
SURE_ODDS = 0.0  # of `unusable`, for what is drawn or cut out
SURER_ODDS = 2.0  # for anything
FLAT_COLOURS = 0.9
CUT_OUT = 0.05


@dataclass(frozen=True)
class Calibration:
    """weights: by signal. taught: judgements it was fitted to."""

    weights: Mapping[str, float]
    bias: float
    taught: int = 0

    def probability(self, signals: Mapping[str, float]) -> float:
        """Probability that the source's label is wrong."""
        odds = self.bias + sum(self.weights.get(name, 0.0) * value for name, value in signals.items())
        return round(float(1 / (1 + np.exp(-odds))), 4)


def calibrate(signals: Sequence[Mapping[str, float]], wrong: Sequence[bool]) -> Calibration:
    """Weights that fit n judged images, held near the ones we start from and never below zero.

    Maximum a posteriori: logistic likelihood, a normal prior around SIGNALS.
    """
    names = list(SIGNALS)
    start = np.array([*SIGNALS.values(), BIAS])
    if not signals:
        return Calibration(dict(SIGNALS), BIAS)
    inputs = np.array([[row.get(name, 0.0) for name in names] + [1.0] for row in signals])
    target = np.asarray(wrong, dtype=np.float64)
    spread = SPREAD * (np.abs(start) + 1)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = inputs @ weights
        away = (weights - start) / spread
        value = float(np.logaddexp(0, odds).sum() - (target * odds).sum() + 0.5 * (away**2).sum())
        slope = inputs.T @ (1 / (1 + np.exp(-odds)) - target) + away / spread
        return value, slope

    bounds = [(0.0, None)] * len(names) + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    *weights, bias = (float(weight) for weight in found.x)
    return Calibration(dict(zip(names, weights, strict=True)), bias, len(target))


def logit(probability: float) -> float:
    """Odds on a log scale, capped: no single witness may settle everything."""
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.clip(np.log(p / (1 - p)), -LOGIT_CAP, LOGIT_CAP))


def out_of_fold(
    features: NDArray[np.float32], labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Probability of each label for every image, from models that saw none of its group.

    features: (n, d). labels: n, what is believed now. groups: (n,) cluster numbers. trusted: (n,) where a
    person confirmed the label; those weigh more. Empty dicts where there is but one label, or too few groups.
    """
    known = sorted(set(labels))
    folds = min(FOLDS, len(np.unique(groups)))
    if len(known) < 2 or folds < 2:
        return [{} for _ in labels]
    y = np.asarray(labels)
    probabilities = np.zeros((len(y), len(known)))
    for train, held_out in GroupKFold(folds).split(features, y, groups):
        if len(train) > TAUGHT:
            train = np.union1d(train[:: -(-len(train) // TAUGHT)], train[trusted[train]])
        if len(set(y[train])) < 2:
            continue
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=500)
        )
        weights = np.where(trusted[train], TRUST, 1.0)
        model.fit(features[train], y[train], logisticregression__sample_weight=weights)
        columns = [known.index(label) for label in model.classes_]
        probabilities[np.ix_(held_out, columns)] = model.predict_proba(features[held_out])
    return [dict(zip(known, map(float, row), strict=True)) if row.sum() else {} for row in probabilities]


def lookalikes(
    features: NDArray[np.float32], judged: NDArray[np.int64], votes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What people said of the pictures that look like each: -1 (label right) to 1 (wrong), 0 where nothing is near.

    features: (n, d). judged: (m,) indices. votes: (m,) 1 where the label was wrong, -1 where right, UNSURE_VOTE.
    """
    if len(judged) == 0:
        return np.zeros(len(features))
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    answer = np.empty(len(unit))
    for start in range(0, len(unit), BLOCK):
        likeness = np.exp(NEAR * (unit[start : start + BLOCK] @ unit[judged].T - 1)).astype(np.float64)
        own = (judged >= start) & (judged < start + BLOCK)
        likeness[judged[own] - start, np.flatnonzero(own)] = 0  # nobody is his own witness
        answer[start : start + BLOCK] = (likeness @ votes) / (likeness.sum(axis=1) + DOUBT)
    return answer


def novelty(features: NDArray[np.float32], labels: Sequence[str], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How unlike all others of its label each picture is, in robust spreads above what is usual for the label.

    features: (n, d). labels: n; 0 is answered where it is empty. groups: (n,) clusters: a copy is no company.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    y = np.asarray(labels)
    answer = np.zeros(len(unit))
    for label in sorted(set(labels) - {""}):
        of = np.flatnonzero(y == label)
        if len(of) < FEW:
            continue
        company = of[:: -(-len(of) // COMPANY)]
        far = np.empty(len(of))
        for start in range(0, len(of), BLOCK):
            block = of[start : start + BLOCK]
            likeness = unit[block] @ unit[company].T
            likeness[groups[block][:, None] == groups[company][None, :]] = -1.0
            far[start : start + BLOCK] = 1 - np.partition(likeness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS]
        usual = np.median(far)
        spread = 1.4826 * np.median(np.abs(far - usual)) + 1e-6
        answer[of] = np.clip((far - usual) / spread, 0.0, MOST_NOVEL)
    return answer


def surely_unusable(probability: float, measures: Mapping[str, float]) -> bool:
    """Whether a picture may be set aside without a person: drawn or cut out and probably unusable, or almost surely.

    probability: of `unusable`, by the prior.
    """
    odds = logit(probability)
    drawn = measures["alpha"] > CUT_OUT or measures["top_colours"] > FLAT_COLOURS
    return odds > SURER_ODDS or (drawn and odds > SURE_ODDS)


def is_precise(answers: Sequence[str]) -> bool:
    """Whether images may still be set aside without a person, by what people said of some that were.

    False once it is proven (one side of a 95 % interval) that more than SURE_ERROR of them are usable.
    """
    usable = sum(answer != UNUSABLE for answer in answers)
    return not usable or float(beta.ppf(0.05, usable, len(answers) - usable + 1)) <= SURE_ERROR


def suggestion(findings: Sequence[Finding], source_label: str, prior: Mapping[str, float]) -> str:
    """The answer most suspected; the source's label where nothing is."""
    if prior and (best := max(prior, key=lambda label: prior[label])) != source_label:
        return best
    if not findings:
        return source_label
    return max(findings, key=lambda finding: (finding.score, finding.detector)).proposes


def priority(probability: float, cluster_size: int) -> float:
    """Who is asked about first: probably wrong, or standing for many files."""
    return round(probability * (1 + 0.1 * min(cluster_size - 1, 10)), 4)
