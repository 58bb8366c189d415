"""Trained models on disk: library/models/<name>/<version>/model.onnx, card.md, metrics.json, predictions.parquet."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from dataset.reader import TAINTED, Version, order
from foundation.errors import StorageError, UnknownModel
from networks.session import session
from training.metrics import Metrics

CHAMPION = "champion.json"


@dataclass(frozen=True)
class Model:
    """One trained model. metrics: by split; those after a slash are of one source label's images only.

    slices: accuracy and images of parts of both tests, by name. costs: latency_ms, size_mb, parity, shortcut.
    """

    path: Path
    name: str
    version: str
    what: str
    backbone: str
    labels: list[str]
    trained_on: int
    metrics: dict[str, Metrics]
    slices: dict[str, dict[str, Any]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name}/{self.version}"

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

    def predictions(self) -> list[dict[str, Any]]:
        """Of every image of its version: sha256, split, site, source_label, label, predicted and a column p_<label>
        for each label. Empty where they were not kept.
        """
        try:
            return list(pq.read_table(self.path / "predictions.parquet").to_pylist())
        except OSError:
            return []

    @functools.cached_property
    def _session(self) -> Any:
        import onnx

        try:
            return session(onnx.load(self.path / "model.onnx"))
        except Exception as error:
            raise StorageError(f"{self.path / 'model.onnx'} cannot be loaded ({error}); train it again") from error


def listing(home: Path) -> list[Model]:
    """Every model, by name, then by version."""
    return sorted(_all(home), key=lambda model: (model.name, order(model.version)))


def of_version(home: Path, version: str) -> list[Model]:
    """The models trained on a version, the best on unseen sites first."""
    found = [model for model in listing(home) if model.version == version]
    return sorted(found, key=lambda model: (-score(model), model.name))


def score(model: Model) -> float:
    """Balanced accuracy on the sites it never saw; on the other test where that says nothing."""
    for split in ("test_unseen_sites", "test", "validation"):
        found = model.metrics.get(split)
        if found and found.balanced_accuracy is not None:
            return found.balanced_accuracy
    return 0.0


def find(home: Path, name: str | None = None) -> Model:
    """The model `name` or `name/version`; where nothing is named the champion, or the newest where that is gone.

    Raises UnknownModel.
    """
    known = listing(home)
    chosen = champion_id(home)
    if not name and any(model.id == chosen for model in known):
        name = chosen
    wanted, _, version = (name or "").partition("/")
    fitting = [m for m in known if (not wanted or m.name == wanted) and (not version or m.version == version)]
    if not fitting:
        told = ", ".join(m.id for m in known) or "none; run `isitcake train`"
        raise UnknownModel(f"no model {name!r}; there are {told}" if name else "no model yet; run `isitcake train`")
    return max(fitting, key=lambda model: (order(model.version), score(model), model.name))


def champion_id(home: Path) -> str:
    """name/version of the champion; empty while there is none."""
    try:
        return str(json.loads((home / "models" / CHAMPION).read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, KeyError):
        return ""


def folder(home: Path, name: str, version: Version) -> Path:
    return home / "models" / name / version.name


def _all(home: Path) -> Iterator[Model]:
    for path in (home / "models").glob("*/*/metrics.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics = {
            split: Metrics(**{**values, "interval": tuple(values["interval"]) if values["interval"] else None})
            for split, values in content["metrics"].items()
        }
        told = {key: content[key] for key in ("slices", "costs") if key in content}  # older models have none
        yield Model(
            path.parent,
            content["name"],
            content["version"],
            content.get("what", ""),
            content["backbone"],
            content["labels"],
            content["trained_on"],
            metrics,
            **told,
        )
