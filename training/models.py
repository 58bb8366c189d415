"""Trained models on disk: library/models/<name>/<version>/model.onnx, card.md, metrics.json, predictions.parquet.

Commands that list models import this module, so it imports nothing slow: no onnx, no pyarrow, no Pillow.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.errors import StorageError, UnknownModel
from foundation.json_files import read_json
from foundation.safe_text import known_names
from training.metrics import Metrics

if TYPE_CHECKING:
    from PIL import Image

    from dataset.reader import Version

DEFAULT_MODEL_FILE = "champion.json"  # in library/models; the name is older than the term "default model"

COLUMNS_OF_LABELS = ("label", "predicted", "source_label")  # of predictions.parquet
INTERVALS = ("interval", "headline_interval")  # pairs in metrics.json


@dataclass(frozen=True)
class Model:
    """One trained model. metrics: by split; a key "split/label" covers only images whose source claims that label.

    slices: accuracy and number of images of parts of both test splits, by name. costs: latency_ms, size_mb, parity,
    shortcut. left_out: headline on sites left out of the training, and its standard error; empty where not asked.
    rows: images of the version that the training read; rows_digest: of their SHA-256s, empty in an older model.
    new_names: of labels that were renamed since the training, by the names that the model's files have.
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
    left_out: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    rows_digest: str = ""
    new_names: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def is_tainted(self) -> bool:
        """Whether the model was trained on images that were erased later."""
        from dataset.reader import TAINTED

        return (self.path / TAINTED).is_file()

    def renamed(self, new_names: Mapping[str, str]) -> Model:
        """The same model, whose labels, answers and predictions have the names of now.

        new_names: by earlier name. Where two labels of the model would get one name, it keeps its own.
        """
        own = list(self.own_labels.values())
        used = {label: new_names[label] for label in own if label in new_names}
        labels = [used.get(label, label) for label in own]
        if len(set(labels)) < len(labels) or labels == self.labels:
            return self
        pairs = list(zip(own, labels, strict=True))
        parts = {f"label {old}": f"label {new}" for old, new in pairs}
        parts |= {
            f"source says {claimed}, is {old}": f"source says {now_claimed}, is {new}"
            for claimed, now_claimed in pairs
            for old, new in pairs
        }
        slices = {parts.get(name, name): part for name, part in self.slices.items()}
        return replace(self, labels=labels, slices=slices, new_names=used)

    def as_now(self, label: str) -> str:
        """The name that a label of the model's files has now."""
        return self.new_names.get(label, label)

    @property
    def own_labels(self) -> dict[str, str]:
        """The label as the model's files have it, by its name of now."""
        old_names = {new: old for old, new in self.new_names.items()}
        return {label: old_names.get(label, label) for label in self.labels}

    def probabilities(self, image: Image.Image) -> dict[str, float]:
        """Probability of each label for an upright RGB picture of any size."""
        import numpy as np

        (answer,) = self._session.run(["probabilities"], {"pixels": np.asarray(image, dtype=np.uint8)[None]})
        return {label: float(p) for label, p in zip(self.labels, answer[0], strict=True)}

    def label(self, image: Image.Image) -> str:
        """The most probable label of a picture."""
        probabilities = self.probabilities(image)
        return max(probabilities, key=lambda label: probabilities[label])

    def predictions(self, columns: list[str] | None = None) -> list[dict[str, Any]]:
        """A row for each image of the model's version: sha256, split, site, source_label, label, predicted, and the
        probability p_<label> of each label; or only these columns. Empty where the file is missing.
        """
        import pyarrow.parquet as pq

        own = {f"p_{label}": f"p_{old}" for label, old in self.own_labels.items()}
        asked = [own.get(column, column) for column in columns] if columns else columns
        try:
            with pq.ParquetFile(self.path / "predictions.parquet") as file:  # read_table imports pandas
                rows = list(file.read(columns=asked).to_pylist())
        except OSError:
            return []
        return [self._with_new_names(row) for row in rows] if self.new_names else rows

    def _with_new_names(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of the predictions, with the names of now."""
        now = {f"p_{old}": f"p_{label}" for label, old in self.own_labels.items()}
        return {
            now.get(column, column): self.as_now(value) if column in COLUMNS_OF_LABELS else value
            for column, value in row.items()
        }

    @functools.cached_property
    def _session(self) -> Any:
        import onnx

        from networks.session import session

        try:
            return session(onnx.load(self.path / "model.onnx"))
        except Exception as error:
            raise StorageError(f"{self.path / 'model.onnx'} cannot be loaded ({error}); train it again") from error


def listing(home: Path) -> list[Model]:
    """All models, by name, then by version."""
    return sorted(_read_all(home), key=lambda model: (model.name, _order(model)))


def of_version(home: Path, version: str) -> list[Model]:
    """Models that were trained on a version; the best on unseen sites first."""
    models = [model for model in listing(home) if model.version == version]
    return sorted(models, key=lambda model: (-score(model), model.name))


def newest_version(home: Path) -> str:
    """The newest version that a model was trained on; empty without models."""
    return max((model.version for model in listing(home)), key=_numbers, default="")


def score(model: Model) -> float:
    """Headline on unseen sites; where that is not known, on test, else on validation; else 0.

    It holds for the labels of the model's own version. Models of several versions are compared by `comparison`.
    """
    for split in ("test_unseen_sites", "test", "validation"):
        metrics = model.metrics.get(split)
        if metrics and metrics.balanced_accuracy is not None:
            return metrics.balanced_accuracy if metrics.headline is None else metrics.headline
    return 0.0


def find(home: Path, name: str | None = None) -> Model:
    """The model `name/version`, or the newest called `name`.

    A name without a version: the default model if it has that name, else the newest of that name. Without a name: the
    default model, or the newest model where no default model exists. Raises UnknownModel.
    """
    models = listing(home)
    default_id = default_model_id(home)
    default = next((model for model in models if model.id == default_id), None)
    if default and (not name or name == default.name):
        return default
    wanted, _, version = (name or "").partition("/")
    fitting = [m for m in models if (not wanted or m.name == wanted) and (not version or m.version == version)]
    if not fitting:
        if not name:
            raise UnknownModel("there is no model yet; run `isitcake train`")
        names = [model.id for model in models] if "/" in name else {model.name: model.id for model in models}
        hint = known_names(name, names) if models else "none was trained; run `isitcake train`"
        raise UnknownModel(f"no model {name!r}; {hint}")
    return max(fitting, key=lambda model: (_order(model), score(model), model.name))


def why_chosen(home: Path, model: Model, name: str | None) -> str:
    """Which model `find` returned for a name, and why where none was given."""
    if name:
        return f"model {model.id}"
    if default_model_id(home) == model.id:
        return f"model {model.id}, the default model"
    why = "no model is the default, so the best one of the newest version answers"
    return f"model {model.id}: {why}; `isitcake models promote {model.name}` makes it the default"


def state(home: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of the files that models are listed from; changes when a model does."""
    found = ((path, path.stat()) for path in sorted((home / "models").glob("*/*/metrics.json")))
    return tuple((f"{path.parent.parent.name}/{path.parent.name}", s.st_mtime_ns, s.st_size) for path, s in found)


def default_model_id(home: Path) -> str:
    """name/version of the default model; empty while there is none."""
    state: dict[str, Any] = read_json(home / "models" / DEFAULT_MODEL_FILE, {})
    return str(state.get("model", ""))


def default_model(home: Path) -> Model | None:
    """The default model; None while there is none, or where its files are missing."""
    default_id = default_model_id(home)
    return next((model for model in listing(home) if model.id == default_id), None) if default_id else None


def folder(home: Path, name: str, version: Version) -> Path:
    """Where the model of an attempt and a version is stored."""
    return home / "models" / name / version.name


def _order(model: Model) -> tuple[int, ...]:
    return _numbers(model.version)


def _numbers(version: str) -> tuple[int, ...]:
    from dataset.reader import order

    return order(version)


def restore_replaced(home: Path) -> None:
    """Give models their names back whose folder was moved away for a new one that a kill kept from coming.

    For those who hold the lock of trainings.
    """
    from dataset.reader import REPLACED

    for replaced in (home / "models").glob(f"*/{REPLACED}*"):
        target = replaced.with_name(replaced.name.removeprefix(REPLACED))
        if not target.exists():
            replaced.rename(target)


def _is_left_over(folder: Path) -> bool:
    """Whether a folder is not a model's: unfinished, or replaced. A replaced one is, while nothing has its place."""
    from dataset.reader import REPLACED

    if folder.name.startswith(REPLACED):
        return (folder.parent / folder.name.removeprefix(REPLACED)).exists()
    return folder.name.startswith(".")


def _read_all(home: Path) -> Iterator[Model]:
    for path in (home / "models").glob("*/*/metrics.json"):
        if _is_left_over(path.parent):
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        metrics = {
            split: Metrics(**{**values, **{key: tuple(values[key]) for key in INTERVALS if values.get(key)}})
            for split, values in content["metrics"].items()
        }
        yield Model(
            path.parent,
            content["name"],
            content["version"],
            content.get("what", ""),
            content["backbone"],
            content["labels"],
            content["trained_on"],
            metrics,
            # older models do not have them
            **{key: content[key] for key in ("slices", "costs", "left_out", "rows", "rows_digest") if key in content},
        )
