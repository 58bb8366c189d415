"""The last stage: a published version into a model."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from dataset.atomic import storage_errors
from dataset.reader import SPLITS, UNSEEN, Backbone, Row, Version, backbone, features, load, newest
from isitcake.errors import TrainingError, UnknownVersion
from isitcake.settings import Settings
from training import models
from training.export import with_head
from training.metrics import Metrics, measure
from training.models import Model

STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.1)  # C of the head; chosen on validation
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainReport:
    """new: False where the model was there already."""

    model: str
    version: str
    new: bool
    trained_on: int
    metrics: dict[str, Metrics]

    def line(self) -> str:
        """What happened, in one line."""
        told = [
            f"{split} {found.balanced_accuracy:.3f}"
            for split in ("test", UNSEEN)
            if (found := self.metrics.get(split)) and found.balanced_accuracy is not None
        ]
        state = "trained" if self.new else "was trained before"
        scores = f"; balanced accuracy: {', '.join(told)}" if told else ""
        return f"{self.model} {state} on {self.trained_on} images of {self.version}{scores}"


def train(settings: Settings, version_name: str | None = None, progress: Progress | None = None) -> TrainReport:
    """A logistic head on frozen features, of the named version or the newest. The same twice is done once.

    Raises UnknownVersion, and TrainingError where a version has too little to learn from.
    """
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    net = backbone(settings.weights)
    name = f"linear-{net.name.split('@')[0]}"
    target = models.folder(settings.home, name, version)
    if (target / "metrics.json").is_file():
        before = models.find(settings.home, f"{name}/{version.name}")
        if before.backbone == net.name:
            return TrainReport(name, version.name, False, before.trained_on, before.metrics)
        shutil.rmtree(target)
    rows = version.rows()
    vectors = _vectors(version, rows, net, progress or _silent)
    head = _fit(version, rows, vectors)
    facts = {"version": version.name, "version_id": version.id, "backbone": net.name}
    graph = with_head(net.graph, head.mean, head.scale, head.weights, head.bias, head.labels, facts)
    predicted = head.predict(vectors)
    trained_on = sum(row.split == "train" for row in rows)
    metrics = _metrics(rows, predicted)
    content = {
        "name": name, "version": version.name, "version_id": version.id, "backbone": net.name,
        "labels": head.labels, "trained_on": trained_on, "strength": head.strength,
        "metrics": {split: asdict(found) for split, found in metrics.items()},
    }  # fmt: skip
    building = target.parent / f".building-{version.name}"
    with storage_errors(target):
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        onnx.save(graph, building / "model.onnx")
        (building / "card.md").write_text(_card(name, version, net, metrics, trained_on), encoding="utf-8")
        (building / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        building.rename(target)
    return TrainReport(name, version.name, True, trained_on, metrics)


def evaluate(model: Model, version: Version, progress: Progress | None = None) -> dict[str, Metrics]:
    """Metrics of a model on the splits of any version, by their labels there."""
    from dataset.reader import picture

    rows = version.rows()
    predicted = []
    for number, row in enumerate(rows, 1):
        predicted.append(model.label(picture(version, row)))
        (progress or _silent)("evaluating", number, len(rows))
    return _metrics(rows, predicted)


@dataclass(frozen=True)
class Head:
    """mean, scale: (d,). weights: (k, d). bias: (k,). labels: k."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    labels: list[str]
    strength: float

    def predict(self, vectors: NDArray[np.float32]) -> list[str]:
        logits = (vectors - self.mean) / self.scale @ self.weights.T + self.bias
        return [self.labels[index] for index in logits.argmax(axis=1)]


def _fit(version: Version, rows: Sequence[Row], vectors: NDArray[np.float32]) -> Head:
    """The head that does best on validation; ties go to the simpler."""
    labels = np.array([row.label for row in rows])
    learn = np.array([row.split == "train" for row in rows])
    choose = np.array([row.split == "validation" for row in rows])
    present = sorted(set(labels[learn]), key=version.labels.index)
    if len(present) < 2:
        told = present[0] if present else "no image"
        raise TrainingError(f"version {version.name} has only {told} to train on; collect another label first")
    best: tuple[float, Head] | None = None
    scaler = StandardScaler().fit(vectors[learn])
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
        model.fit(scaler.transform(vectors[learn]), labels[learn])
        weights, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        order = [list(model.classes_).index(label) for label in present]
        head = Head(scaler.mean_, scaler.scale_, weights[order], bias[order], present, strength)
        scored = measure(list(labels[choose]), head.predict(vectors[choose])) if choose.any() else None
        score = scored.balanced_accuracy if scored and scored.balanced_accuracy is not None else 0.0
        if best is None or score > best[0]:
            best = (score, head)
    assert best is not None  # noqa: S101
    return best[1]


def _vectors(version: Version, rows: Sequence[Row], net: Backbone, tell: Progress) -> NDArray[np.float32]:
    found = []
    for number, row in enumerate(rows, 1):
        found.append(features(version, row, net))
        tell("features", number, len(rows))
    return np.stack(found)


def _metrics(rows: Sequence[Row], predicted: Sequence[str]) -> dict[str, Metrics]:
    """By split, and for unseen sites also by what their source claims: bakers' own biscuits are the hard part."""
    pairs = list(zip(rows, predicted, strict=True))
    groups = {split: [(row.label, p) for row, p in pairs if row.split == split] for split in SPLITS}
    for claim in sorted({row.source_label for row in rows}):
        groups[f"{UNSEEN}/{claim}"] = [
            (row.label, p) for row, p in pairs if row.split == UNSEEN and row.source_label == claim
        ]
    return {name: measure([t for t, _ in found], [p for _, p in found]) for name, found in groups.items()}


def _card(name: str, version: Version, net: Backbone, metrics: dict[str, Metrics], trained_on: int) -> str:
    lines = [
        f"# {name}, trained on {version.name}",
        "",
        f"A logistic head on frozen features of {net.name}; {trained_on} images, version id `{version.id}`.",
        "Takes `pixels`, uint8 (1, height, width, 3), RGB; gives `probabilities` and `class`, labels in this order: "
        + ", ".join(version.labels)
        + ".",
        "",
        "| split | images | accuracy | balanced accuracy | 95 % interval |",
        "| --- | --- | --- | --- | --- |",
    ]
    for split, found in metrics.items():
        balanced = "–" if found.balanced_accuracy is None else f"{found.balanced_accuracy:.3f}"
        accuracy = "–" if found.accuracy is None else f"{found.accuracy:.3f}"
        interval = "–" if found.interval is None else f"{found.interval[0]:.3f} – {found.interval[1]:.3f}"
        lines.append(f"| {split} | {found.images} | {accuracy} | {balanced} | {interval} |")
    return "\n".join(lines) + "\n"


def _silent(_what: str, _done: int, _total: int) -> None: ...
