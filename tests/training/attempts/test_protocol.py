"""All attempts that need no weights, through the interface that protocol.py defines."""

import importlib.util

from dataset.project import Project
from training import models
from training.attempts import ATTEMPTS
from training.train import train
from web.pages.leaderboard import write_leaderboard

NEED_WEIGHTS = {"mobilenet-zero-shot", "coco-zero-shot"}
NEED_TORCH = {"talk-cnn", "repaired-cnn", "grey-cnn"}


def test_each_attempt_makes_a_complete_model(bakery: Project) -> None:
    """Its folder is complete, its graph agrees with its code, and the leaderboard has its row."""
    report = train(bakery.settings)
    skipped = NEED_WEIGHTS if importlib.util.find_spec("torch") else NEED_WEIGHTS | NEED_TORCH
    assert set(report.skipped) == skipped
    assert set(report.new) == {attempt().name for attempt in ATTEMPTS} - skipped
    for model in report.trained:
        files = {path.name for path in model.path.iterdir()}
        assert files == {"model.onnx", "card.md", "metrics.json", "predictions.parquet"}
        assert model.costs["parity"] < 1e-3, model.name
    assert report.best.metrics["test"].balanced_accuracy is not None
    assert models.score(report.best) > 0.75
    page = write_leaderboard(bakery, report.version).read_text(encoding="utf-8")
    assert all(f"<b>{model.name}</b>" in page for model in report.trained)
