"""The probability of a wrong label: sensible before any answer, fitted to the answers, never lower for more suspicion.

Findings become subjects and signals in dataset/suspicion/subjects.py, which tests/dataset/test_curate.py runs.
"""

import numpy as np
import pytest

from dataset.suspicion.triage import (
    SIGNALS,
    UNSURE_VOTE,
    calibrate,
    is_precise,
    is_surely_unusable,
    logit,
    lookalikes,
    most_doubted,
    neighbours,
    out_of_fold,
    priority,
    rescaling,
)


def test_every_signal_raises_the_probability_before_any_answer() -> None:
    """Without any signal it is low."""
    model = calibrate([], [])
    nothing = model.probability({})
    assert nothing < 0.4
    for name in SIGNALS:
        assert model.probability({name: 1.0}) > nothing


def test_answers_move_the_weights_but_never_below_zero() -> None:
    """A signal that answers contradict loses weight; a signal that they confirm gains weight."""
    rng = np.random.default_rng(1)
    rows, wrong = [], []
    for _ in range(200):
        is_wrong = bool(rng.random() < 0.4)
        rows.append(
            {"words": float(not is_wrong), "looks": 0.0, "prior": 3.0 * (is_wrong - 0.5), "small": float(is_wrong)}
        )
        wrong.append(is_wrong)
    model = calibrate(rows, wrong)
    assert model.taught == 200
    assert min(model.weights.values()) >= 0
    assert model.weights["words"] < SIGNALS["words"] / 3
    assert model.weights["small"] > SIGNALS["small"]
    chances = [model.probability(row) for row in rows]
    assert min(c for c, w in zip(chances, wrong, strict=True) if w) > max(
        c for c, w in zip(chances, wrong, strict=True) if not w
    )


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


def test_a_scale_follows_the_pictures_that_were_drawn_at_random() -> None:
    """The queue found much at 0.8; the few that were drawn at random say that little is wrong elsewhere."""
    probabilities, wrong = [0.8] * 50 + [0.3] * 20, [True] * 45 + [False] * 25
    scaled = rescaling(probabilities, wrong, [True] * 50 + [False] * 20)
    assert scaled(0.3) < 0.1
    assert scaled(0.3) < scaled(0.8)


def test_a_scale_expects_as_many_wrong_labels_as_a_random_sample_has() -> None:
    """Though the pictures that the queue asked about were wrong more often than others of the same probability."""
    rng = np.random.default_rng(3)
    chances = rng.uniform(0.1, 0.6, 400)
    wrong = rng.random(400) < chances / 3
    asked, wrong_asked = rng.uniform(0.3, 0.9, 200), rng.random(200) < 0.8
    scaled = rescaling([*asked, *chances], [*wrong_asked, *wrong], [True] * 200 + [False] * 400)
    assert sum(map(scaled, chances)) == pytest.approx(wrong.sum(), rel=0.02)
    alone = rescaling(chances.tolist(), wrong.tolist(), [False] * 400)
    assert sum(map(alone, chances)) == pytest.approx(wrong.sum(), rel=0.02)


@pytest.mark.parametrize(
    ("probability", "alpha", "colours", "is_excluded"),
    [(0.9, 0.0, 0.2, True), (0.8, 0.0, 0.2, False), (0.6, 0.5, 0.2, True), (0.6, 0.0, 0.95, True),
     (0.4, 0.5, 0.95, False)],
)  # fmt: skip
def test_only_sure_images_are_excluded_automatically(
    probability: float, alpha: float, colours: float, is_excluded: bool
) -> None:
    """Almost surely unusable, or drawn and probably unusable."""
    assert is_surely_unusable(probability, {"alpha": alpha, "top_colours": colours}) is is_excluded


def test_large_clusters_come_first_and_log_odds_are_capped() -> None:
    assert priority(0.5, 5) > priority(0.5, 1)
    assert logit(1.0) == -logit(0.0) == 5.0
    assert logit(0.5) == 0.0


def test_automatic_exclusion_ends_when_answers_prove_it_wrong() -> None:
    assert is_precise([])
    assert is_precise(["unusable"] * 200 + ["cake"])
    assert not is_precise(["unusable"] * 20 + ["cake"] * 3)
