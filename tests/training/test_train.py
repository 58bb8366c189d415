"""A published version into a model that others can run."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from dataset.project import Project
from dataset.publish import publish
from dataset.reader import decode
from isitcake.errors import TrainingError, UnknownModel, UnknownVersion, UsageError
from simulator.world import World
from training import models
from training.metrics import measure
from training.train import evaluate, train


def test_model(collected: Project, world: World, tmp_path: Path) -> None:
    """Learns drawn cakes from drawn things, once per version; model.onnx alone gives the same answers."""
    with pytest.raises(UnknownVersion, match="isitcake publish"):
        train(collected.settings)
    version = publish(collected).version
    report = train(collected.settings)
    assert report.new
    assert report.metrics["train"].accuracy is not None
    assert report.metrics["train"].accuracy > 0.8
    assert not train(collected.settings, version).new
    model = models.find(collected.home)
    assert {path.name for path in model.path.iterdir()} == {"model.onnx", "card.md", "metrics.json"}
    picture = tmp_path / "cake.jpg"
    picture.write_bytes(world.bakers[0].gallery[0].content)
    (answer,) = models.predict(model, [picture])
    assert abs(sum(answer["probabilities"].values()) - 1) < 1e-4
    plain = onnxruntime.InferenceSession(model.path / "model.onnx")
    pixels = np.asarray(decode(picture))[None]
    probabilities, chosen = plain.run(["probabilities", "class"], {"pixels": pixels})
    assert model.labels[int(chosen[0])] == answer["label"]
    np.testing.assert_allclose(probabilities[0], list(answer["probabilities"].values()), atol=1e-5)
    from dataset.versions import load

    assert evaluate(model, load(collected.home, str(version))) == report.metrics


def test_what_cannot_be_predicted(collected: Project, tmp_path: Path) -> None:
    """No model, no such model, no picture: each is named."""
    with pytest.raises(UnknownModel, match="isitcake train"):
        models.find(collected.home)
    publish(collected)
    train(collected.settings)
    with pytest.raises(UnknownModel, match="no model 'best'; there are linear"):
        models.find(collected.home, "best")
    text = tmp_path / "a.jpg"
    text.write_text("no picture")
    for path in (text, tmp_path / "none.jpg"):
        with pytest.raises(UsageError, match=path.name):
            models.predict(models.find(collected.home), [path])


def test_one_label_is_too_few(collected: Project) -> None:
    """Said instead of a model that always answers the same."""
    from sqlalchemy import delete

    from dataset.tables import sightings

    with collected.catalog.write() as connection:
        connection.execute(delete(sightings).where(sightings.c.source == "objects"))
    from dataset.curate import curate

    curate(collected)
    publish(collected)
    with pytest.raises(TrainingError, match="has only cake to train on"):
        train(collected.settings)


def test_measure() -> None:
    """Balanced accuracy is the mean recall; its interval holds it; one label has none."""
    truth = ["cake"] * 30 + ["not_cake"] * 10
    guess = ["cake"] * 27 + ["not_cake"] * 3 + ["not_cake"] * 5 + ["cake"] * 5
    found = measure(truth, guess)
    assert found.balanced_accuracy == pytest.approx(0.7)
    assert found.interval is not None
    assert found.interval[0] < 0.7 < found.interval[1]
    assert measure(["cake"], ["cake"]).balanced_accuracy is None
    assert measure([], []).accuracy is None
    with pytest.raises(ValueError, match="1 labels"):
        measure(["cake"], [])
