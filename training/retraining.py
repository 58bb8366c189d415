"""Retraining after a version was published: decide whether it is worth it, and do it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataset.reader import Version, diff, load, newest
from foundation.errors import UnknownVersion
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.settings import Settings
from foundation.sharing.machines import share
from training.attempts.balanced import Balanced
from training.models import default_model, of_version
from training.train import TrainReport, train

CHANGED_SHARE = 0.02  # of the images, that must differ from the default model's version
MIN_CHANGED_IMAGES = 10  # in small versions
MIN_INTERVAL = timedelta(days=1)  # between two retrainings
LOG_FILE = "trainings.json"
LOG_ENTRIES = 200  # kept


def due(home: Path, version: Version, now: datetime | None = None) -> tuple[bool, str]:
    """Whether to train on a version that was just published, and the reason."""
    current = default_model(home)
    if current is None:
        return True, "there is no default model yet"
    if current.is_tainted:
        return True, f"{current.id} was trained on images that were erased later"
    last = _last(home)
    moment = now or datetime.now(UTC)
    if last is not None and moment - last < MIN_INTERVAL:
        hours = (moment - last).total_seconds() / 3600
        return False, f"trained {hours:.1f} hours ago; at most once a day"
    if current.version == version.name:
        return False, f"{current.id} was trained on it"
    changes = diff(home, current.version, version.name)
    count = len(changes.added) + len(changes.removed) + len(changes.relabelled)
    needed = max(MIN_CHANGED_IMAGES, round(CHANGED_SHARE * version.images))
    if count < needed:
        return False, f"only {count} images changed since {current.version}; retraining needs {needed}"
    return True, f"{count} images changed since {current.version}"


def note(home: Path, version: Version, why: str, now: datetime | None = None) -> None:
    """Write a retraining into the log."""
    entry = {"at": (now or datetime.now(UTC)).isoformat(timespec="seconds"), "version": version.name, "why": why}
    content = json.dumps([*_log(home), entry][-LOG_ENTRIES:], indent=1) + "\n"
    replace_file(home / "models" / LOG_FILE, content.encode())


def _last(home: Path) -> datetime | None:
    log = _log(home)
    return datetime.fromisoformat(log[-1]["at"]) if log else None


def _log(home: Path) -> list[dict[str, Any]]:
    return read_json(home / "models" / LOG_FILE, [])


def retrain(settings: Settings, version_name: str | None = None, now: datetime | None = None) -> TrainReport:
    """Train on a version, or the newest, if that is worth it; otherwise the report says why not.

    The attempt of the default model and `balanced` are trained; all attempts where there is no default model yet.
    Raises what `train` raises.
    """
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    is_due, why = due(settings.home, version, now)
    if not is_due:
        return TrainReport(version.name, of_version(settings.home, version.name), [], not_due=why)
    current = default_model(settings.home)
    names = sorted({current.name, Balanced.name}) if current else ()
    report = train(settings, version.name, names=names, now=now)
    note(settings.home, version, why, now)
    share(settings)
    return report
