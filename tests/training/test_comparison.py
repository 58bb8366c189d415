"""Models of any version are compared on one set of pictures and labels."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from commands import here

from dataset.curate import curate
from dataset.names.rename import rename_label
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.reader import TAINTED, UNSEEN, Version, todays_labels
from dataset.versions import published
from isitcake.cli import cli
from isitcake.status import describe
from training import models
from training.comparison import COLUMNS, UNKNOWN, before_and_after, board, learned_by, standings
from training.metrics import Metrics
from training.models import Model
from training.promotion import promote
from training.train import train

OPPOSITE = {"cake": "not_cake", "not_cake": "cake"}
Publish = Callable[[Mapping[str, str]], Version]


def corrections(version: Version, splits: tuple[str, ...], every: int) -> dict[str, str]:
    """The opposite label for one of so many rows of these splits."""
    rows = [row for row in version.rows() if row.split in splits]
    return {row.sha256: OPPOSITE[row.label] for row in rows[::every]}


def test_models_of_two_versions_on_one_set(trained: Project, version: Version, publish_answers: Publish) -> None:
    """Use A2: a model's figure follows the labels that hold now, not those of its own version."""
    tests = corrections(version, (UNSEEN,), 3)
    first = models.find(trained.home, "svm")
    newest = publish_answers(tests)
    train(trained.settings, names=["linear"])
    today = todays_labels(trained.settings)
    assert today is not None
    assert today.version.name == newest.name
    listed = standings(trained.home, today)
    assert {one.model.version for one in listed} == {version.name, newest.name}
    assert len({(one.measured_on, one.measured.images) for one in listed}) == 1
    headlines = [one.headline or 0 for one in listed]
    assert headlines == sorted(headlines, reverse=True)
    one = next(one for one in listed if one.model.id == first.id)
    own = first.metrics[UNSEEN].headline
    assert own is not None
    assert one.headline is not None
    assert one.headline < own - 0.1
    answer = CliRunner().invoke(cli, ["--config", str(trained.settings.config_path), "models", "list", "--json"])
    row = next(row for row in json.loads(answer.output) if row["name"] == "svm" and row["version"] == version.name)
    assert row["headline"] == pytest.approx(one.headline)
    assert row["metrics"][UNSEEN]["headline"] == pytest.approx(own)


def test_a_picture_that_a_model_learned_does_not_count(trained: Project) -> None:
    """A test picture of the newest version that a model was trained on is left out of its figure."""
    today = todays_labels(trained.settings)
    assert today is not None
    model = models.find(trained.home, "svm")
    before = standings(trained.home, today, [model])[0]
    taken = next(row.sha256 for row in today.tests if row.split == before.measured_on)
    rows = model.predictions()
    for row in rows:
        row["split"] = "train" if row["sha256"] == taken else row["split"]
    pq.write_table(pa.Table.from_pylist(rows), model.path / "predictions.parquet")
    assert taken in learned_by(model)
    assert standings(trained.home, today, [model])[0].measured.images == before.measured.images - 1


def test_an_outdated_default_model(trained: Project, version: Version, publish_answers: Publish) -> None:
    """Use A2: a default model that learned labels which people changed is marked, and gives way to one that is not
    significantly worse; without a change, nothing is marked.
    """
    old = models.find(trained.home)
    assert "outdated" not in json.dumps(describe(trained)["default_model"]["notes"])
    newest = publish_answers(corrections(version, ("train",), 12))
    state = describe(trained)["default_model"]
    assert state["outdated"]
    assert state["notes"][0].startswith("outdated: people changed the labels of ")
    report = train(trained.settings, names=["svm"])
    assert report.promotion is not None
    both = before_and_after(trained.settings, todays_labels(trained.settings) or pytest.fail("no version"))
    assert both is not None
    if report.promotion.refusals:
        assert "significantly worse" in report.promotion.refusals[0]
    else:
        assert models.default_model_id(trained.home) == f"svm/{newest.name}"
        assert report.promotion.reasons[0].startswith(f"{old.id} is outdated: people changed the labels of ")
        assert both.default_is_reviewed
        assert both.before.model.id == old.id
        assert both.before.measured.images == both.after.measured.images


