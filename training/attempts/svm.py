"""A support vector machine on frozen maps pooled in several ways, weighted against shortcuts and calibrated.

Each label has the same weight, and within a label each source label has the same weight. Otherwise the model learns
"a photo from the API" instead of "not cake". The scores are calibrated on images of sites that were left out, and only
on those sources whose claim is sometimes wrong: in the other sources the source alone decides the label. See
docs/decisions/0018-the-svm-attempt.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foundation.threads import one_thread
from networks.graph import Net, finished, gemm
from training.attempts.left_out import LeftOut, Told, calibrated, folds, logits_left_out, nobody, scored
from training.attempts.protocol import Fitted
from training.examples import Examples

FORMER_NAME = "best"  # models/best/ of projects that were trained before the attempt was called "svm"
SVM_C = 1.0
MOST_IMAGES = 4000  # to learn from: time and memory grow with their square, and most become support vectors
MIN_OTHER_IMAGES = 3  # images of a second label, for a source label to count as sometimes wrong


@dataclass(frozen=True)
class Scores:
    """Uncalibrated scores of c machines: one for each label; with two labels, only that of the second.

    mean, scale: (d,), standardise the signed square roots. support: (m, d) support vectors of all machines.
    coefficients: (m, c). bias: (c,).
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    support: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    bias: NDArray[np.float64]

    def of(self, wide: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, k) scores; the label with the highest score is the most probable."""
        z = (_roots(wide) - self.mean) / self.scale
        weights, bias = self.by_label()
        scores: NDArray[np.float64] = _rbf(z, self.support) @ weights.T + bias
        return scores

    def by_label(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (k, m) and bias (k,) of each label's score."""
        if len(self.bias) > 1:
            return self.coefficients.T, self.bias
        signs = np.array([-1.0, 1.0])  # of the two labels
        return signs[:, None] * self.coefficients.T, signs * self.bias


@dataclass(frozen=True)
class SvmModel:
    """Logits are scores @ matrix.T + bias. matrix: (k, k). left_out: as in `Fitted`."""

    scores: Scores
    matrix: NDArray[np.float64]
    bias: NDArray[np.float64]
    left_out: LeftOut | None = None

    def logits(self, wide: NDArray[np.float32]) -> NDArray[np.float64]:
        logits: NDArray[np.float64] = self.scores.of(wide) @ self.matrix.T + self.bias
        return logits


