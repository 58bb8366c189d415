import numpy as np
import pytest
from scipy.special import softmax

from training.attempts.svm import Svm, balanced_weights, fit_svm


def test_weights_are_balanced_over_labels_and_claims() -> None:
    """Each label has the same total weight, and within it each source label."""
    labels, claims = np.array(["a"] * 6 + ["b"] * 4), np.array(["a"] * 6 + ["a"] + ["b"] * 3)
    weights = balanced_weights(labels, claims)
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
    assert weights[6] == pytest.approx(weights[7:].sum())
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [2, 3])
def test_any_number_of_labels(count: int) -> None:
    """A cloud of points for each label, at twelve sites; the last two sites are for the test."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"][:count]
    labels = np.array([names[n % count] for n in range(240)])
    sites = np.array([f"s{n // 20}" for n in range(240)])
    wide = rng.normal(0, 1, (240, 12)).astype(np.float32)
    for column, name in enumerate(names):
        wide[labels == name, column] += 4
    model = fit_svm(wide[:200], labels[:200], sites[:200], labels[:200], names)
    probabilities = softmax(model.logits(wide[200:]), axis=1)
    assert (np.array(names)[probabilities.argmax(axis=1)] == labels[200:]).mean() > 0.9


def test_two_images_are_not_calibrated() -> None:
    """Where nothing can be left out the scores are the logits."""
    labels = np.array(["a", "b"])
    wide = np.eye(2, dtype=np.float32)
    model = fit_svm(wide, labels, np.full(2, "s"), labels, ["a", "b"])
    assert model.left_out is None
    np.testing.assert_array_equal(model.logits(wide), model.scores.of(wide))


def test_current_name() -> None:
    """Models of the former name are made by this attempt."""
    assert [Svm.current_name(name) for name in ("best", "svm", "linear")] == ["svm", "svm", "linear"]
