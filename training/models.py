"""Trained models on disk: library/models/<name>/<version>/model.onnx, card.md, metrics.json."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataset.decoding import Undecodable
from dataset.reader import Version, decode, session
from dataset.versions import TAINTED, order
from isitcake.errors import StorageError, UnknownModel, UsageError
from training.metrics import Metrics


@dataclass(frozen=True)
class Model:
    """One trained model. metrics: by split; those after a slash are of one source label's images only."""

    path: Path
    name: str
    version: str
    backbone: str
    labels: list[str]
    trained_on: int
    metrics: dict[str, Metrics]

    @property
    def is_tainted(self) -> bool:
        """Whether images it was trained on were erased since."""
        return (self.path / TAINTED).is_file()

    def probabilities(self, image: Image.Image) -> dict[str, float]:
        """Probability of each label for an upright RGB picture of any size."""
        (answer,) = self._session.run(["probabilities"], {"pixels": np.asarray(image, dtype=np.uint8)[None]})
        return {label: float(p) for label, p in zip(self.labels, answer[0], strict=True)}

    def label(self, image: Image.Image) -> str:
        found = self.probabilities(image)
        return max(found, key=lambda label: found[label])

    @functools.cached_property
    def _session(self) -> Any:
        import onnx

        try:
            return session(onnx.load(self.path / "model.onnx"))
        except Exception as error:
            raise StorageError(f"{self.path / 'model.onnx'} cannot be loaded ({error}); train it again") from error


def listing(home: Path) -> list[Model]:
    """Every model, by name, then by version."""
    found = [_load(path.parent) for path in (home / "models").glob("*/*/metrics.json")]
    return sorted(found, key=lambda model: (model.name, order(model.version)))


def find(home: Path, name: str | None = None) -> Model:
    """The model `name` or `name/version`; the one of the newest version where nothing is named.

    Raises UnknownModel.
    """
    known = listing(home)
    wanted, _, version = (name or "").partition("/")
    fitting = [m for m in known if (not wanted or m.name == wanted) and (not version or m.version == version)]
    if not fitting:
        told = ", ".join(f"{m.name}/{m.version}" for m in known) or "none; run `isitcake train`"
        raise UnknownModel(f"no model {name!r}; there are {told}" if name else "no model yet; run `isitcake train`")
    return max(fitting, key=lambda model: (order(model.version), model.trained_on, model.name))


def predict(model: Model, paths: list[Path]) -> list[dict[str, Any]]:
    """file, label and probabilities of each picture. Raises UsageError for what is no picture."""
    answers = []
    for path in paths:
        try:
            found = model.probabilities(decode(path))
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); name a picture") from error
        except Undecodable as error:
            raise UsageError(f"{path} is not a picture that can be read ({error}); name another") from error
        label = max(found, key=lambda name: found[name])
        answers.append({"file": str(path), "label": label, "probabilities": {k: round(v, 6) for k, v in found.items()}})
    return answers


def folder(home: Path, name: str, version: Version) -> Path:
    return home / "models" / name / version.name


def _load(path: Path) -> Model:
    content = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    metrics = {
        split: Metrics(**{**values, "interval": tuple(values["interval"]) if values["interval"] else None})
        for split, values in content["metrics"].items()
    }
    return Model(
        path,
        content["name"],
        content["version"],
        content["backbone"],
        content["labels"],
        content["trained_on"],
        metrics,
    )
