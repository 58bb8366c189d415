"""How often reviewers miss odd pictures of a wall: recovered from simulated reviewers whose rates are known."""

import math
import random

import pytest

from dataset.labels.consensus import SETTLED_PROBABILITY, Vote, consensus
from dataset.labels.wall_rates import Seen, WallRates, odds, rates


def walls(rng: random.Random, miss: float, pictures: int, odd: float, checked: float, known: int) -> list[Seen]:
    """What one reviewer saw. checked: share of the confirmed pictures that somebody answered alone, right in 97 of 100.

    known: odd pictures that were known, hidden among them.
    """
    seen = [Seen("ann", rng.random() > miss, math.inf) for _ in range(known)]
    for _ in range(pictures):
        is_odd = rng.random() < odd
        is_tapped = rng.random() > miss if is_odd else rng.random() < 0.01
        ratio = 1.0
        if not is_tapped and rng.random() < checked:
            says_odd = is_odd if rng.random() < 0.97 else not is_odd
            ratio = odds([("bob", "x" if says_odd else "cake")], "cake", {"bob": 0.97}, 4)
        seen.append(Seen("ann", is_tapped, ratio))
    return seen


@pytest.mark.parametrize("miss", [0.03, 0.08, 0.25, 0.5])
def test_the_interval_covers_the_true_rate(miss: float) -> None:
    """At 95 %; of twenty simulations, chance may miss three."""
    covered = 0
    for seed in range(20):
        found = rates(walls(random.Random(seed), miss, 600, 0.15, 0.1, 25))["ann"]
        covered += found.low <= miss <= found.high
    assert covered >= 17


def test_more_known_pictures_make_it_narrower() -> None:
    few, many = (rates(walls(random.Random(1), 0.1, 400, 0.1, 0.0, known))["ann"] for known in (5, 200))
    assert many.high - many.low < (few.high - few.low) / 2


def test_who_taps_everything_that_is_odd_is_not_called_perfect() -> None:
    """Ten of ten found still leave room."""
    found = rates([Seen("ann", True, math.inf)] * 10)["ann"]
    assert 0 < found.miss < 0.1
    assert found.high > 0.1


@pytest.mark.parametrize(
    ("miss", "share", "walls_needed"), [(0.1, 0.1, 1), (0.2, 0.1, 1), (0.4, 0.1, 2), (0.2, 0.5, 2)]
)
def test_a_confirmed_picture_is_worth_what_its_reviewer_is(miss: float, share: float, walls_needed: int) -> None:
    """One look of a careful reviewer settles a label; of one who misses more, or on a bad wall, it takes two people."""
    measured = {name: WallRates(miss=miss, share=share) for name in "ab"}
    for count in (1, 2):
        model = consensus([Vote("i", name, "cake", is_confirmed=True) for name in "ab"[:count]], {}, measured)
        assert (model.best("i")[1] >= SETTLED_PROBABILITY) is (count >= walls_needed)


def test_who_sees_nothing_settles_nothing() -> None:
    """However many of them confirm it, and however few labels are wrong."""
    blind = WallRates(miss=0.99, share=0.01)
    votes = [Vote("i", str(n), "cake", is_confirmed=True) for n in range(9)]
    assert consensus(votes, {}, {vote.reviewer: blind for vote in votes}).best("i")[1] < SETTLED_PROBABILITY


def test_a_single_answer_and_a_confirmation_that_differ_leave_it_open() -> None:
    votes = [Vote("i", "a", "cake", is_confirmed=True), Vote("i", "b", "not_cake"), Vote("j", "b", "unsure")]
    assert consensus(votes).best("i")[1] < SETTLED_PROBABILITY


def test_without_walls_there_are_no_rates() -> None:
    assert rates([]) == {}


def test_single_answers_move_the_odds() -> None:
    """Two that agree move them more than one; an unknown reviewer counts as new."""
    one, two = odds([("a", "x")], "cake", {}, 4), odds([("a", "x"), ("b", "x")], "cake", {}, 4)
    assert 1 < one < two
    assert odds([("a", "cake")], "cake", {}, 4) < 1
