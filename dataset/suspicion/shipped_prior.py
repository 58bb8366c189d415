"""The shipped prior: a linear model that says what a picture probably is before anybody answered a question.

There is one for each backbone. It was fitted to labelled photos of bakers' sites and of everyday objects
(`make prior`), so it knows cakes. A project with other labels uses its probability of `unusable` only.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from dataset.labels.vocabulary import UNUSABLE

FOLDER = Path(__file__).parent / "priors"
MEASURES = ("short_px", "ratio", "pixels", "bytes_per_pixel", "alpha", "top_colours", "white", "edges", "detail",
            "cake", "donut", "person", "food", "other")  # fmt: skip
ANY_BACKBONE = "measures"  # name of the prior that uses measures only, no features
MEASURE_WEIGHT = 3.0  # scales 14 measures up, as there are a thousand features
OWN_MEASURE = ("cake", "donut", "person")
FOOD = ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza")


@dataclass(frozen=True)
class Prior:
    """labels: k answers. mean, scale: (d,) of the features and measures. weights: (k, d). bias: (k,)."""

    labels: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, vectors: NDArray[np.float32], measures: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, k) probabilities of the answers, from (n, f) features and (n, m) measures, as measure_row makes them."""
        columns = measures if len(self.mean) == measures.shape[1] else np.hstack([vectors, measures])
        inputs = np.nan_to_num((columns - self.mean) / self.scale)  # a missing measure counts as the mean
        logits = (inputs @ self.weights.T + self.bias).astype(np.float64)
        return np.asarray(softmax(logits, axis=1))

    def save(self, backbone_name: str) -> Path:
        """Write it to the folder of the shipped priors, in half precision. Returns its path."""
        path = _path(backbone_name)
        half = {name: getattr(self, name).astype(np.float16) for name in ("mean", "scale", "weights", "bias")}
        np.savez_compressed(path, labels=np.array(self.labels), **half)
        return path


@functools.cache
def load(backbone_name: str) -> Prior | None:
    """The prior for this backbone; if none is shipped, the one that uses measures only; None if that is missing too."""
    path = _path(backbone_name)
    if not path.is_file():
        path = _path(ANY_BACKBONE)
    if not path.is_file():
        return None
    with np.load(path) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in ("mean", "scale", "weights", "bias")}
        return Prior(tuple(str(label) for label in stored["labels"]), **arrays)


def measure_row(
    width: int,
    height: int,
    size_bytes: int,
    detail: float,
    measures: Mapping[str, float],
    objects: Mapping[str, float] | None,
) -> list[float]:
    """The measures of one image in the order of MEASURES, scaled so that they are about normally distributed.

    objects: of dataset.pictures.seen; None if there was no detector, and then their measures are NaN.
    """
    pixels = max(1, width * height)
    return [
        float(np.log(max(1, min(width, height)))),
        float(np.log(max(width, height) / max(1, min(width, height)))),
        float(np.log(pixels)),
        float(np.log(max(1, size_bytes) / pixels)),
        measures["alpha"],
        measures["top_colours"],
        measures["white"],
        measures["edges"],
        detail,
        *object_measures(objects),
    ]


def fit(
    vectors: NDArray[np.float32], measures: NDArray[np.float32], answers: NDArray[np.str_], strength: float = 0.003
) -> Prior:
    """Fit a prior to n labelled images: (n, f) features, (n, m) measures; f may be 0.

    strength: C of the logistic regression; small, because there are few images.
    """
    from sklearn.linear_model import LogisticRegression

    inputs = np.hstack([vectors, measures]).astype(np.float64)
    inputs[:, np.isnan(inputs).all(axis=0)] = 0.0
    mean, scale = np.nanmean(inputs, axis=0), np.nanstd(inputs, axis=0) + 1e-3
    scale[vectors.shape[1] :] /= MEASURE_WEIGHT
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
    model.fit(np.nan_to_num((inputs - mean) / scale), answers)
    return Prior(
        tuple(str(label) for label in model.classes_),
        *(np.asarray(part, dtype=np.float32) for part in (mean, scale, model.coef_, model.intercept_)),
    )


def known(prior: Prior, labels: list[str]) -> list[str]:
    """The answers for which a project with these labels uses the prior."""
    return list(prior.labels) if set(prior.labels) - {UNUSABLE} <= set(labels) else [UNUSABLE]


def object_measures(objects: Mapping[str, float] | None) -> list[float]:
    """Scores of cake, donut, person, the best other food, and the best of the rest; NaN if there was no detector."""
    if objects is None:
        return [float("nan")] * (len(OWN_MEASURE) + 2)
    named = {*OWN_MEASURE, *FOOD}
    return [
        *(objects.get(name, 0.0) for name in OWN_MEASURE),
        max((objects.get(name, 0.0) for name in FOOD), default=0.0),
        max((score for name, score in objects.items() if name not in named), default=0.0),
    ]


def _path(backbone_name: str) -> Path:
    return FOLDER / f"{backbone_name.split('@')[0]}.npz"
