"""Whether a new version is worth a training that nobody asked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dataset.reader import Version, diff, load, newest
from foundation.errors import UnknownVersion
from foundation.files import replace_file
from foundation.settings import Settings
from training.attempts.best import Best
from training.models import of_version
from training.promotion import champion_of
from training.train import TrainReport, train

SHARE = 0.02  # of the champion's version that must have changed
AT_LEAST = 10  # images, whatever the share
EVERY = timedelta(days=1)
LOG = "trainings.json"
KEPT = 200


def due(home: Path, version: Version, now: datetime | None = None) -> tuple[bool, str]:
    """Whether to train on a version that was just published, and why, or why not."""
    champion = champion_of(home)
    if champion is None:
        return True, "there is no champion yet"
    if champion.is_tainted:
        return True, f"{champion.id} was trained on images that were erased since"
    last = _last(home)
    moment = now or datetime.now(UTC)
    if last is not None and moment - last < EVERY:
        hours = (moment - last).total_seconds() / 3600
        return False, f"trained {hours:.1f} hours ago; at most once a day"
    if champion.version == version.name:
        return False, f"{champion.id} was trained on it"
    changes = diff(home, champion.version, version.name)
    count = len(changes.added) + len(changes.removed) + len(changes.relabelled)
    needed = max(AT_LEAST, round(SHARE * version.images))
    if count < needed:
        return False, f"{count} images changed since {champion.version}; {needed} are worth a training"
    return True, f"{count} images changed since {champion.version}"


def note(home: Path, version: Version, why: str, now: datetime | None = None) -> None:
    """Remember a training that was not asked for by hand."""
    entry = {"at": (now or datetime.now(UTC)).isoformat(timespec="seconds"), "version": version.name, "why": why}
    content = json.dumps([*_log(home), entry][-KEPT:], indent=1) + "\n"
    replace_file(home / "models" / LOG, content.encode())


def _last(home: Path) -> datetime | None:
    log = _log(home)
    return datetime.fromisoformat(log[-1]["at"]) if log else None


def _log(home: Path) -> list[dict[str, str]]:
    try:
        found = json.loads((home / "models" / LOG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []


def retrain(settings: Settings, version_name: str | None = None, now: datetime | None = None) -> TrainReport:
    """Train on a version that was just published, the newest where none is named, if that is worth it; else the report
    says why not. Raises what `train` raises.
    """
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    is_due, why = due(settings.home, version, now)
    if not is_due:
        return TrainReport(version.name, of_version(settings.home, version.name), [], not_due=why)
    champion = champion_of(settings.home)
    names = sorted({champion.name, Best.name}) if champion else ()  # the others are for comparison, by hand
    report = train(settings, version.name, names=names, now=now)
    note(settings.home, version, why, now)
    return report
