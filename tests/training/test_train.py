"""A published version becomes models. (The attempts themselves: tests/training/attempts.)"""

import shutil
from pathlib import Path

import pytest
from projects import SMALL_SHARDS
from sqlalchemy import delete

from dataset.catalog.tables import sightings
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import newest
from foundation.errors import StageError, StorageError, TrainingError, UnknownVersion, UsageError
from training import models
from training.train import train

QUICK = ("linear", "svm")


def model_files(project: Project) -> dict[str, bytes]:
    return {model.name: (model.path / "model.onnx").read_bytes() for model in models.listing(project.home)}


def test_what_is_trained_is_not_trained_again(trained: Project) -> None:
    """The report names all models and no new one; `svm` is proposed, also where it is asked for by its former name."""
    before = model_files(trained)
    for names in (QUICK, ["best"]):
        report = train(trained.settings, names=names)
        assert report.new == []
        assert report.best.name == "svm"
        assert report.line().startswith(
            f"{report.version}: no new model; proposed for promotion: svm (mean recall over groups"
        )
    assert model_files(trained) == before


def test_a_training_that_fails_continues(bakery: Project) -> None:
    """Finished models and frozen features are kept, an unfinished model does not exist, and the next run completes."""
    obstacle = bakery.home / "models" / "svm"
    obstacle.parent.mkdir()
    obstacle.write_text("a file where a folder should be")
    with pytest.raises(StorageError):
        train(bakery.settings, names=QUICK)
    assert [model.name for model in models.listing(bakery.home)] == ["linear"]
    obstacle.unlink()
    (cached,) = (bakery.home / "cache" / "features").glob("*/names")
    stamp = cached.stat().st_mtime_ns
    assert train(bakery.settings, names=QUICK).new == ["svm"]
    assert cached.stat().st_mtime_ns == stamp


def test_a_version_in_shards_gives_the_same_models(trained: Project) -> None:
    """Byte for byte, but for the version that they name, from pictures that are read out of the shards."""
    folder_version, before = newest(trained.home), model_files(trained)
    for folder in ("models", "cache"):
        shutil.rmtree(trained.home / folder)
    with (trained.settings.config_path).open("a") as file:
        file.write('[publish]\nlayout = "shards"\n')
    project = open_project(trained.settings.config_path)
    publish(project, blocks=SMALL_SHARDS)
    version = newest(project.home)
    assert version is not None
    assert folder_version is not None
    assert train(project.settings, names=QUICK).version == version.name != folder_version.name
    named = [(version.id.encode(), folder_version.id.encode()), (version.name.encode(), folder_version.name.encode())]
    made = model_files(project)
    for new, old in named:
        made = {name: content.replace(new, old) for name, content in made.items()}
    assert made == before
    project.close()


def test_the_same_version_gives_the_same_model(trained: Project) -> None:
    """Byte for byte."""
    before = model_files(trained)
    shutil.rmtree(trained.home / "models")
    train(trained.settings, names=QUICK)
    assert model_files(trained) == before


def test_requests_that_cannot_be_trained(collected: Project, tmp_path: Path) -> None:
    """Nothing published, an unknown attempt, missing or damaged weights, a missing tracker: each is one sentence."""
    with pytest.raises(UnknownVersion, match="isitcake publish"):
        train(collected.settings)
    publish(collected)
    with pytest.raises(UsageError, match=r"no attempt 'magic'; there are mobilenet-zero-shot, "):
        train(collected.settings, names=["magic"])
    with pytest.raises(TrainingError, match="coco-zero-shot cannot be trained: needs a COCO detector's weights"):
        train(collected.settings, names=["coco-zero-shot"])
    (tmp_path / "mobilenet_v2_1.0_224.onnx").write_bytes(b"half a file")
    section = collected.settings.models.model_copy(update={"network": "mobilenet_v2", "folder": str(tmp_path)})
    with pytest.raises(StorageError, match="is not a usable ONNX file"):
        train(collected.settings.model_copy(update={"models": section}), names=["linear"])
    section = collected.settings.models.model_copy(update={"tracking": str(tmp_path / "runs")})
    with pytest.raises(TrainingError, match="MLflow is not installed"):
        train(collected.settings.model_copy(update={"models": section}), names=["linear"])


def test_a_version_that_was_changed(bakery: Project) -> None:
    """A version that does not verify is not trained on."""
    version = newest(bakery.home)
    assert version is not None
    path = version.path / version.rows()[0].file
    path.unlink()
    path.write_bytes(b"something else")
    with pytest.raises(StageError, match=version.name):
        train(bakery.settings, names=["linear"])


def test_a_version_with_one_label(collected: Project) -> None:
    """The message says which images to collect."""
    with collected.catalog.write() as connection:
        connection.execute(delete(sightings).where(sightings.c.source == "objects"))
    curate(collected)
    publish(collected)
    with pytest.raises(TrainingError, match="has only cake to train on; collect images that are not_cake first"):
        train(collected.settings)


def test_test_reads_are_counted(bakery: Project) -> None:
    """The card says how often the tests of this version were read."""
    for number, name in enumerate(QUICK, 1):
        report = train(bakery.settings, names=[name])
        model = models.find(bakery.home, f"{name}/{report.version}")
        assert f"Both were read {number} times" in (model.path / "card.md").read_text(encoding="utf-8")
