import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from zoo_networks import boxes

from crawlers.collect import collect
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import load, newest, picture, zero_shot_names
from foundation.settings import Settings
from networks.graph import widened
from networks.objects import ObjectDetector
from networks.session import session
from training import models
from training.attempts.zero_shot import CocoZeroShot, MobileNetZeroShot, classes_meaning
from training.train import examples_of, train

FOLDERS = (("mkay", "bakers/mkay", "cake"), ("clinic", "bakers/clinic", "cake"), ("objects", "objects", "not_cake"))
IMAGES_PER_FOLDER = 40


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ("cake", ["trifle", "bakery, bakeshop, bakehouse"]),  # ImageNet has no class called cake
        ("vase", ["vase"]),
        ("wine_bottle", ["wine bottle"]),
        ("not_cake", []),
    ],
)
def test_classes_meaning(label: str, classes: list[str]) -> None:
    """The label's own name, one of several names of a class, or a synonym."""
    meant = zero_shot_names(Settings()).get(label, ())
    names = ["trifle", "vase", "bakery, bakeshop, bakehouse", "wine bottle", "pancake turner"]
    assert [names[index] for index in classes_meaning(label, names, meant)] == classes


def test_missing_weights(trained: Project) -> None:
    """Each attempt says which weights it needs."""
    examples = examples_of(trained.settings, load(trained.home, models.find(trained.home).version))
    assert MobileNetZeroShot().missing(examples).startswith("needs a network with class names")
    assert CocoZeroShot().missing(examples).startswith("needs a COCO detector's weights")


def test_several_classes_of_several_labels(trained: Project) -> None:
    """Use A3: [labels.X] means gives labels classes of their own; the exported graph agrees with the code."""
    examples = examples_of(trained.settings, load(trained.home, models.find(trained.home).version))
    meant = {"cake": ("donut",), "not_cake": ("person", "cup", "flurble")}
    boxed = replace(examples, detector=ObjectDetector("ssd@1", boxes()), meant=meant, rows=examples.rows[::6])
    fitted = CocoZeroShot().fit(boxed)
    assert sorted(fitted.facts["classes"].split(", ")) == ["cake", "cup", "donut", "person"]
    run = session(fitted.graph).run
    for row, expected in zip(boxed.rows[:3], fitted.probabilities, strict=False):
        probabilities = run(None, {"pixels": np.asarray(picture(boxed.version, row))[None]})[0]
        assert np.allclose(probabilities[0], expected, atol=1e-5)


def test_real_weights_and_photos(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real networks too, the exported graphs agree with the training code."""
    monkeypatch.delenv("ISITCAKE_MODELS_NETWORK")
    lines = ["[project]", 'contact = "https://example.org"', "[models]"]
    lines += ['network = "mobilenet_v2"', f"folder = {json.dumps(str(shared / 'models'))}"]
    for name, folder, label in FOLDERS:
        (tmp_path / name).mkdir()
        for path in sorted((shared / "photos" / folder).iterdir())[:IMAGES_PER_FOLDER]:
            shutil.copy(path, tmp_path / name)
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'label = "{label}"', f'path = "{name}"']
    (tmp_path / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(tmp_path / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    publish(project)
    report = train(project.settings, names=["mobilenet-zero-shot", "coco-zero-shot", "transfer", "svm"])
    assert len(report.new) == 4
    for model in report.trained:
        assert model.costs["parity"] < 1e-3, model.name
    version = newest(project.home)
    assert version is not None
    examples = examples_of(project.settings, version)
    assert examples.wide.shape[1] > 3000
    assert len(widened(examples.net.graph).graph.output) == 2
    project.close()
