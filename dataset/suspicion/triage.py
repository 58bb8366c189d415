"""How probable it is that a label is wrong, and which image to ask about first. Pure functions.

One logistic model combines the signals: the prior, a model that never saw the picture, the answers about pictures that
look like it, and the score of each detector. Its weights start from hand-set values and are fitted to the answers. No
weight becomes negative, so that more suspicion never lowers the probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.special import logit as log_odds

from dataset.labels.vocabulary import UNUSABLE
from dataset.suspicion.detectors import Finding
from foundation.intervals import exact_interval

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


@dataclass(frozen=True)
class Line:
    """A rescaling of probabilities, in log-odds. It keeps their order."""

    offset: float
    slope: float

    def __call__(self, probability: float) -> float:
        """The probability that this one means."""
        return round(float(expit(self.offset + self.slope * logit(probability))), 4)


def rescaling(probabilities: Sequence[float], wrong: Sequence[bool], is_asked: Sequence[bool]) -> Line:
    """What calibrates the error probabilities of pictures that the queue has not reached.

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
    return Line(float(offset), float(slope))


def logit(probability: float) -> float:
    """Log-odds of a probability, between -LOGIT_CAP and LOGIT_CAP."""
    return float(np.clip(log_odds(probability), -LOGIT_CAP, LOGIT_CAP))


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
