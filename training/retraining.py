"""Decide whether a new version is worth a training that nobody asked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dataset.reader import Version, diff, load, newest
from foundation.errors import UnknownVersion
from foundation.files import replace_file
from foundation.json_files import read_json
from foundation.settings import Settings
from training.models import of_version
from training.promotion import default_model
from training.train import PROMOTED, TrainReport, train

MIN_CHANGED_SHARE = 0.02  # of the images of the default model's version
MIN_CHANGED_IMAGES = 10  # whatever the share
MIN_INTERVAL = timedelta(days=1)
LOG = "trainings.json"
LOG_LENGTH = 200


def due(home: Path, version: Version, now: datetime | None = None) -> tuple[bool, str]:
    """Whether to train on a version that was just published, and the reason."""
    default = default_model(home)
    if default is None:
        return True, "there is no default model yet"
    if default.is_tainted:
        return True, f"{default.id} was trained on images that were erased since"
    last = _last(home)
    moment = now or datetime.now(UTC)
    if last is not None and moment - last < MIN_INTERVAL:
        hours = (moment - last).total_seconds() / 3600
        return False, f"trained {hours:.1f} hours ago; at most once a day"
    if default.version == version.name:
        return False, f"{default.id} was trained on it"
    changes = diff(home, default.version, version.name)
    count = len(changes.added) + len(changes.removed) + len(changes.relabelled)
    needed = max(MIN_CHANGED_IMAGES, round(MIN_CHANGED_SHARE * version.images))
    if count < needed:
        return False, f"{count} images changed since {default.version}; {needed} are worth a training"
    return True, f"{count} images changed since {default.version}"


def note(home: Path, version: Version, why: str, now: datetime | None = None) -> None:
    """Remember a training that nobody asked for by hand."""
    entry = {"at": (now or datetime.now(UTC)).isoformat(timespec="seconds"), "version": version.name, "why": why}
    content = json.dumps([*_log(home), entry][-LOG_LENGTH:], indent=1) + "\n"
    replace_file(home / "models" / LOG, content.encode())


def retrain(settings: Settings, version_name: str | None = None, now: datetime | None = None) -> TrainReport:
    """Train on a version that was just published, the newest by default, if that is worth it; else the report says why
    not. Raises what `train` raises.
    """
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    is_due, why = due(settings.home, version, now)
    if not is_due:
        return TrainReport(version.name, of_version(settings.home, version.name), [], not_due=why)
    default = default_model(settings.home)
    names = sorted({default.name, PROMOTED}) if default else ()  # the others are for comparison, by hand
    report = train(settings, version.name, names=names, now=now)
    note(settings.home, version, why, now)
    return report


def _last(home: Path) -> datetime | None:
    log = _log(home)
    return datetime.fromisoformat(log[-1]["at"]) if log else None


def _log(home: Path) -> list[dict[str, str]]:
    return read_json(home / "models" / LOG, list[dict[str, str]]())
