import numpy as np
import pytest

from dataset.project import Project
from training import models
from training.attempts.linear import STRENGTHS, fit_head


@pytest.mark.parametrize("names", [["a", "b"], ["b", "a"], ["c", "a", "b"]])
def test_logits_are_in_the_order_of_the_names(names: list[str]) -> None:
    """For two labels and for three, whatever their order."""
    rng = np.random.default_rng(0)
    labels = np.array([names[n % len(names)] for n in range(120)])
    vectors = rng.normal(0, 1, (120, 4)).astype(np.float32)
    for column, name in enumerate(sorted(names)):
        vectors[labels == name, column] += 6
    logits = fit_head(vectors, labels, names, 0.1).logits(vectors)
    assert logits.shape == (120, len(names))
    assert (np.array(names)[logits.argmax(axis=1)] == labels).mean() > 0.95


def test_weights_move_the_boundary() -> None:
    """Images with more weight are right more often."""
    rng = np.random.default_rng(0)
    labels = np.array(["a"] * 100 + ["b"] * 100)
    vectors = rng.normal(0, 1, (200, 1)).astype(np.float32)
    vectors[100:] += 1
    heavy = np.where(labels == "b", 10.0, 1.0)
    answers = [fit_head(vectors, labels, ["a", "b"], 1.0, weights).logits(vectors).argmax(axis=1)
               for weights in (np.ones(200), heavy)]  # fmt: skip
    assert answers[1][100:].mean() > answers[0][100:].mean()


def test_the_strength_is_on_the_card(trained: Project) -> None:
    """It was chosen on validation from a fixed list."""
    text = (models.find(trained.home, "linear").path / "card.md").read_text(encoding="utf-8")
    assert any(f"- strength: {strength:g}\n" in text for strength in STRENGTHS)