def test_a_renamed_label_is_the_same_class(trained: Project, version: Version) -> None:
    """Data F5: after a rename models are as good as before, none is outdated, and each of them says the new name."""
    today = todays_labels(trained.settings)
    assert today is not None
    before = {one.model.id: one for one in standings(trained.home, today)}
    refused = promote(trained.settings, "linear").refusals
    rename_label(trained, "cake", "torte")
    config = trained.settings.config_path
    text = config.read_text(encoding="utf-8").replace('"cake"', '"torte"')
    assert "labels =" not in text
    config.write_text(text.replace("[project]", '[project]\nlabels = ["torte", "not_cake"]'), encoding="utf-8")
    project = open_project(config)
    try:
        for _ in range(2):  # before the next version, and with it
            today = todays_labels(project.settings)
            assert today is not None
            assert today.version.labels == ["torte", "not_cake"]
            for one in standings(project.home, today):
                assert one.headline == pytest.approx(before[one.model.id].headline)
                assert (one.changed, one.notes) == (0, [])
                assert set(one.model.labels) == {"torte", "not_cake"}
                assert "label torte" in one.model.slices
                assert {name.split(",")[0] for name in one.measured.groups} == {"torte", "not_cake"}
                assert {row["label"] for row in one.model.predictions()} == {"torte", "not_cake"}
            assert promote(project.settings, "linear").refusals == refused
            curate(project)
            publish(project)
        assert published.newest(project.home) != version
        picture = next(str(version.path / row.file) for row in version.rows() if row.label == "cake")
        (answer,) = json.loads(here(project.settings.root, "predict", picture, "--json").stdout)
        assert (answer["label"], set(answer["probabilities"])) == ("torte", {"torte", "not_cake"})
    finally:
        project.close()


def test_status_counts_models_that_are_outdated_or_learned_from_erased_images(
    trained: Project, version: Version, publish_answers: Publish
) -> None:
    """As docs/training.md promises: all models count, also where no model is the default one."""
    (trained.home / "models" / models.DEFAULT_MODEL_FILE).unlink()
    (models.find(trained.home, "linear").path / TAINTED).write_text("{}")
    assert "1 model learned from images that were erased" in here(trained.settings.root, "status").stdout
    assert "outdated" not in here(trained.settings.root, "status").stdout
    publish_answers(corrections(version, ("train",), 12))
    assert "2 outdated models" in here(trained.settings.root, "status").stdout


MODEL = Model(
    path=Path("models/svm/2026.11.0"), name="svm", version="2026.11.0", what="an SVM", backbone="built-in",
    labels=["cake", "not_cake"], trained_on=100,
    metrics={
        "test": Metrics(40, 0.9, 0.9, (0.8, 1.0), {}),
        "test_unseen_sites": Metrics(40, 0.7, 0.75, (0.6, 0.85), {}, auc=0.8, calibration_error=0.1),
    },
    costs={"latency_ms": 4.44, "size_mb": 9.0},
)  # fmt: skip


def test_board() -> None:
    """A row for each model; values that were not measured are dashes."""
    whole, empty = board([MODEL, replace(MODEL, metrics={}, costs={})])
    assert dict(zip(COLUMNS, whole, strict=True)) == {
        "model": "svm", "what": "an SVM", "test": "0.900", "unseen sites": "0.750", "interval": "0.60 to 0.85",
        "worst group": UNKNOWN, "gap": "+0.150", "AUC": "0.800", "calibration": "0.100", "ms": "4.4", "MB": "9.0",
    }  # fmt: skip
    assert empty == ("svm", "an SVM", *[UNKNOWN] * 9)


def test_the_headline_with_its_worst_group() -> None:
    """Use A2: the mean recall over groups stands in the row, and the worst group beside it."""
    measured = Metrics(
        40, 0.9, 0.9, (0.8, 1.0), {}, groups={"cake, claimed as cake": 0.9, "not_cake, claimed as cake": 0.3},
        headline=0.6, headline_interval=(0.5, 0.7),
    )  # fmt: skip
    (row,) = board([replace(MODEL, metrics={"test_unseen_sites": measured})])
    cells = dict(zip(COLUMNS, row, strict=True))
    assert (cells["unseen sites"], cells["interval"]) == ("0.600", "0.50 to 0.70")
    assert cells["worst group"] == "not_cake, claimed as cake 0.300"
