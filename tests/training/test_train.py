"""A published version into models that others can run."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest

from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import decode
from dataset.versions import published
from foundation.errors import StageError, StorageError, TrainingError, UnknownModel, UnknownVersion, UsageError
from networks.graph import widened
from training import models
from training.attempts import ATTEMPTS
from training.attempts.protocol import softmax
from training.attempts.svm import even_weights, fit_svm
from training.evaluation import evaluate
from training.metrics import calibration_error, difference, measure
from training.predict import predict
from training.train import examples_of, train
from web.pages.leaderboard import write_leaderboard

QUICK = ("linear", "svm")


def test_every_attempt_that_can_be_tried(bakery: Project) -> None:
    """Each is whole in its folder, its graph says what its code said, and the board has a row for it."""
    report = train(bakery.settings)
    skipped = {"mobilenet-zero-shot", "coco-zero-shot"}
    if not importlib.util.find_spec("torch"):
        skipped |= {"talk-cnn", "repaired-cnn", "grey-cnn"}
    assert set(report.skipped) == skipped
    assert set(report.new) == {attempt().name for attempt in ATTEMPTS} - skipped
    images = published.load(bakery.home, report.version).images
    for model in report.trained:
        files = {path.name for path in model.path.iterdir()}
        assert files == {"model.onnx", "card.md", "metrics.json", "predictions.parquet"}
        assert model.costs["parity"] < 1e-3, model.name
        told = (model.path / "card.md").read_text(encoding="utf-8")
        assert report.version in told
        assert pq.read_table(model.path / "predictions.parquet").num_rows == images
    assert report.best.metrics["test"].balanced_accuracy is not None
    assert models.score(report.best) > 0.75
    again = train(bakery.settings, report.version)
    assert again.new == []
    page = write_leaderboard(bakery, report.version).read_text(encoding="utf-8")
    assert all(f"<b>{model.name}</b>" in page for model in report.trained)


def test_the_file_alone_gives_the_same_answers(bakery: Project) -> None:
    """model.onnx in plain onnxruntime, on a picture's file as it lies there; metrics come out again from the graph."""
    report = train(bakery.settings, names=["svm"])
    version = published.load(bakery.home, report.version)
    path = version.path / version.rows()[0].file
    (answer,) = predict(report.best, [path])
    plain = onnxruntime.InferenceSession(report.best.path / "model.onnx")
    probabilities, chosen = plain.run(["probabilities", "class"], {"pixels": np.asarray(decode(path))[None]})
    assert report.best.labels[int(chosen[0])] == answer["label"]
    np.testing.assert_allclose(probabilities[0], list(answer["probabilities"].values()), atol=1e-5)
    again = evaluate(report.best, version)
    for split, found in report.best.metrics.items():
        assert again[split].confusion == found.confusion, split


