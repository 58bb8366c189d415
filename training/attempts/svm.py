"""A support vector machine on frozen feature maps pooled in several ways, weighted against shortcuts and calibrated.

Each label has the same weight, and within it each claim of a source, so that the model does not learn that "a photo
from the API" means "not cake". Its scores are calibrated on images of sites that were left out, and of sources whose
claim is not always true: elsewhere the source alone predicts the label. See docs/decisions/0018.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from networks.graph import Net, finished, gemm
from training.attempts.protocol import Fitted, softmax
from training.examples import Examples

SVM_C = 1.0
SITE_FOLDS = 10
MIN_OTHER_IMAGES = 3  # of a second label, from which a source's claim does not decide the label
CALIBRATION_C = 1000.0  # two numbers need no shrinkage


@dataclass(frozen=True)
class Kernel:
    """One label against the rest: sum of coefficients · exp(-|z - support|² / d) + bias."""

    support: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    bias: float


@dataclass(frozen=True)
class Scores:
    """A kernel for each label, or for the second of two. mean, scale: (d,), that standardise the roots."""

    kernels: list[Kernel]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def of(self, wide: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, k) scores, the higher the likelier."""
        z = (_roots(wide) - self.mean) / self.scale
        columns = [_near(z, kernel.support) @ kernel.coefficients + kernel.bias for kernel in self.kernels]
        return np.stack(columns, axis=1) if len(columns) > 1 else np.stack([-columns[0], columns[0]], axis=1)


@dataclass(frozen=True)
class SvmModel:
    """Logits are scores @ matrix.T + bias. matrix: (k, k)."""

    scores: Scores
    matrix: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, wide: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self.scores.of(wide) @ self.matrix.T + self.bias)


def fit_svm(
    wide: NDArray[np.float32],
    labels: NDArray[np.str_],
    sites: NDArray[np.str_],
    claims: NDArray[np.str_],
    names: Sequence[str],
) -> SvmModel:
    """wide: (n, d). labels, sites and claims (what the source says): n each. names: labels in the logits' order."""
    left_out = np.full((len(labels), len(names)), np.nan)
    folds = min(SITE_FOLDS, len(np.unique(sites)))
    if folds >= 2:
        for learn, rest in GroupKFold(folds).split(wide, labels, sites):
            if len(np.unique(labels[learn])) == len(names):
                left_out[rest] = _fit(wide[learn], labels[learn], claims[learn], names).of(wide[rest])
    scores = _fit(wide, labels, claims, names)
    known = ~np.isnan(left_out[:, 0])
    mixed = known & np.isin(claims, _mixed(claims, labels))
    used = mixed if len(np.unique(labels[mixed])) == len(names) else known
    if len(np.unique(labels[used])) < len(names):  # one site only, or no fold that holds every label
        return SvmModel(scores, np.eye(len(names)), np.zeros(len(names)))
    matrix, bias = _calibrated(left_out[used], labels[used], names)
    return SvmModel(scores, matrix, bias)


def _fit(wide: NDArray[np.float32], labels: NDArray[np.str_], claims: NDArray[np.str_], names: Sequence[str]) -> Scores:
    weights = even_weights(labels, claims)
    scaler = StandardScaler().fit(_roots(wide))
    z = scaler.transform(_roots(wide))
    kernels = []
    for name in names[1:] if len(names) == 2 else names:
        machine = SVC(C=SVM_C, gamma=1 / z.shape[1]).fit(z, labels == name, sample_weight=weights)
        kernels.append(Kernel(machine.support_vectors_, machine.dual_coef_[0], float(machine.intercept_[0])))
    return Scores(kernels, scaler.mean_, scaler.scale_)


def _roots(wide: NDArray[np.float32]) -> NDArray[np.float64]:
    """Square roots that keep the sign, so that one large value does not outweigh a hundred small ones."""
    return np.asarray(np.sign(wide) * np.sqrt(np.abs(wide.astype(np.float64))))


