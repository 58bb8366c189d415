"""The fitted priors of a pack: linear models that say what a picture probably is before anybody answered a question.

A pack has one for each backbone. Those of cakes were fitted to labelled photos of bakers' sites and of everyday objects
(`make prior`). They are used in projects only that have the labels of the pack.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from dataset.suspicion.packs import Pack

FILE_MEASURES = ("short_px", "ratio", "pixels", "bytes_per_pixel", "alpha", "top_colours", "white", "edges", "detail")
ANY_BACKBONE = "measures"  # name of the prior that uses measures only, no features
MEASURE_WEIGHT = 3.0  # scales about 14 measures up, as there are a thousand features


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

    def save(self, of: Pack, backbone_name: str) -> Path:
        """Write it to the pack's folder of priors, in half precision. Returns its path."""
        path = _path(of, backbone_name)
        half = {name: getattr(self, name).astype(np.float16) for name in ("mean", "scale", "weights", "bias")}
        np.savez_compressed(path, labels=np.array(self.labels), **half)
        return path


def load(of: Pack, backbone_name: str) -> Prior | None:
    """The pack's prior for this backbone; else the one that uses measures only; None if that is missing too."""
    paths = (_path(of, backbone_name), _path(of, ANY_BACKBONE))
    return next((_read(path) for path in paths if path.is_file()), None)


@functools.cache
def _read(path: Path) -> Prior:
    with np.load(path) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in ("mean", "scale", "weights", "bias")}
        return Prior(tuple(str(label) for label in stored["labels"]), **arrays)


def measure_row(
    width: int,
    height: int,
    size_bytes: int,
    detail: float,
    measures: Mapping[str, float],
    seen: Sequence[float],
) -> list[float]:
    """The measures of one image: FILE_MEASURES, scaled so that they are about normally distributed, then `seen`.

    seen: of object_measures.
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
        *seen,
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


def object_measures(of: Pack, objects: Mapping[str, float] | None) -> list[float]:
    """The best score of each of the pack's groups of COCO classes, then the best of all other classes.

    objects: of dataset.pictures.seen; None if there was no detector, and then the measures are NaN.
    """
    if objects is None:
        return [float("nan")] * (len(of.prior_objects) + 1)
    named = {name for group in of.prior_objects.values() for name in group}
    return [
        *(max((objects.get(name, 0.0) for name in group), default=0.0) for group in of.prior_objects.values()),
        max((score for name, score in objects.items() if name not in named), default=0.0),
    ]


def _path(of: Pack, backbone_name: str) -> Path:
    return of.priors / f"{backbone_name.split('@')[0]}.npz"
