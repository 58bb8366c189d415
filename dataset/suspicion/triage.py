"""How probable it is that a label is wrong, and which image to ask about first. Pure functions.

One logistic model combines the signals: the prior, a model that never saw the picture, the answers about pictures that
look like it, and the score of each detector. Its weights start from hand-set values and are fitted to the answers. No
weight becomes negative, so that more suspicion never lowers the probability.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax
from scipy.special import logit as log_odds
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors import Finding
from dataset.suspicion.vectors import Chances, Vectors, blocks, moments, summed, unit
from foundation.intervals import exact_interval
from foundation.threads import one_thread

FOLDS = 5
REGULARISATION = 0.001  # C of the out-of-fold models
ANSWER_WEIGHT = 10.0  # an image with an answer counts as much as that many with a claimed label only
DOUBTED_SHARE = 0.1  # of the images of a label, that the second look leaves out
MAX_TAUGHT = 4_000  # images without an answer that a fold learns from, at most; see docs/decisions/0038
LIKENESS_DECAY = 12.0  # how fast likeness falls with the cosine distance of two pictures' features
LIKENESS_NEEDED = 0.2  # total likeness to answered pictures at which half of their vote counts
COMPARED = 250  # images that are compared with the others at a time, to bound memory
NEIGHBOUR_DECAY = 4.0  # how fast the weight of a neighbour falls with the cosine distance of standardised features
NEIGHBOUR_SHARPNESS = 4.0  # power of the mean weights of labels, which differ little in so many dimensions
UNUSABLE_SHARE = 0.5  # of a label's say: pictures of no use have no look of their own
NEIGHBOURS = 3  # novelty is the distance to the third nearest image of the same label
MAX_COMPANY = 4_000  # images of the same label that an image is compared with, at most
MIN_COMPANY = 20  # a label with fewer images has no novel ones, and no say as neighbours
MAX_NOVELTY = 8.0  # spreads
UNSURE_VOTE = -0.3  # "unsure" lowers the priority of similar images: nobody could tell them either
LOGIT_CAP = 5.0  # no single signal decides alone
SIGNALS = {  # signal → weight before any answer; set by hand, tried by `make bench-triage`
    "prior": 1.0,
    "out_of_fold": 0.5,
    "neighbours": 0.5,
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
BIAS = -0.7  # log-odds of a wrong label without any signal
WEIGHT_SPREAD = 0.5  # standard deviation of a weight around its start, as a share of (start + 1)
OFFSET_SPREAD, SLOPE_SPREAD = 4.0, 0.5  # standard deviations of the priors of a rescaling's lines
MAX_USABLE_SHARE = 0.01  # of the images that are excluded automatically
DRAWN_LOGIT = 0.0  # log-odds of `unusable` from which a drawn or cut-out picture is excluded automatically
ANY_LOGIT = 2.0  # the same for any other picture
DRAWN_COLOURS = 0.9  # share of the 8 commonest colours above which a picture counts as drawn
CUT_OUT_ALPHA = 0.05  # share of transparent pixels above which a picture counts as cut out
ONE_SIDED_5_PERCENT = 0.90  # level of the two-sided interval whose lower bound leaves out 5 %
COPY_BONUS = 0.1  # of the probability, for each copy
MAX_COPIES = 10  # copies that raise the priority


@dataclass(frozen=True)
class Calibration:
    """weights: by signal. taught: how many answers they were fitted to."""

    weights: Mapping[str, float]
    bias: float
    taught: int = 0

    def probability(self, signals: Mapping[str, float]) -> float:
        """Probability that the source's label is wrong, 0 to 1."""
        odds = self.bias + sum(self.weights.get(name, 0.0) * value for name, value in signals.items())
        return round(float(expit(odds)), 4)


def calibrate(signals: Sequence[Mapping[str, float]], wrong: Sequence[bool]) -> Calibration:
    """Fit the weights to n answered images. They stay near their start, and never become negative.

    signals: of each image. wrong: whether its label is wrong. Maximum a posteriori: logistic likelihood, normal prior
    around SIGNALS.
    """
    names = list(SIGNALS)
    start = np.array([*SIGNALS.values(), BIAS])
    if not signals:
        return Calibration(dict(SIGNALS), BIAS)
    inputs = np.array([[row.get(name, 0.0) for name in names] + [1.0] for row in signals])
    target = np.asarray(wrong, dtype=np.float64)
    spread = WEIGHT_SPREAD * (np.abs(start) + 1)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = inputs @ weights
        away = (weights - start) / spread
        value = float(np.logaddexp(0, odds).sum() - (target * odds).sum() + 0.5 * (away**2).sum())
        slope = inputs.T @ (expit(odds) - target) + away / spread
        return value, slope

    bounds = [(0.0, None)] * len(names) + [(None, None)]
    fit = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    *weights, bias = (float(weight) for weight in fit.x)
    return Calibration(dict(zip(names, weights, strict=True)), bias, len(target))


