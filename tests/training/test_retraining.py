"""Training after a version was published, only where it is worth it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import Version
from foundation.errors import UnknownVersion
from training import models
from training.retraining import due, note, retrain
from training.train import train

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_due_without_a_default_model(trained: Project, version: Version) -> None:
    """A version is always worth a training where there is no default model yet."""
    (trained.home / "models" / models.DEFAULT_MODEL_FILE).unlink()
    assert due(trained.home, version) == (True, "there is no default model yet")


def test_nothing_is_published(collected: Project) -> None:
    """The message says what to do first."""
    with pytest.raises(UnknownVersion, match="isitcake publish"):
        retrain(collected.settings)


def test_due_after_enough_changes(
    trained: Project,
    version: Version,
    publish_answers: Callable[[Mapping[str, str]], Version],
    publish_wrong_labels: Callable[[int], Version],
) -> None:
    """One changed image is too few; the labels of a whole baker are enough."""
    default_id = models.default_model_id(trained.home)
    assert due(trained.home, version, NOW) == (False, f"{default_id} was trained on it")
    newer = publish_answers({version.rows()[0].sha256: "unusable"})
    assert due(trained.home, newer, NOW) == (
        False,
        f"only 1 images changed since {version.name}; retraining needs 10",
    )
    is_due, why = due(trained.home, publish_wrong_labels(1), NOW)
    assert is_due
    assert why.endswith(f" images changed since {version.name}")


def test_at_most_once_a_day(trained: Project, publish_wrong_labels: Callable[[int], Version]) -> None:
    """A retraining that was due is logged, and the next one is not due before a day has passed."""
    newer = publish_wrong_labels(1)
    assert retrain(trained.settings, newer.name, NOW).new == ["svm", "balanced"]
    report = retrain(trained.settings, newer.name, NOW + timedelta(hours=3))
    assert report.new == []
    assert report.line() == f"not trained on {newer.name}: trained 3.0 hours ago; at most once a day"


def test_a_damaged_log_counts_as_empty(trained: Project, version: Version) -> None:
    """Half a file does not stop retraining."""
    note(trained.home, version, "a test", NOW)
    (trained.home / "models" / "trainings.json").write_text("half a fi")
    assert due(trained.home, version, NOW)[1].endswith("was trained on it")


def test_a_default_model_of_the_former_name(trained: Project, publish_wrong_labels: Callable[[int], Version]) -> None:
    """A project whose default model is best/… is retrained with `svm`."""
    svm = models.find(trained.home, "svm")
    svm.path.parent.rename(trained.home / "models" / "best")
    for path in (
        trained.home / "models" / "best" / svm.version / "metrics.json",
        trained.home / "models" / "champion.json",
    ):
        path.write_text(path.read_text().replace('"svm', '"best'))
    newer = publish_wrong_labels(1)
    assert retrain(trained.settings, newer.name, NOW).new == ["svm", "balanced"]


def files_with(folder: Path, sha256: str) -> list[str]:
    """Files that contain a SHA-256, as UTF-8 or as NumPy stores text; without the database's own files."""
    needles = sha256.encode(), sha256.encode("utf-32-le")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("catalog.db")]
    return [str(path.relative_to(folder)) for path in files if any(n in path.read_bytes() for n in needles)]


def test_due_after_an_erasure(trained: Project, version: Version) -> None:
    """An erased training image leaves no file, taints the default model, and makes a training due at any time."""
    note(trained.home, version, "a test", NOW)
    erased = next(row for row in version.rows() if row.split == "train")
    erase(trained, Selection(Kind.SHA256, erased.sha256), "asked")
    assert due(trained.home, version, NOW)[0]
    assert files_with(trained.home, erased.sha256) == []
    default = models.default_model(trained.home)
    assert default is not None
    assert default.is_tainted
    published = publish(trained)
    report = train(trained.settings, published.version, names=["svm"])
    assert np.isfinite(models.score(report.best))
