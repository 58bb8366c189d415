"""The attempt `balanced`."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dataset.project import Project
from training import models
from training.attempts.balanced import fit_balanced
from training.train import train


def cloud(names: list[str], count: int) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """A cloud of points for each label."""
    rng = np.random.default_rng(0)
    labels = np.array([names[n % len(names)] for n in range(count)])
    vectors = rng.normal(0, 1, (count, 12)).astype(np.float32)
    for column, name in enumerate(names):
        vectors[labels == name, column] += 4
    return vectors, labels


@pytest.mark.parametrize("names", [["a", "b"], ["c", "a", "b"]])
def test_any_number_of_labels(names: list[str]) -> None:
    """Twelve sites; the last two are for the test."""
    vectors, labels = cloud(names, 240)
    sites = np.array([f"s{n // 20}" for n in range(240)])
    head, left_out = fit_balanced(vectors[:200], labels[:200], sites[:200], labels[:200], names)
    assert left_out is not None
    assert left_out.headline > 0.9
    answers = np.array(names)[head.logits(vectors[200:]).argmax(axis=1)]
    assert (answers == labels[200:]).mean() > 0.9


def test_a_source_does_not_decide() -> None:
    """Many photos of an API show no cake, a few of the bakers'. These few weigh as much."""
    rng = np.random.default_rng(1)
    kinds = np.repeat(["cake", "tool", "api"], [120, 12, 300])
    vectors = rng.normal(0, 1, (432, 6)).astype(np.float32)
    vectors[:, 0] += np.where(kinds == "api", 6, 0)  # the API's look
    vectors[:, 1] += np.where(kinds == "tool", 4, 0)  # what the label means
    labels = np.where(kinds == "cake", "cake", "not_cake")
    claims = np.where(kinds == "api", "not_cake", "cake")
    sites = np.where(kinds == "api", "api", np.array([f"baker-{n % 6}" for n in range(432)]))
    head, _ = fit_balanced(vectors, labels, sites, claims, ["cake", "not_cake"])
    answers = np.array(["cake", "not_cake"])[head.logits(vectors).argmax(axis=1)]
    assert (answers == labels)[kinds == "tool"].mean() > 0.7
    assert (answers == labels)[kinds == "cake"].mean() > 0.7


def test_too_little_to_leave_out() -> None:
    vectors, labels = cloud(["a", "b"], 2)
    head, left_out = fit_balanced(vectors, labels, labels, labels, ["a", "b"])
    assert left_out is None
    assert head.logits(vectors).shape == (2, 2)


def test_it_is_proposed_unless_another_attempt_is_better_on_sites_left_out(bakery: Project) -> None:
    report = train(bakery.settings, names=["linear", "svm", "balanced"])
    assert report.best.name == "balanced"
    assert report.best.left_out["headline"] > 0.5
    assert models.find(bakery.home, "linear").left_out == {}
    svm = models.find(bakery.home, "svm")
    assert svm.left_out["headline"] - svm.left_out["error"] <= report.best.left_out["headline"]
