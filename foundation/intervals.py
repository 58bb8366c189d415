"""Exact confidence intervals of shares."""


def exact_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval (low, high) of a share, where k of n trials were hits.

    It covers the true share with a probability of at least `level`. (0, 1) for n = 0. Raises ValueError for k outside
    0..n. Source: scipy.stats.binomtest.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share")
    if not n:
        return 0.0, 1.0
    from scipy.stats import binomtest  # importing it takes more than a second

    interval = binomtest(k, n).proportion_ci(level, "exact")
    return float(interval.low), float(interval.high)
