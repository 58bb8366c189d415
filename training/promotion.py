"""Promotion: a model becomes the default model only if it beats the current one; a refusal says why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.reader import UNSEEN, Version, load, picture
from foundation.errors import StageError
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.locks import exclusive
from foundation.settings import Settings
from training import models
from training.metrics import balanced_accuracy, calibration_error, difference
from training.models import DEFAULT_MODEL_FILE, Model

LOCK = "default-model.lock"  # in library/locks
MIN_TEST_IMAGES = 20  # of both tests together; fewer prove nothing
MAX_LOSS = -0.02  # of balanced accuracy: what the lower end of the interval may reach
MIN_SUBGROUP_IMAGES = 30
MAX_SUBGROUP_LOSS = 0.03  # of a subgroup's accuracy
MAX_CALIBRATION_ERROR = 0.15
MAX_CALIBRATION_LOSS = 0.03
MAX_SLOWDOWN = 2.0  # times the latency of the current default model
MAX_COSTS = {"parity": 1e-3, "size_mb": 100.0, "latency_ms": 200.0}
MAX_SHORTCUT_LOSS = 0.05
HISTORY_LENGTH = 50  # default models that are remembered


@dataclass(frozen=True)
class Promotion:
    """model: the candidate. default_model: the default model now. refusals: why the candidate is not. notes: what
    speaks for it.
    """

    model: str
    default_model: str
    refusals: list[str]
    notes: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The result, in one line."""
        if self.refusals:
            return f"{self.model} not promoted: {self.refusals[0]}"
        return f"{self.model} is the default model" + (f" ({'; '.join(self.notes)})" if self.notes else "")

    def json_fields(self) -> dict[str, Any]:
        """Keys of `--json`, which scripts know since the first release."""
        keys = ("model", DEFAULT_MODEL_FILE.removesuffix(".json"), "refusals", "told")
        return dict(zip(keys, (self.model, self.default_model, self.refusals, self.notes), strict=True))


@dataclass(frozen=True)
class _Tests:
    """Answers on both tests of a version. rows: of predictions.parquet. truth, answers, sites: (n,)."""

    rows: Sequence[dict[str, Any]]
    truth: NDArray[np.str_]
    answers: NDArray[np.str_]
    sites: NDArray[np.str_]
    confidence: NDArray[np.float64]

    @classmethod
    def of(cls, model: Model) -> "_Tests":
        rows = [row for row in model.predictions() if row["split"] in ("test", UNSEEN)]
        truth, answers, sites = (np.array([row[key] for row in rows]) for key in ("label", "predicted", "site"))
        confidence = np.array([max(row[f"p_{label}"] for label in model.labels) for row in rows])
        return cls(rows, truth, answers, sites, confidence)


def promote(
    settings: Settings, name: str | None, *, force: bool = False, now: datetime | None = None, by: str = "hand"
) -> Promotion:
    """Make a model the default model if it passes the gates. force: even if it does not; this is recorded.

    In one step, or not at all. Raises UnknownModel.
    """
    home = settings.home
    with exclusive(home / "locks" / LOCK):
        model = models.find(home, name)
        current = models.default_model_id(home)
        if model.id == current:
            return Promotion(model.id, current, [], ["it was before"])
        refusals, notes = _gates(home, model, current)
        if refusals and not force:
            return Promotion(model.id, current, refusals)
        _record(home, model.id, by if not refusals else f"{by}, by force", now or datetime.now(UTC), refusals)
        return Promotion(model.id, model.id, [], notes)


def rollback(settings: Settings, now: datetime | None = None) -> Promotion:
    """Restore the previous default model. Raises StageError if there is none."""
    home = settings.home
    with exclusive(home / "locks" / LOCK):
        history = _state(home).get("history", [])
        current = models.default_model_id(home)
        known = {model.id for model in models.listing(home)}
        before = [entry["model"] for entry in history if entry["model"] != current and entry["model"] in known]
        if not before:
            raise StageError("no earlier default model to restore; see `isitcake models list`")
        _record(home, before[-1], "rollback", now or datetime.now(UTC), [])
        return Promotion(before[-1], before[-1], [], [f"after {current}"])


def default_model(home: Path) -> Model | None:
    """The default model; None while there is none, or if its files are gone."""
    chosen = models.default_model_id(home)
    return next((model for model in models.listing(home) if model.id == chosen), None) if chosen else None


def _record(home: Path, name: str, by: str, now: datetime, refusals: Sequence[str]) -> None:
    """Write that this is the default model from now on."""
    entry: dict[str, Any] = {"model": name, "since": now.isoformat(timespec="seconds"), "by": by}
    if refusals:
        entry["refused"] = list(refusals)
    history = [*_state(home).get("history", []), entry][-HISTORY_LENGTH:]
    content = json.dumps({**entry, "history": history}, indent=1) + "\n"
    replace_file(home / "models" / DEFAULT_MODEL_FILE, content.encode())


