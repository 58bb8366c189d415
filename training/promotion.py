"""Which model is asked where none is named: the champion. It gives way only to one that is better, and says why not."""

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
from foundation.locks import exclusive
from foundation.settings import Settings
from training import models
from training.metrics import balanced_accuracy, calibration_error, difference
from training.models import CHAMPION, Model

TESTED_FROM = 20  # images of both tests together, under which nothing can be told
LOSS = -0.02  # of balanced accuracy, that the interval's lower end may show
SLICE_FROM = 30  # images
SLICE_LOSS = 0.03  # of a slice's accuracy
CALIBRATION = 0.15  # error that is too much for a first champion
CALIBRATION_LOSS = 0.03
SLOWER = 2.0  # times
LATENCY_MS = 200.0
SIZE_MB = 100.0
PARITY = 1e-3
SHORTCUT_LOSS = 0.05
KEPT = 50  # champions remembered


@dataclass(frozen=True)
class Promotion:
    """model: who was put up. champion: who is champion now. refusals: why the one put up is not."""

    model: str
    champion: str
    refusals: list[str]
    told: list[str] = field(default_factory=list)

    def line(self) -> str:
        """What happened, in one line."""
        if self.refusals:
            return f"{self.model} not promoted: {self.refusals[0]}"
        return f"{self.model} is champion" + (f" ({'; '.join(self.told)})" if self.told else "")


def promote(
    settings: Settings, name: str | None, *, force: bool = False, now: datetime | None = None, by: str = "hand"
) -> Promotion:
    """Make a model the champion if it passes the gates; force: whatever they say. In one step, or not at all.

    Raises UnknownModel.
    """
    home = settings.home
    with exclusive(home / "locks" / "champion.lock"):
        model = models.find(home, name)
        champion = models.champion_id(home)
        if model.id == champion:
            return Promotion(model.id, champion, [], ["it was before"])
        refusals, told = _gates(home, model, champion)
        if refusals and not force:
            return Promotion(model.id, champion, refusals)
        _crown(home, model.id, by if not refusals else f"{by}, by force", now or datetime.now(UTC), refusals)
        return Promotion(model.id, model.id, [], told)


def rollback(settings: Settings, now: datetime | None = None) -> Promotion:
    """The champion before this one is champion again. Raises StageError where there is none."""
    home = settings.home
    with exclusive(home / "locks" / "champion.lock"):
        history = _state(home).get("history", [])
        current = models.champion_id(home)
        known = {model.id for model in models.listing(home)}
        before = [entry["model"] for entry in history if entry["model"] != current and entry["model"] in known]
        if not before:
            raise StageError("no earlier champion to go back to; see `isitcake models list`")
        _crown(home, before[-1], "rollback", now or datetime.now(UTC), [])
        return Promotion(before[-1], before[-1], [], [f"after {current}"])


def champion_of(home: Path) -> Model | None:
    """The champion; None while there is none, or where its files are gone."""
    chosen = models.champion_id(home)
    return next((model for model in models.listing(home) if model.id == chosen), None) if chosen else None


def _crown(home: Path, name: str, by: str, now: datetime, refused: Sequence[str]) -> None:
    entry: dict[str, Any] = {"model": name, "since": now.isoformat(timespec="seconds"), "by": by}
    if refused:
        entry["refused"] = list(refused)
    history = [*_state(home).get("history", []), entry][-KEPT:]
    content = json.dumps({**entry, "history": history}, indent=1) + "\n"
    replace_file(home / "models" / CHAMPION, content.encode())


