from dataset.project import Project
from training import models
from training.card import card
from training.metrics import Metrics

CONTENT = {
    "name": "svm", "version": "2026.11.0", "what": "SVM on frozen maps", "backbone": "built-in", "trained_on": 100,
    "version_id": "ab12", "seconds": 1.5, "labels": ["cake", "not_cake"], "test_read": 3,
    "slices": {"label cake": {"images": 20, "accuracy": 0.9}}, "facts": {"support_vectors": "40"},
    "costs": {"latency_ms": 4.2, "size_mb": 9.1, "parity": 0.00001, "shortcut": 0.25},
}  # fmt: skip


def test_card() -> None:
    """All measurements are on the card; values that were not measured are dashes."""
    metrics = {
        "test": Metrics(40, 0.9, 0.875, (0.8, 0.95), {}, auc=0.97, calibration_error=0.05),
        "test_unseen_sites": Metrics(0, None, None, None, {}),
    }
    lines = card(CONTENT, metrics).splitlines()
    assert lines[0] == "# svm, trained on 2026.11.0"
    assert "| test | 40 | 0.900 | 0.875 | 0.800 to 0.950 | 0.970 | 0.050 |" in lines
    assert "| test_unseen_sites | 0 | – | – | – | – | – |" in lines
    assert "| label cake | 20 | 0.900 |" in lines
    assert "- support vectors: 40" in lines
    text = "\n".join(lines)
    for fact in ("SVM on frozen maps. Backbone: built-in.", "Both were read 3 times", "1e-05", "up to 0.250"):
        assert fact in text


def test_the_card_of_a_trained_model(trained: Project) -> None:
    """It lies beside the model and names the version."""
    model = models.find(trained.home)
    text = (model.path / "card.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {model.name}, trained on {model.version}\n")
    measured = model.metrics["test"]
    assert f"| test | {measured.headline:.3f} | " in text
    assert f"| {measured.worst_group}: {measured.groups[measured.worst_group]:.3f} |" in text
