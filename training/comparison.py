"""Models of any version on one set of pictures and labels: the newest version's tests, as they are decided now."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.reader import UNSEEN, Row, Today, Version, picture
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.settings import Settings
from training import models
from training.metrics import MIN_GROUP_IMAGES, Metrics, measure
from training.models import Model

BOTH_TESTS = "both tests"
OUTDATED_SHARE = 0.02  # of a model's training images; more labels than these that people changed, and it is outdated
LEARNED_SPLITS = ("train", "validation")

COLUMNS = (
    "model", "what", "test", "unseen sites", "interval", "worst group", "gap", "AUC", "calibration", "ms", "MB",
)  # fmt: skip
UNKNOWN = "–"

_NO_METRICS = Metrics(0, None, None, None, {})

Probabilities = Mapping[str, float]


@dataclass(frozen=True)
class Standing:
    """One model on the common tests. measured_on: what the headline is measured on. metrics: by test split, and of
    that. changed: share of its training images whose label people changed since.
    """

    model: Model
    measured_on: str
    metrics: dict[str, Metrics]
    changed: float
    is_default: bool

    @property
    def measured(self) -> Metrics:
        return self.metrics[self.measured_on]

    @property
    def headline(self) -> float | None:
        return self.measured.headline

    @property
    def is_outdated(self) -> bool:
        return self.changed > OUTDATED_SHARE

    @property
    def worst(self) -> str:
        """The group with the lowest recall, with it."""
        name = self.measured.worst_group
        return f"{name} {self.measured.groups[name]:.3f}" if name else ""

    @property
    def notes(self) -> list[str]:
        """What a user must know about the model."""
        return notes_of(self.model, self.changed)


def headline_part(rows: Sequence[Row]) -> str:
    """What the headline is measured on: held-out sites; `test` where those have too few images; else both tests."""
    held_out, known = (Counter(row.label for row in rows if row.split == split) for split in (UNSEEN, "test"))
    if sum(count >= MIN_GROUP_IMAGES for count in held_out.values()) > 1:
        return UNSEEN
    return "test" if len(known) > 1 else BOTH_TESTS


def rows_of_part(rows: Sequence[Row], part: str) -> list[Row]:
    """The rows of a test split, or all of them for BOTH_TESTS."""
    return [row for row in rows if part in (row.split, BOTH_TESTS)]


def standings(home: Path, today: Today, compared: Sequence[Model] | None = None) -> list[Standing]:
    """All models, or those in `compared`, on the common tests; the best first."""
    listed = models.listing(home) if compared is None else compared
    listed = [model.renamed(today.new_names) for model in listed]
    tests, default = today.tests, models.default_model_id(home)
    part = headline_part(tests)
    found = [
        Standing(model, part, metrics_on(model, today, part), changed_share(model, today), model.id == default)
        for model in listed
    ]
    return sorted(found, key=lambda one: (-(one.headline or 0.0), not one.is_default, one.model.id))


def metrics_on(model: Model, today: Today, part: str) -> dict[str, Metrics]:
    """Metrics on both tests and on the part of the headline. Pictures that the model learned from do not count."""
    learned = learned_by(model)
    rows = [row for row in today.tests if row.sha256 not in learned]
    answers = answers_of(model, today.version, rows)
    return {name: _measured(model, rows_of_part(rows, name), answers) for name in dict.fromkeys(("test", UNSEEN, part))}


def answers_of(model: Model, version: Version, rows: Sequence[Row]) -> dict[str, Probabilities]:
    """The probability of each label, by SHA-256. The model is asked only about pictures that it was not asked about
    before; its answers are kept beside the cached features, which an erasure removes, under the labels of its files.
    """
    stored = model.predictions(["sha256", *(f"p_{label}" for label in model.labels)])
    known: dict[str, Probabilities] = {
        row["sha256"]: {label: row[f"p_{label}"] for label in model.labels} for row in stored
    }
    home = model.path.parents[2]
    path = home / "cache" / "features" / f"answers-{model.name}-{model.version}.json"
    graph = (model.path / "model.onnx").stat().st_mtime_ns
    none: dict[str, Any] = {}
    kept = read_json(path, none)
    own = model.own_labels
    answers = kept["answers"] if kept.get("graph") == graph else {}
    known |= {sha256: {label: answer[old] for label, old in own.items()} for sha256, answer in answers.items()}
    asked = {row.sha256: model.probabilities(picture(version, row)) for row in rows if row.sha256 not in known}
    known |= asked
    if asked and os.access(home, os.W_OK):
        there = [row.sha256 for row in rows if version.pictures.has(row)]
        learned = {sha256: {old: known[sha256][label] for label, old in own.items()} for sha256 in there}
        replace_file(path, json.dumps({"graph": graph, "answers": learned}).encode())
    return {row.sha256: known[row.sha256] for row in rows}


def learned_by(model: Model) -> set[str]:
    """SHA-256 of the images that the model was trained on, or chosen by."""
    return {row["sha256"] for row in model.predictions(["sha256", "split"]) if row["split"] in LEARNED_SPLITS}


def changed_share(model: Model, today: Today) -> float:
    """Share of a model's training images whose label people changed since; 0 where its images are not known."""
    trained = [row for row in model.predictions(["sha256", "split", "label"]) if row["split"] == "train"]
    return sum(today.is_changed(row["sha256"], row["label"]) for row in trained) / max(1, len(trained))


