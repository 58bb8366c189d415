"""Exact confidence intervals of shares."""


def exact_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval (low, high) of a share, where k of n trials were hits.

    It covers the true share with a probability of at least `level`. (0, 1) for n = 0. Raises ValueError for k outside
    0..n. Source: Clopper and Pearson, Biometrika 26, 1934; the same as scipy.stats.binomtest with method "exact".
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share")
    from scipy.special import betaincinv  # importing scipy.stats, which has binomtest, takes longer

    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high
