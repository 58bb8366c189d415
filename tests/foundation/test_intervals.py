"""Exact confidence intervals."""

import pytest
from scipy.stats import beta

from foundation.intervals import exact_interval


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 1000)])
def test_the_interval_is_clopper_and_pearsons(k: int, n: int) -> None:
    """Their paper defines it by quantiles of beta distributions."""
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    assert exact_interval(k, n) == pytest.approx((low, high))


def test_no_trials_give_the_whole_range() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{k} of {n}"):
        exact_interval(k, n)