def notes_of(model: Model, changed: float) -> list[str]:
    """What a user must know about a model. changed: share of its training images whose label people changed since."""
    notes = ["trained on images that were erased since"] if model.is_tainted else []
    if changed > OUTDATED_SHARE:
        notes.append(f"outdated: people changed the labels of {changed:.1%} of its training images")
    return notes


@dataclass(frozen=True)
class BeforeAfter:
    """The default model beside the model of its name that was trained first, on the same tests.

    default_is_reviewed: the default model was trained on labels that people have not changed since.
    """

    before: Standing
    after: Standing
    default_is_reviewed: bool


def before_and_after(settings: Settings, today: Today) -> BeforeAfter | None:
    """None while there is no default model."""
    default = models.default_model(settings.home)
    if default is None:
        return None
    first = next(model for model in models.listing(settings.home) if model.name == default.name)
    by_id = {one.model.id: one for one in standings(settings.home, today, [first, default])}
    after = by_id[default.id]
    return BeforeAfter(by_id[first.id], after, not after.is_outdated)


def _measured(model: Model, rows: Sequence[Row], answers: Mapping[str, Probabilities]) -> Metrics:
    probabilities: NDArray[np.float64] = np.array(
        [[answers[row.sha256][label] for label in model.labels] for row in rows]
    ).reshape(len(rows), len(model.labels))
    predicted = [model.labels[k] for k in probabilities.argmax(axis=1)] if rows else []
    return measure(
        [row.label for row in rows], predicted, probabilities, model.labels,
        [row.site for row in rows], [row.source_label for row in rows],
    )  # fmt: skip


def board(models: Sequence[Model]) -> list[tuple[Any, ...]]:
    """A row for each model, in the order of COLUMNS, with – where a value is unknown: on its own version's labels."""
    return [_row(model, model.metrics) for model in models]


def standing_board(standings: Sequence[Standing]) -> list[tuple[Any, ...]]:
    """The same rows on the common tests."""
    return [_row(one.model, one.metrics) for one in standings]


def _row(model: Model, metrics: Mapping[str, Metrics]) -> tuple[Any, ...]:
    """ "test" and "unseen sites" are mean recalls over groups (balanced accuracy in models of old versions), "gap" is
    their difference; the other measurements are those on unseen sites.
    """
    test, unseen = (metrics.get(split, _NO_METRICS) for split in ("test", UNSEEN))
    known, held_out = _headline(test), _headline(unseen)
    interval = unseen.headline_interval or unseen.interval
    worst = unseen.worst_group
    return (
        model.name,
        model.what,
        _text(known),
        _text(held_out),
        UNKNOWN if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        f"{worst} {unseen.groups[worst]:.3f}" if worst else UNKNOWN,
        _text(None if known is None or held_out is None else known - held_out, "+.3f"),
        _text(unseen.auc),
        _text(unseen.calibration_error),
        _text(model.costs.get("latency_ms"), ".1f"),
        _text(model.costs.get("size_mb"), ".1f"),
    )


def _headline(metrics: Metrics) -> float | None:
    return metrics.balanced_accuracy if metrics.headline is None else metrics.headline


def _text(number: float | None, form: str = ".3f") -> str:
    return UNKNOWN if number is None else format(number, form)