def rescaling(
    probabilities: Sequence[float], wrong: Sequence[bool], is_asked: Sequence[bool]
) -> Callable[[float], float]:
    """A function that calibrates the error probabilities of pictures that the queue has not reached. It keeps order.

    probabilities, wrong: of n answered pictures. is_asked: whether the queue asked about the picture because it looked
    suspicious; the others were drawn at random. Those asked about are wrong more often than others of their
    probability, so they have an offset of their own: they say how steep the line is, and the random ones how high.
    Platt scaling with normal priors: the slope is near 1, the offsets may be anything.
    Source: Platt 1999, Probabilistic outputs for support vector machines.
    """
    x = np.clip(log_odds(np.asarray(probabilities, dtype=np.float64)), -LOGIT_CAP, LOGIT_CAP)
    inputs = np.stack([np.ones(len(x)), x, np.asarray(is_asked, dtype=np.float64)], axis=1)
    target, start = np.asarray(wrong, dtype=np.float64), np.array([0.0, 1.0, 0.0])
    spread = np.array([OFFSET_SPREAD, SLOPE_SPREAD, OFFSET_SPREAD])

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = inputs @ line
        away = (line - start) / spread
        value = float((np.logaddexp(0, odds) - target * odds).sum() + (away**2).sum() / 2)
        return value, inputs.T @ (expit(odds) - target) + away / spread

    bounds = [(None, None), (0.0, None), (None, None)]
    offset, slope, _ = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return lambda probability: round(float(expit(offset + slope * logit(probability))), 4)


def logit(probability: float) -> float:
    """Log-odds of a probability, between -LOGIT_CAP and LOGIT_CAP."""
    return float(np.clip(log_odds(probability), -LOGIT_CAP, LOGIT_CAP))


