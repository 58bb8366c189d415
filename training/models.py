"""Trained models on disk: library/models/<name>/<version>/model.onnx, card.md, metrics.json, predictions.parquet."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dataset.reader import TAINTED, Version, order
from foundation.errors import StorageError, UnknownModel
from foundation.json_files import read_json
from training.metrics import Metrics

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_MODEL_FILE = "champion.json"  # in library/models: the default model and those before it


@dataclass(frozen=True)
class Model:
    """One trained model. metrics: by split; those after a slash are of one source label's images only.

    slices: accuracy and number of images of subgroups of both tests, by name. costs: latency_ms, size_mb, parity,
    shortcut.
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
        """Whether images that it was trained on were erased since."""
        return (self.path / TAINTED).is_file()

    def probabilities(self, image: "Image.Image") -> dict[str, float]:
        """Probability of each label for an upright RGB picture of any size."""
        (answer,) = self._session.run(["probabilities"], {"pixels": np.asarray(image, dtype=np.uint8)[None]})
        return {label: float(p) for label, p in zip(self.labels, answer[0], strict=True)}

    def label(self, image: "Image.Image") -> str:
        """The most probable label."""
        probabilities = self.probabilities(image)
        return max(probabilities, key=lambda label: probabilities[label])

    def predictions(self) -> list[dict[str, Any]]:
        """For every image of its version: sha256, split, site, source_label, label, predicted, and p_<label> for each
        label. Empty where they were not kept.
        """
        import pyarrow.parquet as pq

        try:
            return list(pq.read_table(self.path / "predictions.parquet").to_pylist())
        except OSError:
            return []

    @functools.cached_property
    def _session(self) -> Any:
        import onnx

        from networks.session import session

        try:
            return session(onnx.load(self.path / "model.onnx"))
        except Exception as error:
            raise StorageError(f"{self.path / 'model.onnx'} cannot be loaded ({error}); train it again") from error


def listing(home: Path) -> list[Model]:
    """Every model, by name, then by version."""
    return sorted(_all(home), key=lambda model: (model.name, order(model.version)))


def of_version(home: Path, version: str) -> list[Model]:
    """The models that were trained on a version, the best on unseen sites first."""
    trained = [model for model in listing(home) if model.version == version]
    return sorted(trained, key=lambda model: (-score(model), model.name))


def score(model: Model) -> float:
    """Balanced accuracy on unseen sites; on the other test, then on validation, where that has one label only."""
    for split in ("test_unseen_sites", "test", "validation"):
        metrics = model.metrics.get(split)
        if metrics and metrics.balanced_accuracy is not None:
            return metrics.balanced_accuracy
    return 0.0


def find(home: Path, name: str | None = None) -> Model:
    """The model `name` or `name/version`. Without a name: the default model, or the newest if that one is gone.

    Raises UnknownModel.
    """
    known = listing(home)
    default = default_model_id(home)
    if not name and any(model.id == default for model in known):
        name = default
    wanted, _, version = (name or "").partition("/")
    fitting = [m for m in known if (not wanted or m.name == wanted) and (not version or m.version == version)]
    if not fitting:
        ids = ", ".join(m.id for m in known) or "none; run `isitcake train`"
        raise UnknownModel(f"no model {name!r}; there are {ids}" if name else "no model yet; run `isitcake train`")
    return max(fitting, key=lambda model: (order(model.version), score(model), model.name))


def default_model_id(home: Path) -> str:
    """name/version of the default model; empty while there is none."""
    return str(read_json(home / "models" / DEFAULT_MODEL_FILE, dict[str, Any]()).get("model", ""))


def folder(home: Path, name: str, version: Version) -> Path:
    """Where a model of this name and version lies."""
    return home / "models" / name / version.name


def _all(home: Path) -> Iterator[Model]:
    for path in (home / "models").glob("*/*/metrics.json"):
        content = read_json(path, dict[str, Any]())
        if not content:
            continue  # half a model: `train` makes it again
        metrics = {
            split: Metrics(**{**values, "interval": tuple(values["interval"]) if values["interval"] else None})
            for split, values in content["metrics"].items()
        }
        optional = {key: content[key] for key in ("slices", "costs") if key in content}  # older models have none
        yield Model(
            path.parent,
            content["name"],
            content["version"],
            content.get("what", ""),
            content["backbone"],
            content["labels"],
            content["trained_on"],
            metrics,
            **optional,
        )
