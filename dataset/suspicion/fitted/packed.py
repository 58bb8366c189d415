"""A triage model as bytes: numbers, and names of the pictures that others are compared with, without their features."""

import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.fitted.company import Company
from dataset.suspicion.fitted.fit import Fitted
from dataset.suspicion.fitted.lookalikes import Answered
from dataset.suspicion.fitted.model import TriageModel
from dataset.suspicion.fitted.neighbours import NO_COMPANY, Neighbours
from dataset.suspicion.fitted.novelty import Usual
from dataset.suspicion.fitted.out_of_fold import Fold, OutOfFold
from dataset.suspicion.queue import Scale
from dataset.suspicion.triage import Calibration, Line
from dataset.suspicion.vectors import unit

FOLD = ("mean", "scale", "weights", "offsets")
NEIGHBOURS = ("say", "mean", "spread")
BYTES_OF_NAME = 32

Array = NDArray[Any]


def packed(model: TriageModel, sha256: Sequence[str]) -> bytes:
    """sha256: of each image that the model was fitted to."""
    fitted, scale = model.fitted, model.scale
    arrays: dict[str, Array] = {}
    for number, fold in enumerate(fitted.beliefs.folds):
        arrays |= {f"fold {number} {name}": getattr(fold, name) for name in FOLD if fold}
    arrays |= {f"neighbours {name}": getattr(fitted.neighbours, name) for name in NEIGHBOURS}
    arrays["neighbours"] = _names(fitted.neighbours.company.images, sha256)
    arrays["answered"], arrays["votes"] = _names(fitted.answered.company.images, sha256), fitted.answered.votes
    arrays |= {f"usual {n}": _names(usual.images, sha256) for n, usual in enumerate(fitted.usual.values())}
    arrays["taught"] = _as_bytes(list(fitted.taught))
    arrays["folds"] = np.array(list(fitted.taught.values()), dtype=np.int8)
    facts = {
        "labels": fitted.beliefs.labels,
        "folds": [fold.labels if fold else None for fold in fitted.beliefs.folds],
        "neighbours": fitted.neighbours.labels,
        "answers": fitted.answered.answers,
        "usual": {label: [usual.median, usual.spread] for label, usual in fitted.usual.items()},
        "may_exclude": model.may_exclude,
        "excludes": model.excludes,
        "weights": scale.calibration.weights,
        "bias": scale.calibration.bias,
        "taught": scale.calibration.taught,
        "line": [scale.line.offset, scale.line.slope] if scale.line else None,
        "calibrated_by": scale.calibrated_by,
    }
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), **arrays)
    return content.getvalue()


@dataclass(frozen=True)
class Packed:
    """A packed model that was read. It is whole once somebody has the features of its pictures."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, Array]

    @classmethod
    def read(cls, content: bytes) -> "Packed":
        """The bytes that `packed` made."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        return cls(json.loads(arrays.pop("facts").tobytes()), arrays)

    def names(self, labels: Collection[str]) -> frozenset[str]:
        """SHA-256s of the pictures that images of these labels are compared with."""
        usual = (f"usual {n}" for n, label in enumerate(self.facts["usual"]) if label in labels)
        return frozenset(name for key in ("neighbours", "answered", *usual) for name in _read_names(self.arrays[key]))

    def model(
        self, index: Mapping[str, int], labels: Collection[str], features: Mapping[str, NDArray[np.float32]]
    ) -> TriageModel:
        """index: number of each image at hand, by SHA-256. labels: that are claimed for them. features: of `names`."""
        facts, arrays = self.facts, self.arrays
        mean, spread = arrays["neighbours mean"], arrays["neighbours spread"]
        images, rows = self._company("neighbours", index, features)
        near = (
            Company(images, unit(((rows - mean) / spread).astype(np.float32)).T) if facts["neighbours"] else NO_COMPANY
        )
        images, rows = self._company("answered", index, features)
        usual = {
            label: Usual(*self._company(f"usual {n}", index, features), *median_and_spread)
            for n, (label, median_and_spread) in enumerate(facts["usual"].items())
            if label in labels
        }
        return TriageModel(
            Fitted(
                beliefs=self._beliefs(),
                neighbours=Neighbours(tuple(facts["neighbours"]), near, arrays["neighbours say"], mean, spread),
                answered=Answered(Company(images, unit(rows).T), arrays["votes"], tuple(facts["answers"])),
                usual=usual,
                taught=dict(zip(_read_names(arrays["taught"]), arrays["folds"].tolist(), strict=True)),
            ),
            may_exclude=facts["may_exclude"],
            excludes=facts["excludes"],
            scale=Scale(
                Calibration(facts["weights"], facts["bias"], facts["taught"]),
                Line(*facts["line"]) if facts["line"] else None,
                facts["calibrated_by"],
            ),
        )

    def _beliefs(self) -> OutOfFold:
        folds = [
            Fold(tuple(labels), *(self.arrays[f"fold {number} {name}"] for name in FOLD)) if labels else None
            for number, labels in enumerate(self.facts["folds"])
        ]
        return OutOfFold(tuple(self.facts["labels"]), tuple(folds))

    def _company(
        self, key: str, index: Mapping[str, int], features: Mapping[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers of the images, -1 for those that are not at hand, and their features (m, d)."""
        names = _read_names(self.arrays[key])
        images = np.array([index.get(name, -1) for name in names], dtype=np.int64)
        rows = np.array([features[name] for name in names], dtype=np.float32)
        return images, rows.reshape(len(names), -1) if names else np.empty((0, 0), dtype=np.float32)


def _names(images: NDArray[np.int64], sha256: Sequence[str]) -> Array:
    return _as_bytes([sha256[image] for image in images.tolist()])


def _as_bytes(names: Sequence[str]) -> Array:
    """(m, 32) bytes of SHA-256s."""
    return np.frombuffer(bytes.fromhex("".join(names)), dtype=np.uint8).reshape(-1, BYTES_OF_NAME)


def _read_names(array: Array) -> list[str]:
    return [row.tobytes().hex() for row in array]