def out_of_fold(
    features: Vectors, labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> Chances:
    """Probability of each label for every image, from models that saw no image of its cluster.

    features: (n, d). labels: n, the answer or the claimed label; nothing is learned from an image with an empty one.
    groups: (n,) cluster numbers. trusted: (n,) True where the label is an answer; those count more. Nothing is known of
    any image if there is only one label, or one cluster.
    """
    known = sorted(set(labels) - {""})
    folds = min(FOLDS, len(np.unique(groups)))
    if len(known) < 2 or folds < 2:
        return Chances.none(len(labels))
    y = np.asarray(labels)
    probabilities = np.zeros((len(y), len(known)))
    for train, held_out in GroupKFold(folds).split(y, y, groups):
        train = train[y[train] != ""]
        if len(train) > MAX_TAUGHT:
            train = np.union1d(train[:: -(-len(train) // MAX_TAUGHT)], train[trusted[train]])
        if len(set(y[train])) < 2:
            continue
        inputs = features[train]
        scaler = _scaler(inputs)
        for block in blocks(len(inputs)):
            inputs[block] = scaler.transform(inputs[block])
        model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=500)
        with one_thread():
            model.fit(inputs, y[train], sample_weight=np.where(trusted[train], ANSWER_WEIGHT, 1.0))
        columns = [known.index(label) for label in model.classes_]
        for block in blocks(len(held_out)):
            part = held_out[block]
            probabilities[np.ix_(part, columns)] = model.predict_proba(scaler.transform(features[part]))
    return Chances(known, probabilities)


def _scaler(rows: NDArray[np.float32]) -> StandardScaler:
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


def neighbours(
    features: Vectors, labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> Chances:
    """Probability of each label for every image, by how near the images of each label are: a Parzen classifier.

    Unlike `out_of_fold`, it follows a label that has several looks. features: (n, d). labels: n, the answer or the
    claimed label, which may be `unusable`; an image with an empty one has no say. groups: (n,) cluster numbers; images
    of one cluster are no neighbours. trusted: (n,) True where the label is an answer. Labels with fewer than
    MIN_COMPANY images are left out; nothing is known of any image if fewer than two are left.
    """
    y = np.asarray(labels)
    counts = Counter(labels)
    known = sorted(label for label in set(labels) - {"", UNUSABLE} if counts[label] >= MIN_COMPANY)
    if len(known) < 2:
        return Chances.none(len(labels))
    known += [UNUSABLE] if counts[UNUSABLE] else []
    mean, spread = moments(features)
    spread += 1e-3
    of = np.flatnonzero(np.isin(y, known))
    company = np.union1d(of[:: -(-len(of) // MAX_COMPANY)], of[trusted[of]])
    say = np.where(trusted[company], ANSWER_WEIGHT, 1.0)[:, None] * (y[company][:, None] == known)
    say *= np.where(np.array(known) == UNUSABLE, UNUSABLE_SHARE, 1.0) / np.maximum(say.sum(axis=0), 1e-9)
    looks = unit((features[company] - mean) / spread).T
    scores = np.empty((len(y), len(known)))
    for block in blocks(len(y), COMPARED):
        near = unit((features[block] - mean) / spread) @ looks
        near *= NEIGHBOUR_DECAY
        np.exp(near, out=near)
        near[groups[block][:, None] == groups[company][None, :]] = 0.0
        scores[block] = NEIGHBOUR_SHARPNESS * np.log(near @ say + 1e-9)
    return Chances(known, softmax(scores, axis=1))


def most_doubted(labels: Sequence[str], *opinions: Sequence[Mapping[str, float]]) -> NDArray[np.bool_]:
    """(n,) The share DOUBTED_SHARE of the images of each label that opinions doubt most.

    opinions: each has, for every image, probabilities by label. What is wrong there teaches the models the very mistake
    that they should find, so that a second look leaves it out. MIN_COMPANY images of each label stay.
    """
    y = np.asarray(labels)
    odds = np.array([sum(logit(one[i].get(y[i], 0.5)) for one in opinions) for i in range(len(y))])
    doubted = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        of = np.flatnonzero(y == label)
        count = min(int(DOUBTED_SHARE * len(of)), max(0, len(of) - MIN_COMPANY))
        doubted[of[np.argsort(odds[of], kind="stable")[:count]]] = True
    return doubted


def lookalikes(features: Vectors, judged: NDArray[np.int64], votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vote of similar answered images about each image: -1 (label right) to 1 (wrong), near 0 if none is similar.

    features: (n, d). judged: (m,) indices of answered images. votes: (m,) 1 if the label was wrong, -1 if right,
    UNSURE_VOTE. An image does not vote about itself. Returns (n,).
    """
    if len(judged) == 0:
        return np.zeros(len(features))
    answered = unit(features[judged]).T
    strengths = np.empty(len(features))
    for block in blocks(len(features), COMPARED):
        likeness = np.exp(LIKENESS_DECAY * (unit(features[block]) @ answered - 1)).astype(np.float64)
        own = (judged >= block.start) & (judged < block.stop)
        likeness[judged[own] - block.start, np.flatnonzero(own)] = 0
        strengths[block] = (likeness @ votes) / (likeness.sum(axis=1) + LIKENESS_NEEDED)
    return strengths


def novelty(features: Vectors, labels: Sequence[str], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each image is from its neighbours of the same label, in robust spreads above the median of the label.

    features: (n, d). labels: n; an image with an empty one gets 0. groups: (n,) clusters; images of one cluster are no
    neighbours. Returns (n,), 0 to MAX_NOVELTY.
    """
    y = np.asarray(labels)
    result = np.zeros(len(y))
    for label in sorted(set(labels) - {""}):
        of = np.flatnonzero(y == label)
        if len(of) < MIN_COMPANY:
            continue
        company = of[:: -(-len(of) // MAX_COMPANY)]
        looks = unit(features[company]).T
        far = np.empty(len(of))
        for block in blocks(len(of), COMPARED):
            part = of[block]
            likeness = unit(features[part]) @ looks
            likeness[groups[part][:, None] == groups[company][None, :]] = -1.0
            far[block] = 1 - np.partition(likeness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS]
        usual = np.median(far)
        # 1.4826 makes the median absolute deviation of normal values equal to their standard deviation.
        spread = 1.4826 * np.median(np.abs(far - usual)) + 1e-6
        result[of] = np.clip((far - usual) / spread, 0.0, MAX_NOVELTY)
    return result


def is_surely_unusable(probability: float, measures: Mapping[str, float]) -> bool:
    """Whether an image may be excluded automatically: it is almost surely unusable, or drawn and probably unusable.

    probability: of `unusable`, by the prior. measures: of duplicates.fingerprints.
    """
    odds = logit(probability)
    is_drawn = measures["alpha"] > CUT_OUT_ALPHA or measures["top_colours"] > DRAWN_COLOURS
    return odds > ANY_LOGIT or (is_drawn and odds > DRAWN_LOGIT)


def is_precise(answers: Sequence[str]) -> bool:
    """Whether images may still be excluded automatically. answers: about such images.

    False once they prove (exact one-sided bound, 5 %) that more than MAX_USABLE_SHARE of such images are usable.
    """
    usable = sum(answer != UNUSABLE for answer in answers)
    low, _ = exact_interval(usable, len(answers), ONE_SIDED_5_PERCENT)
    return low <= MAX_USABLE_SHARE


def is_proven(answers: Sequence[str]) -> bool:
    """Whether images may be excluded automatically where no prior applies. answers: about such images.

    True once they prove (exact one-sided bound, 5 %) that at most MAX_USABLE_SHARE of such images are usable.
    """
    usable = sum(answer != UNUSABLE for answer in answers)
    _, high = exact_interval(usable, len(answers), ONE_SIDED_5_PERCENT)
    return bool(answers) and high <= MAX_USABLE_SHARE


def suggestion(findings: Sequence[Finding], source_label: str, prior: Mapping[str, float]) -> str:
    """The most probable answer: by the prior, else by the strongest finding, else the source's label."""
    if prior and (best := max(prior, key=lambda label: prior[label])) != source_label:
        return best
    if not findings:
        return source_label
    return max(findings, key=lambda finding: (finding.score, finding.detector)).proposes


def priority(probability: float, cluster_size: int) -> float:
    """The order of the queue, highest first: the probability of a wrong label, raised for an image with many copies."""
    return round(probability * (1 + COPY_BONUS * min(cluster_size - 1, MAX_COPIES)), 4)
