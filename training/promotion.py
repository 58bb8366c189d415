"""Promotion: make a model the default model, if it passes the gates and beats the current default model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.reader import Row, Today, todays_labels
from foundation.errors import StageError
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.settings import Settings
from foundation.sharing.machines import held
from training import models
from training.comparison import OUTDATED_SHARE, answers_of, changed_share, headline_part, learned_by, rows_of_part
from training.metrics import calibration_error, difference, measure
from training.models import DEFAULT_MODEL_FILE, Model

LOCK = "promotion"
HISTORY_ENTRIES = 50  # earlier default models that the file keeps

# Every model must pass these gates.
MIN_TEST_IMAGES = 20  # of both test splits together
MAX_CALIBRATION_ERROR = 0.15
MAX_LATENCY_MS = 200.0
MAX_SIZE_MB = 100.0
MAX_PARITY = 1e-3  # difference of a probability between the exported graph and the training code

# A model that replaces another must pass these gates too.
MIN_INTERVAL_LOW = -0.02  # low end of the interval of the gain in the headline
MIN_PART_IMAGES = 30  # smaller parts of the tests are not compared
MAX_PART_LOSS = 0.03  # accuracy on one part of the tests
MAX_CALIBRATION_LOSS = 0.03
MAX_SLOWDOWN = 2.5  # new latency / old latency; `balanced` asks its network twice
MAX_SHORTCUT_LOSS = 0.05


@dataclass(frozen=True)
class Promotion:
    """model: the one that was proposed. default_model: the id of the default model now. refusals: the gates that
    `model` failed. reasons: why it was promoted. "json" names the keys of `--json` output.
    """

    model: str
    default_model: str = field(metadata={"json": "champion"})
    refusals: list[str]
    reasons: list[str] = field(default_factory=list, metadata={"json": "told"})

    def line(self) -> str:
        """The outcome in one line."""
        if self.refusals:
            return f"{self.model} not promoted: {self.refusals[0]}"
        return f"{self.model} is the default model" + (f" ({'; '.join(self.reasons)})" if self.reasons else "")


@dataclass(frozen=True)
class _Answers:
    """Answers of one model to n test images. predicted: labels, (n,). confidence: their probabilities, (n,)."""

    model: Model
    predicted: NDArray[np.str_]
    confidence: NDArray[np.float64]

    def calibration_error(self, truth: NDArray[np.str_]) -> float:
        return calibration_error(self.predicted == truth, self.confidence)


@dataclass(frozen=True)
class _Tests:
    """The test images that models are compared on, with today's labels. is_headline: those of the headline, (n,)."""

    rows: list[Row]
    part: str

    @property
    def truth(self) -> NDArray[np.str_]:
        return np.array([row.label for row in self.rows])

    @property
    def is_headline(self) -> NDArray[np.bool_]:
        chosen = {row.sha256 for row in rows_of_part(self.rows, self.part)}
        return np.array([row.sha256 in chosen for row in self.rows])

    def column(self, name: str) -> NDArray[np.str_]:
        return np.array([getattr(row, name) for row in self.rows])


def promote(
    settings: Settings, name: str | None, *, force: bool = False, now: datetime | None = None, by: str = "hand"
) -> Promotion:
    """Make a model the default model if it passes the gates; with `force`, also if it fails them.

    by: who asked, for the record. Raises UnknownModel.
    """
    home = settings.home
    with held(settings, LOCK):
        model = models.find(home, name)
        current_id = models.default_model_id(home)
        if model.id == current_id:
            return Promotion(model.id, current_id, [], ["it already was"])
        refusals, reasons = _gates(settings, model)
        if refusals and not force:
            return Promotion(model.id, current_id, refusals)
        _record(home, model.id, by if not refusals else f"{by}, by force", now or datetime.now(UTC), refusals)
        return Promotion(model.id, model.id, [], reasons)


def rollback(settings: Settings, now: datetime | None = None) -> Promotion:
    """Make the previous default model the default model again. Raises StageError where there is none."""
    home = settings.home
    with held(settings, LOCK):
        current_id = models.default_model_id(home)
        existing = {model.id for model in models.listing(home)}
        history = _state(home).get("history", [])
        earlier = [entry["model"] for entry in history if entry["model"] != current_id and entry["model"] in existing]
        if not earlier:
            raise StageError("there is no earlier default model to go back to; see `isitcake models list`")
        _record(home, earlier[-1], "rollback", now or datetime.now(UTC), [])
        return Promotion(earlier[-1], earlier[-1], [], [f"after {current_id}"])


def move_default(home: Path, old: str, new: str) -> None:
    """Let the default model be called `new` if it is called `old`: it was fitted anew under another name."""
    if models.default_model_id(home) == old:
        _record(home, new, "refit", datetime.now(UTC), [])


def _record(home: Path, model_id: str, by: str, now: datetime, refused: Sequence[str]) -> None:
    entry: dict[str, Any] = {"model": model_id, "since": now.isoformat(timespec="seconds"), "by": by}
    if refused:
        entry["refused"] = list(refused)
    history = [*_state(home).get("history", []), entry][-HISTORY_ENTRIES:]
    content = json.dumps({**entry, "history": history}, indent=1) + "\n"
    replace_file(home / "models" / DEFAULT_MODEL_FILE, content.encode())


def _state(home: Path) -> dict[str, Any]:
    return read_json(home / "models" / DEFAULT_MODEL_FILE, {})


