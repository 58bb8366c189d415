import pyarrow.parquet as pq
import pytest

from dataset.project import Project
from dataset.reader import load
from training import models
from training.evaluation import MIN_PART_IMAGES, evaluate


def test_the_graph_has_the_metrics_of_the_training_code(trained: Project) -> None:
    """Evaluating model.onnx gives the confusion that was recorded at training."""
    for model in models.listing(trained.home):
        again = evaluate(model, load(trained.home, model.version))
        assert again.keys() == model.metrics.keys()
        for split, metrics in model.metrics.items():
            assert again[split].confusion == metrics.confusion, (model.name, split)


def test_metrics_of_splits_and_source_labels(trained: Project) -> None:
    """Each split is measured, and unseen sites once more for each source label."""
    model = models.find(trained.home)
    rows = load(trained.home, model.version).rows()
    for split in ("train", "validation", "test", "test_unseen_sites"):
        assert model.metrics[split].images == sum(row.split == split for row in rows)
    by_claim = [model.metrics[f"test_unseen_sites/{label}"].images for label in ("cake", "not_cake")]
    assert sum(by_claim) == model.metrics["test_unseen_sites"].images


def test_accuracy_by_part(trained: Project) -> None:
    """The parts of both tests agree with predictions.parquet, and small parts are left out."""
    model = models.find(trained.home)
    tested = [row for row in model.predictions() if row["split"].startswith("test")]
    cakes = [row for row in tested if row["label"] == "cake"]
    part = model.slices["label cake"]
    assert part["images"] == len(cakes)
    assert part["accuracy"] == pytest.approx(sum(r["predicted"] == "cake" for r in cakes) / len(cakes), abs=1e-4)
    assert all(part["images"] >= MIN_PART_IMAGES for part in model.slices.values())


def test_costs(trained: Project) -> None:
    """The exported graph agrees with the training code, and its size is that of the file."""
    for model in models.listing(trained.home):
        assert model.costs["parity"] < 1e-3
        assert model.costs["size_mb"] == pytest.approx((model.path / "model.onnx").stat().st_size / 1e6, abs=0.01)
        assert model.costs["latency_ms"] > 0
        assert 0 <= model.costs["shortcut"] <= 1


def test_predictions(trained: Project) -> None:
    """A row for each image, with a probability for each label."""
    model = models.find(trained.home)
    table = pq.read_table(model.path / "predictions.parquet")
    assert table.num_rows == load(trained.home, model.version).images
    assert table.column_names == [
        "sha256", "split", "site", "source_label", "label", "predicted", "p_cake", "p_not_cake",
    ]  # fmt: skip
