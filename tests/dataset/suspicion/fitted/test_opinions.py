"""What pictures that look alike say about a label: models out of fold, neighbours, answered look-alikes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataset.suspicion.fitted.doubts import most_doubted
from dataset.suspicion.fitted.lookalikes import UNSURE_VOTE, Answered
from dataset.suspicion.fitted.neighbours import fit_neighbours
from dataset.suspicion.fitted.out_of_fold import fit_out_of_fold, folds_of
from dataset.suspicion.vectors import Chances

Features = NDArray[np.float32]


def lookalikes(features: Features, judged: NDArray[np.int64], votes: NDArray[np.float64]) -> NDArray[np.float64]:
    return Answered.of(features, judged, votes).strengths(features)


def out_of_fold(
    features: Features, labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> Chances:
    folds = folds_of(groups)
    return fit_out_of_fold(features, labels, folds, trusted).chances(features, folds)


def neighbours(
    features: Features, labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> Chances:
    return fit_neighbours(features, labels, trusted).chances(features, groups)


def test_similar_answered_pictures_vote_and_none_votes_about_itself() -> None:
    """Near a wrong label the vote is high, near a right one low, far from all near zero."""
    features = np.array([[1, 0, 0], [0.99, 0.05, 0], [0, 1, 0], [0.05, 0.99, 0], [0, 0, 1]], dtype=np.float32)
    votes = lookalikes(features, np.array([0, 2]), np.array([1.0, -1.0]))
    assert votes[1] > 0.5
    assert votes[3] < -0.5
    assert abs(votes[4]) < 0.1
    assert abs(votes[0]) < 0.1
    assert lookalikes(features, np.array([0]), np.array([UNSURE_VOTE]))[1] < 0
    assert not lookalikes(features, np.empty(0, dtype=np.int64), np.empty(0)).any()


def test_out_of_fold_doubts_a_wrong_label() -> None:
    """Its model did not learn from the image itself. With a single label there is nothing to doubt."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(120, 5)).astype(np.float32)
    labels = ["cake"] * 60 + ["not_cake"] * 60
    features[:60, 0] += 6
    features[0, 0] -= 6
    answers = out_of_fold(features, labels, np.arange(120), np.zeros(120, dtype=bool))
    assert answers[0]["cake"] < 0.5 < answers[1]["cake"]
    assert list(out_of_fold(features, ["cake"] * 120, np.arange(120), np.zeros(120, dtype=bool))) == [{}] * 120


def test_a_second_look_learns_nothing_from_what_is_doubted_most() -> None:
    """Three of forty wrong claims look alike and vouch for each other; without them, each is doubted more."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(80, 5)).astype(np.float32)
    labels = ["cake"] * 40 + ["not_cake"] * 40
    features[:40, 0] += 3
    features[:3, 0] -= 6
    groups, trusted = np.arange(80), np.zeros(80, dtype=bool)
    first = out_of_fold(features, labels, groups, trusted)
    doubted = most_doubted(labels, first)
    assert doubted[:3].all()
    assert [int(doubted[:40].sum()), int(doubted[40:].sum())] == [4, 4]
    second = out_of_fold(
        features, ["" if d else label for d, label in zip(doubted, labels, strict=True)], groups, trusted
    )
    assert all(after["cake"] < before["cake"] for before, after in zip(first[:3], second[:3], strict=True))
    assert not most_doubted(["cake"] * 20 + ["not_cake"] * 3, [{}] * 23).any()  # too few to leave any out


def test_neighbours_know_a_label_with_several_looks() -> None:
    """A cake among other things is doubted, whatever else cakes look like. Copies and unlabelled images have no say."""
    rng = np.random.default_rng(4)
    looks = 6 * np.eye(4, 8, dtype=np.float32)
    features = np.repeat(looks, 30, axis=0) + rng.normal(size=(120, 8)).astype(np.float32)
    labels = ["cake"] * 30 + ["not_cake"] * 30 + ["cake"] * 30 + ["not_cake"] * 30  # no line divides these
    labels[30] = "cake"
    nobody = np.zeros(120, dtype=bool)
    answers = neighbours(features, labels, np.arange(120), nobody)
    assert answers[30]["cake"] < 0.3
    assert min(answers[i]["cake"] for i in (0, 60)) > 0.7
    copies = np.arange(120)
    copies[30:60] = 30  # one picture: it has no neighbours but others
    assert neighbours(features, labels, copies, nobody)[30]["cake"] > answers[30]["cake"]
    useless = ["unusable" if 60 <= i < 75 else label for i, label in enumerate(labels)]
    answers = neighbours(features, useless, np.arange(120), nobody)
    assert np.mean([answers[i]["unusable"] for i in range(75, 90)]) > 0.5
    few = ["jug" if i < 10 else label for i, label in enumerate(labels)]  # too few to have neighbours
    assert "jug" not in neighbours(features, few, np.arange(120), nobody)[0]
    assert list(neighbours(features, ["cake"] * 60 + [""] * 60, copies, nobody)) == [{}] * 120
