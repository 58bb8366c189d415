"""Models that were trained on images that were erased: marked, and without those images in their files."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataset.project import VERSIONS_LOCK
from dataset.versions import manifest
from dataset.versions.manifest import Row
from dataset.versions.published import TAINTED, Version
from foundation.errors import DamagedVersion
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.settings import Settings
from foundation.sharing.machines import held


def taint(model: Path) -> None:
    """Mark a model as trained on erased images. model: its folder. The time of the first erasure stays."""
    path = model / TAINTED
    default: dict[str, Any] = {}
    since = read_json(path, default).get("since") or datetime.now(UTC).isoformat(timespec="seconds")
    content = {"since": since, "why": "images it was trained on were erased"}
    replace_file(path, (json.dumps(content) + "\n").encode())


def remove_predictions(path: Path, names: Collection[str]) -> None:
    """Remove images from a model's predictions.parquet. names: SHA-256s."""
    try:
        with manifest.unreadable(path):
            manifest.drop_rows(path, "sha256", set(names))
    except DamagedVersion:
        path.unlink(missing_ok=True)  # nobody can read it, and `train` writes it again


def remove_cached_features(home: Path, names: Collection[str]) -> None:
    """Remove the features of images that training keeps, and the answers of models. names: SHA-256s."""
    from networks.kept_vectors import forget_everywhere

    forget_everywhere(home / "cache" / "features", sorted(names))


def forget_erased(settings: Settings, version: Version, rows: Sequence[Row], models: Sequence[Path]) -> None:
    """Taint models whose training read a version before images were erased from it. An erasure waits meanwhile.

    rows: as training read them. models: folders of the models that it made.
    """
    home = settings.home
    with held(settings, VERSIONS_LOCK), storage_errors(home):
        there = manifest.columns(version.path / manifest.FILE_NAME, ["sha256"])
        gone = {row.sha256 for row in rows} - {sha256 for (sha256,) in there}
        if gone:
            remove_cached_features(home, gone)
            for model in models:
                remove_predictions(model / "predictions.parquet", gone)
                taint(model)