def _gates(settings: Settings, model: Model) -> tuple[list[str], list[str]]:
    """The gates that a model fails, and the reasons to promote it. Tests: of the newest version, as decided now."""
    today = todays_labels(settings)
    if today is None:
        return ["no version is published to compare models on; run `isitcake publish`"], []
    model, current = model.renamed(today.new_names), models.default_model(settings.home)
    current = current and current.renamed(today.new_names)
    learned = learned_by(model) | (learned_by(current) if current else set())
    tests = _Tests([row for row in today.tests if row.sha256 not in learned], headline_part(today.tests))
    new = _ask(model, today, tests)
    if refusals := _own_gates(new, tests):
        return refusals, []
    if current is None:
        return [], ["the first"]
    if current.is_tainted:
        return [], [f"{current.id} was trained on images that were erased"]
    old = _ask(current, today, tests)
    changed = changed_share(current, today)
    if changed > OUTDATED_SHARE:
        return _against_outdated(new, old, tests, changed)
    return _comparing_gates(new, old, tests)


def _ask(model: Model, today: Today, tests: _Tests) -> _Answers:
    """Answers of a model to the test images."""
    answers = list(answers_of(model, today.version, tests.rows).values())
    predicted = np.array([max(answer, key=lambda label: answer[label]) for answer in answers])
    return _Answers(model, predicted, np.array([max(answer.values()) for answer in answers]))


def _own_gates(new: _Answers, tests: _Tests) -> list[str]:
    """The gates that a model fails without a comparison."""
    truth = tests.truth
    if len(truth) < MIN_TEST_IMAGES or len(np.unique(truth)) < 2:
        count = f"{len(truth)} images" + ("" if len(np.unique(truth)) > 1 else " of one label")
        return [
            f"both tests together have {count}; a comparison needs {MIN_TEST_IMAGES} images of two labels: collect more"
        ]
    refusals = []
    used, claims = tests.is_headline, tests.column("source_label")
    measured = measure(truth[used].tolist(), new.predicted[used].tolist(), claims=claims[used].tolist())
    scored, chance = measured.headline or 0.0, 1 / len(new.model.labels)
    if scored <= chance:
        refusals.append(f"mean recall over groups {scored:.3f} is no better than chance, {chance:.2f}")
    error = new.calibration_error(truth)
    if error > MAX_CALIBRATION_ERROR:
        refusals.append(f"calibration error {error:.3f} is over {MAX_CALIBRATION_ERROR}")
    for cost, limit in (("parity", MAX_PARITY), ("size_mb", MAX_SIZE_MB), ("latency_ms", MAX_LATENCY_MS)):
        if (value := new.model.costs.get(cost, 0.0)) > limit:
            refusals.append(f"{cost} {value:g} is over {limit:g}")
    return refusals


def _against_outdated(new: _Answers, old: _Answers, tests: _Tests, changed: float) -> tuple[list[str], list[str]]:
    """The gate against a default model that learned labels which people changed: not significantly worse than it.

    What the new model does worse is said, and does not stop it: the old model has no label to stand on.
    """
    refusals, (gain,) = _comparing_gates(new, old, tests)
    _, _, high = _difference(new, old, tests)
    if high < 0:
        return [f"{gain}: significantly worse"], []
    reasons = [f"{old.model.id} is outdated: people changed the labels of {changed:.1%} of its training images", gain]
    return [], [*reasons, *(f"worse: {why}" for why in refusals if not why.startswith(gain))]


def _difference(new: _Answers, old: _Answers, tests: _Tests) -> tuple[float, float, float]:
    """Headline of `new` minus that of `old`, and the ends of its 90 % interval over sites."""
    used, claims = tests.is_headline, tests.column("source_label")
    return difference(
        tests.truth[used], old.predicted[used], new.predicted[used], tests.column("site")[used], claims[used].tolist()
    )


def _comparing_gates(new: _Answers, old: _Answers, tests: _Tests) -> tuple[list[str], list[str]]:
    """The gates that a model fails against the default model, and the reasons to promote it."""
    truth = tests.truth
    refusals = []
    change, low, high = _difference(new, old, tests)
    gain = (
        f"mean recall over groups of {tests.part} {change:+.3f} against {old.model.id}, "
        f"90 % interval {low:+.3f} to {high:+.3f}"
    )
    if change < 0 or low < MIN_INTERVAL_LOW:
        refusals.append(f"{gain}: not better")
    for name, part in _parts(tests.rows).items():
        part_gain = (new.predicted[part] == truth[part]).mean() - (old.predicted[part] == truth[part]).mean()
        if len(part) >= MIN_PART_IMAGES and part_gain < -MAX_PART_LOSS:
            refusals.append(f"{name} loses {-part_gain:.1%} of {len(part)} images")
    old_error, new_error = old.calibration_error(truth), new.calibration_error(truth)
    if new_error > old_error + MAX_CALIBRATION_LOSS:
        refusals.append(f"calibration error {new_error:.3f}, before {old_error:.3f}")
    return [*refusals, *_cost_gates(new.model, old.model)], [gain]


def _cost_gates(new: Model, old: Model) -> list[str]:
    refusals = []
    if new.costs.get("latency_ms", 0) > MAX_SLOWDOWN * old.costs.get("latency_ms", float("inf")):
        refusals.append(f"{new.costs['latency_ms']:g} ms a picture, before {old.costs['latency_ms']:g} ms")
    if new.costs.get("shortcut", 0) > old.costs.get("shortcut", 1.0) + MAX_SHORTCUT_LOSS:
        refusals.append(
            f"within one label, the source label changes its accuracy by {new.costs['shortcut']:.3f}; that of {old.id} "
            f"by {old.costs['shortcut']:.3f}"
        )
    return refusals


def _parts(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Row numbers of each label, each site, and each pair of source label and label."""
    parts: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in (f"label {row.label}", f"site {row.site}", f"source says {row.source_label}, is {row.label}"):
            parts.setdefault(name, []).append(number)
    return parts
