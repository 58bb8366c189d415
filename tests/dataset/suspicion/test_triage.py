"""The probability of a wrong label: sensible before any judgement, taught by them, never turned on its head."""

import numpy as np
import pytest

from dataset.suspicion.triage import (
    SIGNALS,
    UNSURE_VOTE,
    calibrate,
    is_precise,
    logit,
    lookalikes,
    out_of_fold,
    priority,
    surely_unusable,
)


def test_before_any_judgement_more_suspicion_is_more_probable() -> None:
    """Every signal raises the probability; none at all leaves it low."""
    model = calibrate([], [])
    nothing = model.probability({})
    assert nothing < 0.4
    for name in SIGNALS:
        assert model.probability({name: 1.0}) > nothing


def test_judgements_move_the_weights_and_never_below_zero() -> None:
    """A signal that was wrong forty times loses its weight; one that was right gains."""
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


def test_lookalikes_take_their_neighbours_word_and_nobody_is_his_own_witness() -> None:
    """Near a picture found wrong: suspicious; near one found right: not; far from all: nothing."""
    features = np.array([[1, 0, 0], [0.99, 0.05, 0], [0, 1, 0], [0.05, 0.99, 0], [0, 0, 1]], dtype=np.float32)
    votes = lookalikes(features, np.array([0, 2]), np.array([1.0, -1.0]))
    assert votes[1] > 0.5
    assert votes[3] < -0.5
    assert abs(votes[4]) < 0.1
    assert abs(votes[0]) < 0.1
    assert lookalikes(features, np.array([0]), np.array([UNSURE_VOTE]))[1] < 0
    assert not lookalikes(features, np.empty(0, dtype=np.int64), np.empty(0)).any()


def test_out_of_fold_never_learns_from_a_pictures_own_cluster() -> None:
    """A wrong label that stands alone on a clear picture is doubted; one label alone says nothing."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(120, 5)).astype(np.float32)
    labels = ["cake"] * 60 + ["not_cake"] * 60
    features[:60, 0] += 6
    features[0, 0] -= 6
    answers = out_of_fold(features, labels, np.arange(120), np.zeros(120, dtype=bool))
    assert answers[0]["cake"] < 0.5 < answers[1]["cake"]
    assert out_of_fold(features, ["cake"] * 120, np.arange(120), np.zeros(120, dtype=bool)) == [{}] * 120


@pytest.mark.parametrize(
    ("probability", "alpha", "colours", "aside"),
    [(0.9, 0.0, 0.2, True), (0.8, 0.0, 0.2, False), (0.6, 0.5, 0.2, True), (0.6, 0.0, 0.95, True),
     (0.4, 0.5, 0.95, False)],
)  # fmt: skip
def test_only_the_sure_are_set_aside(probability: float, alpha: float, colours: float, aside: bool) -> None:
    """Almost surely unusable, or drawn and probably so."""
    assert surely_unusable(probability, {"alpha": alpha, "top_colours": colours}) is aside


def test_priority_and_logit() -> None:
    """Large clusters come sooner; odds are capped."""
    assert priority(0.5, 5) > priority(0.5, 1)
    assert logit(1.0) == -logit(0.0) == 5.0
    assert logit(0.5) == 0.0


def test_setting_aside_ends_where_people_prove_it_wrong() -> None:
    assert is_precise([])
    assert is_precise(["unusable"] * 200 + ["cake"])
    assert not is_precise(["unusable"] * 20 + ["cake"] * 3)