def _state(home: Path) -> dict[str, Any]:
    try:
        found = json.loads((home / "models" / CHAMPION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _gates(home: Path, model: Model, champion: str) -> tuple[list[str], list[str]]:
    """Why not, and what speaks for it."""
    rows = [row for row in model.predictions() if row["split"] in ("test", UNSEEN)]
    refusals = _alone(model, rows)
    if refusals:
        return refusals, []
    before = next((known for known in models.listing(home) if known.id == champion), None)
    if before is None:
        return [], ["the first"]
    if before.is_tainted:
        return [], [f"{before.id} is tainted by an erasure"]
    return _against(model, before, rows, load(home, model.version))


def _alone(model: Model, rows: Sequence[dict[str, Any]]) -> list[str]:
    """What is asked of any champion."""
    refusals = []
    truth = np.array([row["label"] for row in rows])
    if len(rows) < TESTED_FROM or len(np.unique(truth)) < 2:
        told = f"both tests together have {len(rows)} images" + ("" if len(np.unique(truth)) > 1 else " of one label")
        return [f"{told}, and fewer than {TESTED_FROM} of two labels tell nothing; collect more"]
    said = np.array([row["predicted"] for row in rows])
    scored = balanced_accuracy(truth, said) or 0.0
    chance = 1 / len(model.labels)
    if scored <= chance:
        refusals.append(f"balanced accuracy {scored:.3f} is no better than chance, {chance:.2f}")
    error = calibration_error(said == truth, _confidence(model, rows))
    if error > CALIBRATION:
        refusals.append(f"calibration error {error:.3f} is over {CALIBRATION}: it is surer than it is right")
    for what, limit in (("parity", PARITY), ("size_mb", SIZE_MB), ("latency_ms", LATENCY_MS)):
        if (found := model.costs.get(what, 0.0)) > limit:
            refusals.append(f"{what} {found:g} is over {limit:g}")
    return refusals


def _against(
    model: Model, before: Model, rows: Sequence[dict[str, Any]], version: Version
) -> tuple[list[str], list[str]]:
    """What is asked against the champion, both on the tests of the new one's version."""
    truth, sites = (np.array([row[key] for row in rows]) for key in ("label", "site"))
    said = np.array([row["predicted"] for row in rows])
    known = {row.sha256: row for row in version.rows()}
    asked = [before.probabilities(picture(version, known[row["sha256"]])) for row in rows]
    had = np.array([max(found, key=lambda name: found[name]) for found in asked])
    refusals = []
    change, low, high = difference(truth, had, said, sites)
    told = f"balanced accuracy {change:+.3f} against {before.id}, 90 % interval {low:+.3f} to {high:+.3f}"
    if change < 0 or low < LOSS:
        refusals.append(f"{told}: not better")
    for name, there in _slices(rows).items():
        gain = (said[there] == truth[there]).mean() - (had[there] == truth[there]).mean()
        if len(there) >= SLICE_FROM and gain < -SLICE_LOSS:
            refusals.append(f"{name} loses {-gain:.1%} of {len(there)} images")
    errors = [
        calibration_error(had == truth, np.array([max(found.values()) for found in asked])),
        calibration_error(said == truth, _confidence(model, rows)),
    ]
    if errors[1] > errors[0] + CALIBRATION_LOSS:
        refusals.append(f"calibration error {errors[1]:.3f} after {errors[0]:.3f}")
    if model.costs.get("latency_ms", 0) > SLOWER * before.costs.get("latency_ms", float("inf")):
        refusals.append(f"{model.costs['latency_ms']:g} ms a picture after {before.costs['latency_ms']:g}")
    if model.costs.get("shortcut", 0) > before.costs.get("shortcut", 1.0) + SHORTCUT_LOSS:
        refusals.append(f"what a source claims moves it by {model.costs['shortcut']:.3f}, {before.id} by "
                        f"{before.costs['shortcut']:.3f}")  # fmt: skip
    return refusals, [told]


def _slices(rows: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        for name in (
            f"label {row['label']}",
            f"site {row['site']}",
            f"source says {row['source_label']}, is {row['label']}",
        ):
            groups.setdefault(name, []).append(place)
    return groups


def _confidence(model: Model, rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    return np.array([max(row[f"p_{label}"] for label in model.labels) for row in rows])