def even_weights(labels: NDArray[np.str_], claims: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) weights of mean 1: the sum is the same for each label, and within it for each claim of a source."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        made = np.unique(claims[labels == label])
        for claim in made:
            group = (labels == label) & (claims == claim)
            weights[group] = 1 / len(made) / group.sum()
    return weights / weights.mean()


def _mixed(claims: NDArray[np.str_], labels: NDArray[np.str_]) -> list[str]:
    """Claims that do not decide the label: their sources bring at least a few images of another one."""
    mixed = []
    for claim in np.unique(claims):
        _, counts = np.unique(labels[claims == claim], return_counts=True)
        if len(counts) > 1 and sorted(counts)[-2] >= MIN_OTHER_IMAGES:
            mixed.append(str(claim))
    return mixed


def _calibrated(
    scores: NDArray[np.float64], labels: NDArray[np.str_], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, k) matrix and (k,) bias that turn scores into balanced log-odds."""
    if len(names) == 2:
        margin = (scores[:, 1] - scores[:, 0])[:, None]
        model = LogisticRegression(C=CALIBRATION_C, class_weight="balanced").fit(margin, labels == names[1])
        slope, offset = float(model.coef_[0, 0]) / 2, float(model.intercept_[0]) / 2
        return slope * np.array([[1.0, -1.0], [-1.0, 1.0]]), offset * np.array([-1.0, 1.0])
    model = LogisticRegression(C=CALIBRATION_C, class_weight="balanced", max_iter=2000).fit(scores, labels)
    order = [list(model.classes_).index(name) for name in names]
    return model.coef_[order], model.intercept_[order]


def _near(z: NDArray[np.float64], support: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = (z**2).sum(axis=1)[:, None] - 2 * z @ support.T + (support**2).sum(axis=1)
    return np.asarray(np.exp(-distance / z.shape[1]))


class Svm:
    name = "svm"
    what = "SVM on frozen maps, weighted against shortcuts, calibrated on sites left out"

    def missing(self, examples: Examples) -> str:  # noqa: ARG002
        return ""

    def fit(self, examples: Examples) -> Fitted:
        learn = examples.mask("train") & np.isin(examples.labels, examples.names)
        model = fit_svm(
            examples.wide[learn], examples.labels[learn], examples.sites[learn], examples.claims[learn], examples.names
        )
        facts = {"support_vectors": str(max(len(kernel.support) for kernel in model.scores.kernels))}
        return Fitted(_graph(examples, model), softmax(model.logits(examples.wide)), facts)


def _graph(examples: Examples, model: SvmModel) -> onnx.ModelProto:
    scores, net = model.scores, Net()
    root = net.put("Sqrt", [net.put("Abs", ["wide"], "w_abs")], "w_root")
    signed = net.put("Mul", [net.put("Sign", ["wide"], "w_sign"), root], "w_signed")
    centred = net.put("Sub", [signed, net.floats("z_mean", scores.mean)], "z_centred")
    z = net.put("Div", [centred, net.floats("z_scale", scores.scale)], "z")
    ones, zero = net.floats("z_ones", np.ones((1, len(scores.mean)))), net.floats("z_zero", np.zeros(1))
    length = net.put("Gemm", [net.put("Mul", [z, z], "z_squares"), ones, zero], "z_length", transB=1)
    columns = []
    for number, kernel in enumerate(scores.kernels):
        name = f"k{number}"
        cross = gemm(net, z, f"{name}_cross", -2 * kernel.support, (kernel.support**2).sum(axis=1))
        distance = net.put("Add", [cross, length], f"{name}_distance")
        scaled = net.put("Div", [distance, net.floats(f"{name}_d", -float(len(scores.mean)))], f"{name}_scaled")
        near = net.put("Exp", [scaled], f"{name}_near")
        signs = np.array([-1.0, 1.0]) if len(scores.kernels) == 1 else np.array([1.0])
        columns.append(gemm(net, near, f"{name}_score", signs[:, None] * kernel.coefficients, signs * kernel.bias))
    total = net.put("Concat", columns, "scores", axis=1) if len(columns) > 1 else columns[0]
    return finished(examples.widened, net, gemm(net, total, "logits", model.matrix, model.bias), examples.names, {})
