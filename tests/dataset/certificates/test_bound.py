"""dataset.certificates.bound: the bound is hardly ever too low, whatever the detectors say and whenever one stops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from dataset.certificates.bound import Floats, Integers, Sequences, Strata, possible_numbers

RUNS = 400
CONFIDENCE = 0.9


def looked(sizes: Integers, wrong: Integers, weight: Floats, expected: Floats, looks: int) -> tuple[Floats, Sequences]:
    """How often the bound was once below the truth. wrong: wrong pictures of each stratum."""
    rng = np.random.default_rng(3)
    strata = Strata(weight, expected, sizes, np.tile(sizes, (RUNS, 1)))
    sequences = Sequences(strata, np.full(RUNS, 5), CONFIDENCE)
    left, wrong_left, runs = np.tile(sizes, (RUNS, 1)), np.tile(wrong, (RUNS, 1)), np.arange(RUNS)
    is_too_low = np.zeros(RUNS, dtype=bool)
    for _ in range(looks):
        stratum = (sequences.chances().cumsum(axis=1) < rng.random(RUNS)[:, None]).sum(axis=1)
        is_wrong = rng.random(RUNS) * left[runs, stratum] < wrong_left[runs, stratum]
        sequences.look(stratum, np.ones(RUNS, dtype=bool), is_wrong)
        left[runs, stratum] -= 1
        wrong_left[runs, stratum] -= is_wrong
        is_too_low |= sequences.upper() < wrong.sum()
    return is_too_low.mean(), sequences


@pytest.mark.parametrize(
    ("weight", "expected"),
    [([1, 1, 1], [0.02, 0.02, 0.02]), ([4, 2, 0.5], [0.2, 0.05, 0.001]), ([0.5, 1, 3], [0.0, 0.0, 0.0])],
    ids=["alike", "as the detectors say", "the wrong way round"],
)
def test_the_bound_covers_the_truth_at_every_look(weight: list[float], expected: list[float]) -> None:
    """At most one run in ten is ever below the truth, though somebody watches every look."""
    sizes, wrong = np.array([40, 80, 280]), np.array([6, 4, 4])
    too_low, _ = looked(sizes, wrong, np.array(weight, float), np.array(expected, float), 200)
    # 2.6 standard deviations of 400 runs at one in ten.
    assert too_low <= 1 - CONFIDENCE + 0.04


def test_whoever_looks_at_everything_knows_everything() -> None:
    sizes, wrong = np.array([10, 30]), np.array([3, 2])
    _, sequences = looked(sizes, wrong, np.array([3.0, 1.0]), np.array([0.1, 0.1]), 40)
    assert (sequences.upper() == 5).all()
    assert (sequences.found == 5).all()


def test_without_wrong_pictures_it_needs_about_as_few_looks_as_can_be() -> None:
    """A simple random sample in which nothing is wrong: the exact bound of the hypergeometric distribution."""
    strata = Strata(np.ones(1), np.array([1e-6]), np.array([1000]), np.array([[1000]]))
    sequences = Sequences(strata, np.array([10]), 0.95)
    looks = 0
    while not sequences.is_shown().all():
        sequences.look(np.zeros(1, int), np.ones(1, bool), np.zeros(1, bool))
        looks += 1
    exact = next(n for n in range(1000) if hypergeom.pmf(0, 1000, 11, n) <= 0.05)
    assert exact <= looks <= 1.05 * exact


def test_a_group_is_bounded_by_its_own_pictures() -> None:
    """The second run is about the second stratum only: wrong pictures of the first do not count."""
    strata = Strata(np.ones(2), np.full(2, 0.01), np.array([50, 50]), np.array([[50, 50], [0, 50]]))
    sequences = Sequences(strata, np.array([1, 1]), 0.95)
    for _ in range(30):
        sequences.look(np.zeros(2, int), np.array([True, False]), np.ones(2, bool))
    assert sequences.found.tolist() == [30, 0]
    assert sequences.upper()[1] <= 50
    assert sequences.upper()[0] >= 30


@given(st.integers(0, 5_000_000))
def test_numbers_to_rule_out_grow_up_to_all_pictures(pictures: int) -> None:
    numbers = possible_numbers(pictures)
    assert numbers[0] == 0
    assert numbers[-1] == pictures
    assert (np.diff(numbers) > 0).all()
    assert len(numbers) < 3000
