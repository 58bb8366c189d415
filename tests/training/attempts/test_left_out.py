"""Sites left out of the training: folds, calibration, threshold, and the headline."""

import numpy as np
import pytest

from training.attempts.left_out import calibrated, folds, group_weights, scored, threshold


def test_a_site_is_in_one_fold_unless_it_alone_makes_a_claim() -> None:
    """Without the API's photos nothing is claimed to be no cake, so they are divided."""
    sites = np.array(["a"] * 4 + ["b"] * 4 + ["api"] * 20)
    claims = np.array(["cake"] * 8 + ["not_cake"] * 20)
    fold = folds(sites, claims)
    assert len(set(fold[:4])) == len(set(fold[4:8])) == 1
    assert len(set(fold[8:])) == 5


def test_one_image_is_one_fold() -> None:
    assert folds(np.array(["a"]), np.array(["cake"])).tolist() == [0]


def test_groups_weigh_the_same() -> None:
    labels, claims = np.array(["a"] * 6 + ["b"] * 4), np.array(["a"] * 6 + ["a"] + ["b"] * 3)
    weights = group_weights(labels, claims)
    totals = [weights[:6].sum(), weights[6], weights[7:].sum()]
    assert totals == pytest.approx([totals[0]] * 3)
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [2, 3])
def test_calibration_moves_the_threshold(count: int) -> None:
    """Scores of which one label is always too high are right again."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"][:count]
    labels = np.array([names[n % count] for n in range(300)])
    scores = rng.normal(0, 0.5, (300, count))
    scores[np.arange(300), np.arange(300) % count] += 2
    scores[:, 0] += 2
    matrix, bias = calibrated(scores, labels, names)
    right = [(np.array(names)[logits.argmax(axis=1)] == labels).mean() for logits in (scores, scores @ matrix.T + bias)]
    assert right[1] > 0.95 > right[0]


def test_scores_that_say_the_contrary_stay_as_they_are() -> None:
    labels = np.array(["a", "b"] * 20)
    scores = np.where((labels == "a")[:, None], [-1.0, 1.0], [1.0, -1.0])
    matrix, bias = calibrated(scores, labels, ["a", "b"])
    np.testing.assert_array_equal(matrix, np.eye(2))
    np.testing.assert_array_equal(bias, np.zeros(2))


def test_the_threshold_is_in_the_middle_of_a_good_range() -> None:
    """Between two clouds that lie apart; a group of few images counts as much as one of many."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], [300, 20])
    margins = np.where(labels == "a", -4.0, 2.0) + rng.normal(0, 0.3, 320)
    assert threshold(margins, labels, labels, "b") == pytest.approx(-1.0, abs=1.0)


def test_the_headline() -> None:
    logits = np.array([[9.0, -9.0], [9.0, -9.0], [-9.0, 9.0]] * 6)
    labels = np.array(["a", "a", "b"] * 6)
    left_out = scored(logits, labels, labels, ["a", "b"])
    assert left_out is not None
    assert (left_out.headline, left_out.error) == (1.0, 0.0)
    assert scored(logits[:2], labels[:2], labels[:2], ["a", "b"]) is None


def test_labels_whose_images_are_unknown_where_they_are_left_out_stay_apart() -> None:
    """Three labels with two sites each: of a site that is left out, the models know half of its label, and say less."""
    rng, names = np.random.default_rng(1), ["a", "b", "c"]
    truth = rng.permutation(np.repeat([0, 1, 2], [60, 20, 12]))
    scores = 0.4 * np.eye(3)[truth] + rng.normal(0, 0.25, (92, 3)) + np.array([0.5, -0.2, -0.3])
    labels = np.array(names)[truth]
    matrix, bias = calibrated(scores, labels, names)
    assert np.array_equal(matrix, matrix[0, 0] * np.eye(3))
    assert matrix[0, 0] > 0
    answers = (scores @ matrix.T + bias).argmax(axis=1)
    assert min((answers[truth == label] == label).mean() for label in range(3)) > 0.6
    contrary, offsets = calibrated(-np.eye(3)[truth], labels, names)
    assert np.array_equal(contrary, np.eye(3))
    assert np.array_equal(offsets, np.zeros(3))