def test_interrupted_it_goes_on(bakery: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained stays, what was not is trained; half a model is none; frozen features are kept."""
    from training.attempts.svm import Svm

    with monkeypatch.context() as patch:
        patch.setattr(Svm, "fit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(bakery.settings, names=QUICK)
    assert [model.name for model in models.listing(bakery.home)] == ["linear"]
    (cached,) = (bakery.home / "cache" / "features").iterdir()
    stamp = cached.stat().st_mtime_ns
    report = train(bakery.settings, names=QUICK)
    assert report.new == ["svm"]
    assert cached.stat().st_mtime_ns == stamp
    cached.write_bytes(cached.read_bytes()[:1000])  # a disk that lied
    shutil.rmtree(bakery.home / "models" / "linear")
    assert train(bakery.settings, names=QUICK).new == ["linear"]


def test_the_same_twice(bakery: Project) -> None:
    """The same version gives the same model, byte for byte."""
    train(bakery.settings, names=QUICK)
    before = {model.name: (model.path / "model.onnx").read_bytes() for model in models.listing(bakery.home)}
    shutil.rmtree(bakery.home / "models")
    train(bakery.settings, names=QUICK)
    assert {model.name: (model.path / "model.onnx").read_bytes() for model in models.listing(bakery.home)} == before


def test_what_cannot_be_trained(collected: Project, tmp_path: Path) -> None:
    """Nothing published, no such attempt, one that needs weights, weights that are damaged: each is one sentence."""
    with pytest.raises(UnknownVersion, match="isitcake publish"):
        train(collected.settings)
    publish(collected)
    with pytest.raises(UsageError, match=r"no attempt 'magic'; there are mobilenet-zero-shot, "):
        train(collected.settings, names=["magic"])
    with pytest.raises(TrainingError, match="coco-zero-shot cannot be trained: needs a COCO detector's weights"):
        train(collected.settings, names=["coco-zero-shot"])
    (tmp_path / "mobilenet_v2_1.0_224.onnx").write_bytes(b"half a file")
    section = collected.settings.models.model_copy(update={"folder": str(tmp_path)})
    with pytest.raises(StorageError, match="is not a usable ONNX file"):
        train(collected.settings.model_copy(update={"models": section}), names=["linear"])
    section = collected.settings.models.model_copy(update={"tracking": str(tmp_path / "runs")})
    with pytest.raises(TrainingError, match="MLflow is not installed"):
        train(collected.settings.model_copy(update={"models": section}), names=["linear"])


def test_a_version_that_was_changed(bakery: Project) -> None:
    """Is not learned from."""
    version = published.newest(bakery.home)
    assert version is not None
    path = version.path / version.rows()[0].file
    path.unlink()
    path.write_bytes(b"something else")
    with pytest.raises(StageError, match="is not what was published"):
        train(bakery.settings, names=["linear"])


def test_one_label_is_too_few(collected: Project) -> None:
    """Said instead of a model that always answers the same."""
    from sqlalchemy import delete

    from dataset.catalog.tables import sightings
    from dataset.curate import curate

    with collected.catalog.write() as connection:
        connection.execute(delete(sightings).where(sightings.c.source == "objects"))
    curate(collected)
    publish(collected)
    with pytest.raises(TrainingError, match="has only cake to train on; collect images that are not_cake first"):
        train(collected.settings)


def test_what_cannot_be_predicted(bakery: Project, tmp_path: Path) -> None:
    """No model, no such model, no picture, an empty folder, an address that is not there: each is named."""
    with pytest.raises(UnknownModel, match="isitcake train"):
        models.find(bakery.home)
    train(bakery.settings, names=["linear"])
    with pytest.raises(UnknownModel, match="no model 'better'; there are linear"):
        models.find(bakery.home, "better")
    text = tmp_path / "a.jpg"
    text.write_text("no picture")
    (tmp_path / "empty").mkdir()
    for name in (text, tmp_path / "none.jpg", tmp_path / "empty", "http://127.0.0.1:9/x.jpg"):
        with pytest.raises(UsageError, match=str(name).rpartition("/")[2]):
            predict(models.find(bakery.home), [name])


def test_folders_and_reasons(bakery: Project) -> None:
    """A folder is walked; each answer can name the training pictures that look most alike, itself first."""
    report = train(bakery.settings, names=["linear"])
    version = published.load(bakery.home, report.version)
    row = next(row for row in version.rows() if row.split == "train")
    answers = predict(report.best, [version.path / "data" / "test"])
    assert len(answers) == sum(version.counts["test"].values())
    (one,) = predict(report.best, [version.path / row.file], examples_of(bakery.settings, version))
    assert one["nearest"][0]["file"].endswith(row.file)
    assert one["nearest"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert len(one["nearest"]) == 3


def test_reads_of_the_tests_are_counted(bakery: Project) -> None:
    for number, name in enumerate(QUICK, 1):
        report = train(bakery.settings, names=[name])
        model = models.find(bakery.home, f"{name}/{report.version}")
        assert f"Both were read {number} times" in (model.path / "card.md").read_text(encoding="utf-8")


def test_measure() -> None:
    """Balanced accuracy is the mean recall; its interval holds it; one label has none."""
    truth = ["cake"] * 30 + ["not_cake"] * 10
    guess = ["cake"] * 27 + ["not_cake"] * 3 + ["not_cake"] * 5 + ["cake"] * 5
    found = measure(truth, guess)
    assert found.balanced_accuracy == pytest.approx(0.7)
    assert found.interval is not None
    assert found.interval[0] < 0.7 < found.interval[1]
    assert found.confusion == {"cake": {"cake": 27, "not_cake": 3}, "not_cake": {"cake": 5, "not_cake": 5}}
    assert measure(["cake"], ["cake"]).balanced_accuracy is None
    assert measure([], []).accuracy is None
    with pytest.raises(ValueError, match="1 labels"):
        measure(["cake"], [])


def test_sites_make_intervals_wider() -> None:
    """Forty images of eight sites, each all right or all wrong, say less than forty images."""
    truth = ["cake", "not_cake"] * 40
    sites = [f"site{n // 10}" for n in range(80)]
    guess = [label if int(site[4:]) % 4 else "cake" for label, site in zip(truth, sites, strict=True)]
    alone, clustered = measure(truth, guess), measure(truth, guess, sites=sites)
    assert alone.interval is not None
    assert clustered.interval is not None
    assert np.ptp(clustered.interval) > np.ptp(alone.interval) * 1.3


def test_difference_and_calibration() -> None:
    """A model against itself gains nothing; what is surer than it is right is off by that much."""
    truth = np.array(["a", "b"] * 50)
    sites = np.array([f"s{n // 10}" for n in range(100)])
    assert difference(truth, truth, truth, sites) == (0.0, 0.0, 0.0)
    worse = np.where(np.arange(100) % 10 < 2, np.where(truth == "a", "b", "a"), truth)
    gain, low, high = difference(truth, worse, truth, sites)
    assert low <= gain <= high
    assert gain == pytest.approx(0.2)
    assert calibration_error(np.array([True] * 6 + [False] * 4), np.full(10, 0.9)) == pytest.approx(0.3)


def test_weights_are_even_over_labels_and_claims() -> None:
    labels, claims = np.array(["a"] * 6 + ["b"] * 4), np.array(["a"] * 6 + ["a"] + ["b"] * 3)
    weights = even_weights(labels, claims)
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
    assert weights[6] == pytest.approx(weights[7:].sum())
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [2, 3])
def test_best_learns_any_number_of_labels(count: int) -> None:
    """Three clouds of points at twelve sites, one of which is at each site another colour."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"][:count]
    labels = np.array([names[n % count] for n in range(240)])
    sites = np.array([f"s{n // 20}" for n in range(240)])
    wide = rng.normal(0, 1, (240, 12)).astype(np.float32)
    for place, name in enumerate(names):
        wide[labels == name, place] += 4
    model = fit_svm(wide[:200], labels[:200], sites[:200], labels[:200], names)
    said = softmax(model.logits(wide[200:]))
    assert (np.array(names)[said.argmax(axis=1)] == labels[200:]).mean() > 0.9


def test_real_weights_and_pictures(shared: Path, tmp_path: Path) -> None:
    """Zero-shot attempts and ours on real networks: each graph from pixels is what its code was, on real photos."""
    from crawlers.collect import collect
    from dataset.curate import curate

    lines = [
        "[project]",
        'contact = "https://example.org"',
        "[models]",
        f"folder = {json.dumps(str(shared / 'models'))}",
    ]
    for name, folder, label in (
        ("mkay", "bakers/mkay", "cake"), ("clinic", "bakers/clinic", "cake"), ("objects", "objects", "not_cake"),
    ):  # fmt: skip
        place = tmp_path / name
        place.mkdir()
        for path in sorted((shared / "photos" / folder).iterdir())[:40]:
            shutil.copy(path, place)
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
    version = published.newest(project.home)
    assert version is not None
    examples = examples_of(project.settings, version)
    assert examples.wide.shape[1] > 3000
    assert len(widened(examples.net.graph).graph.output) == 2
    project.close()
