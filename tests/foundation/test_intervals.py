"""Exact confidence intervals."""

import pytest
from scipy.stats import binomtest

from foundation.intervals import exact_interval


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 1000)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_is_that_of_scipys_binomtest(k: int, n: int, level: float) -> None:
    interval = binomtest(k, n).proportion_ci(level, "exact")
    assert exact_interval(k, n, level) == pytest.approx((interval.low, interval.high))


def test_no_trials_give_the_whole_range() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{k} of {n}"):
        exact_interval(k, n)