def _state(home: Path) -> dict[str, Any]:
    return read_json(home / "models" / DEFAULT_MODEL_FILE, dict[str, Any]())


def _gates(home: Path, model: Model, current: str) -> tuple[list[str], list[str]]:
    """Refusals, and what speaks for the model."""
    tests = _Tests.of(model)
    refusals = _refusals_alone(model, tests)
    if refusals:
        return refusals, []
    before = next((known for known in models.listing(home) if known.id == current), None)
    if before is None:
        return [], ["the first"]
    if before.is_tainted:
        return [], [f"{before.id} is tainted by an erasure"]
    return _refusals_against(model, before, tests, load(home, model.version))


def _refusals_alone(model: Model, tests: _Tests) -> list[str]:
    """What every default model must pass."""
    labels = len(np.unique(tests.truth))
    if len(tests.rows) < MIN_TEST_IMAGES or labels < 2:
        count = f"both tests together have {len(tests.rows)} images" + ("" if labels > 1 else " of one label")
        return [f"{count}; at least {MIN_TEST_IMAGES} of two labels are needed, collect more"]
    refusals = []
    accuracy = balanced_accuracy(tests.truth, tests.answers) or 0.0
    chance = 1 / len(model.labels)
    if accuracy <= chance:
        refusals.append(f"balanced accuracy {accuracy:.3f} is no better than chance, {chance:.2f}")
    error = calibration_error(tests.answers == tests.truth, tests.confidence)
    if error > MAX_CALIBRATION_ERROR:
        refusals.append(f"calibration error {error:.3f} is over {MAX_CALIBRATION_ERROR}: it is surer than it is right")
    for cost, limit in MAX_COSTS.items():
        if (value := model.costs.get(cost, 0.0)) > limit:
            refusals.append(f"{cost} {value:g} is over {limit:g}")
    return refusals


def _refusals_against(model: Model, before: Model, tests: _Tests, version: Version) -> tuple[list[str], list[str]]:
    """What a model must pass against the current default, both on the tests of the new model's version."""
    truth, answers = tests.truth, tests.answers
    known = {row.sha256: row for row in version.rows()}
    probabilities = [before.probabilities(picture(version, known[row["sha256"]])) for row in tests.rows]
    old = np.array([max(each, key=lambda name: each[name]) for each in probabilities])
    refusals = []
    change, low, high = difference(truth, old, answers, tests.sites)
    comparison = f"balanced accuracy {change:+.3f} against {before.id}, 90 % interval {low:+.3f} to {high:+.3f}"
    if change < 0 or low < MAX_LOSS:
        refusals.append(f"{comparison}: not better")
    for name, rows in _subgroups(tests.rows).items():
        gain = (answers[rows] == truth[rows]).mean() - (old[rows] == truth[rows]).mean()
        if len(rows) >= MIN_SUBGROUP_IMAGES and gain < -MAX_SUBGROUP_LOSS:
            refusals.append(f"{name} loses {-gain:.1%} of {len(rows)} images")
    old_error = calibration_error(old == truth, np.array([max(each.values()) for each in probabilities]))
    new_error = calibration_error(answers == truth, tests.confidence)
    if new_error > old_error + MAX_CALIBRATION_LOSS:
        refusals.append(f"calibration error {new_error:.3f} after {old_error:.3f}")
    return [*refusals, *_costs_refused(model, before)], [comparison]


def _costs_refused(model: Model, before: Model) -> list[str]:
    """Where a model is much slower than the current default, or leans more on what sources claim."""
    refusals = []
    if model.costs.get("latency_ms", 0) > MAX_SLOWDOWN * before.costs.get("latency_ms", float("inf")):
        refusals.append(f"{model.costs['latency_ms']:g} ms a picture after {before.costs['latency_ms']:g}")
    if model.costs.get("shortcut", 0) > before.costs.get("shortcut", 1.0) + MAX_SHORTCUT_LOSS:
        moved, moved_before = model.costs["shortcut"], before.costs["shortcut"]
        refusals.append(
            f"a source's claim moves its accuracy by {moved:.3f}, that of {before.id} by {moved_before:.3f}"
        )
    return refusals


def _subgroups(rows: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    """Numbers of the rows of each label, site, and claim with its truth."""
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for name in (
            f"label {row['label']}",
            f"site {row['site']}",
            f"source says {row['source_label']}, is {row['label']}",
        ):
            groups.setdefault(name, []).append(number)
    return groups
