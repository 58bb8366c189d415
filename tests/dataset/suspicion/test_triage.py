"""The probability of a wrong label: sensible before any answer, fitted to the answers, never lower for more suspicion.

Findings become subjects and signals in dataset/suspicion/subjects.py, which tests/dataset/test_curate.py runs.
"""

import numpy as np
import pytest

from dataset.suspicion.triage import (
    SIGNALS,
    calibrate,
    is_precise,
    is_surely_unusable,
    logit,
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
