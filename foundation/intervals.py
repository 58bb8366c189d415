"""Exact confidence intervals of a share."""


def exact_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share of which k in n were seen: (low, high), never narrower than `level` says.

    (0, 1) for n = 0. Raises ValueError for k outside 0..n. Source: scipy.stats.binomtest.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n}")
    if not n:
        return 0.0, 1.0
    from scipy.stats import binomtest  # costs more than a second to import

    found = binomtest(k, n).proportion_ci(level, "exact")
    return float(found.low), float(found.high)