def fit_svm(
    wide: NDArray[np.float32],
    labels: NDArray[np.str_],
    sites: NDArray[np.str_],
    claims: NDArray[np.str_],
    names: Sequence[str],
    told: Told = nobody,
) -> SvmModel:
    """wide: (n, d). labels, sites, claims (source labels): (n,). names: the labels in the order of the logits.

    told: as for `logits_left_out`.
    """

    def fit(learn: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        scores = _fit(wide[learn], labels[learn], claims[learn], names)
        return lambda rest: scores.of(wide[rest])

    with one_thread():
        held_out = logits_left_out(fit, labels, folds(sites, claims), names, told)
        scores = _fit(wide, labels, claims, names)
    has_score = ~np.isnan(held_out[:, 0])
    mixed = has_score & np.isin(claims, _mixed(claims, labels))
    used = mixed if len(np.unique(labels[mixed])) == len(names) else has_score
    if len(np.unique(labels[used])) < len(names):  # a single site, or a fold without one of the labels
        return SvmModel(scores, np.eye(len(names)), np.zeros(len(names)))
    matrix, bias = calibrated(held_out[used], labels[used], names)
    left_out = scored(held_out[has_score] @ matrix.T + bias, labels[has_score], claims[has_score], names)
    return SvmModel(scores, matrix, bias, left_out)


def _fit(wide: NDArray[np.float32], labels: NDArray[np.str_], claims: NDArray[np.str_], names: Sequence[str]) -> Scores:
    weights = balanced_weights(labels, claims)
    scaler = StandardScaler().fit(_roots(wide))
    z = scaler.transform(_roots(wide))
    likeness = _rbf(z, z)  # one product of matrices; scikit-learn's own kernel takes ten times as long
    asked = names[1:] if len(names) == 2 else names
    coefficients, bias = np.zeros((len(z), len(asked))), np.zeros(len(asked))
    for column, name in enumerate(asked):
        machine = SVC(C=SVM_C, kernel="precomputed").fit(likeness, labels == name, sample_weight=weights)
        coefficients[machine.support_, column] = machine.dual_coef_[0]
        bias[column] = machine.intercept_[0]
    used = coefficients.any(axis=1)
    return Scores(scaler.mean_, scaler.scale_, z[used], coefficients[used], bias)


def _roots(wide: NDArray[np.float32]) -> NDArray[np.float64]:
    """Signed square roots, so that one very large activation does not outweigh many small ones."""
    roots: NDArray[np.float64] = np.sign(wide) * np.sqrt(np.abs(wide.astype(np.float64)))
    return roots


def balanced_weights(labels: NDArray[np.str_], claims: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) weights with mean 1. Each label has the same total weight, and so has each claim within a label."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        claims_there = np.unique(claims[labels == label])
        for claim in claims_there:
            group = (labels == label) & (claims == claim)
            weights[group] = 1 / len(claims_there) / group.sum()
    return weights / weights.mean()


def _mixed(claims: NDArray[np.str_], labels: NDArray[np.str_]) -> list[str]:
    """Claims that are sometimes wrong: their images have at least a few of a second label."""
    mixed = []
    for claim in np.unique(claims):
        _, counts = np.unique(labels[claims == claim], return_counts=True)
        if len(counts) > 1 and sorted(counts)[-2] >= MIN_OTHER_IMAGES:
            mixed.append(str(claim))
    return mixed


def _rbf(z: NDArray[np.float64], support: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = (z**2).sum(axis=1)[:, None] - 2 * z @ support.T + (support**2).sum(axis=1)
    kernel: NDArray[np.float64] = np.exp(-distance / z.shape[1])
    return kernel


class Svm:
    name = "svm"
    what = "SVM on frozen maps, weighted against shortcuts, calibrated on sites left out"

    @classmethod
    def current_name(cls, name: str) -> str:
        """The attempt that makes models of this name today."""
        return cls.name if name == FORMER_NAME else name

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        learn = examples.to_learn(MOST_IMAGES)
        of_rows = (examples.labels[learn], examples.sites[learn], examples.claims[learn])
        told = partial(examples.progress, f"fits of {self.name}")
        model = fit_svm(examples.wide[learn], *of_rows, examples.names, told)
        facts = {"support_vectors": str(len(model.scores.support))}
        with one_thread():
            probabilities = softmax(examples.wide.each(model.logits), axis=1)
        return Fitted(_graph(examples, model), probabilities, facts, model.left_out, len(learn))


def _graph(examples: Examples, model: SvmModel) -> onnx.ModelProto:
    """The same computation as `SvmModel.logits`, from pixels to probabilities."""
    scores, net = model.scores, Net()
    root = net.put("Sqrt", [net.put("Abs", ["wide"], "w_abs")], "w_root")
    signed = net.put("Mul", [net.put("Sign", ["wide"], "w_sign"), root], "w_signed")
    centred = net.put("Sub", [signed, net.floats("z_mean", scores.mean)], "z_centred")
    z = net.put("Div", [centred, net.floats("z_scale", scores.scale)], "z")
    ones, zero = net.floats("z_ones", np.ones((1, len(scores.mean)))), net.floats("z_zero", np.zeros(1))
    length = net.put("Gemm", [net.put("Mul", [z, z], "z_squares"), ones, zero], "z_length", transB=1)
    cross = gemm(net, z, "z_cross", -2 * scores.support, (scores.support**2).sum(axis=1))
    distance = net.put("Add", [cross, length], "distance")
    near = net.put("Exp", [net.put("Div", [distance, net.floats("z_d", -float(len(scores.mean)))], "scaled")], "near")
    total = gemm(net, near, "scores", *scores.by_label())
    return finished(examples.widened, net, gemm(net, total, "logits", model.matrix, model.bias), examples.names, {})
