"""How strong a confirmed picture of a wall is as evidence. Pure functions.

A wall shows pictures that are believed to have one label. A reviewer taps the odd ones and confirms the rest in one go.
So a reviewer has a second way of being wrong: to miss an odd picture, or to tap one that is right. Both rates are
estimated for each reviewer, from what is known about the pictures otherwise (gold, single answers), by
expectation-maximisation over all pictures that the reviewer saw on walls, with a prior. See docs/decisions/0029.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Beta distributions that a new reviewer starts with, as pseudo-counts of yes and no.
PRIOR_MISSED, PRIOR_NOTICED = 0.5, 4.5  # of odd pictures: one in ten is missed; weak, so that known pictures count
PRIOR_TAPPED, PRIOR_PASSED = 0.5, 49.5  # of right pictures: one in a hundred is tapped
PRIOR_ODD, PRIOR_RIGHT = 1.0, 9.0  # of all pictures on a wall
MOST_BELIEVED = 2.0  # with it, one confirmation settles a label if fewer than 27 % of odd pictures are missed
GRID = 200  # values of the miss rate that are compared
ITERATIONS = 40
LOW, HIGH = 0.025, 0.975  # ends of the interval
LEAST, MOST_ACCURATE = 0.6, 0.995  # accuracy of single answers, between which it is held


@dataclass(frozen=True)
class Seen:
    """One picture that a reviewer saw on a wall that was confirmed.

    odds: how much likelier everything else that is known about it makes it odd than right: the ratio of the
    likelihoods; infinite: known to be odd; 0: known to be right; 1: nothing else is known.
    """

    reviewer: str
    is_tapped: bool
    odds: float = 1.0


@dataclass(frozen=True)
class WallRates:
    """miss: probability that an odd picture is not tapped; low, high: its 95 % interval. false_tap: probability that a
    right one is tapped. share: of the pictures of the walls that are odd.

    odd: expected number of odd pictures among those seen; pictures: how many were seen.
    """

    miss: float = PRIOR_MISSED / (PRIOR_MISSED + PRIOR_NOTICED)
    low: float = 0.0
    high: float = 1.0
    false_tap: float = PRIOR_TAPPED / (PRIOR_TAPPED + PRIOR_PASSED)
    share: float = PRIOR_ODD / (PRIOR_ODD + PRIOR_RIGHT)
    odd: float = 0.0
    pictures: int = 0

    def log_likelihoods(self, k: int, believed: int) -> NDArray[np.float64]:
        """(k,) log-likelihood of "not tapped" for each true answer, of k answers. believed: index of the wall's label.

        Right and wrong start even: the wrong answers share one half. What sources and detectors say is `believed_odds`.
        """
        logs = np.full(k, np.log(self.miss / max(1, k - 1)))
        logs[believed] = np.log(1 - self.false_tap)
        return logs

    @property
    def believed_odds(self) -> float:
        """How much likelier than wrong the label of a wall is before anybody looks, at most MOST_BELIEVED.

        More would let a reviewer who sees nothing settle labels.
        """
        return min(MOST_BELIEVED, (1 - self.share) / self.share)


NEW_REVIEWER = WallRates()


def rates(seen: Iterable[Seen]) -> dict[str, WallRates]:
    """The rates of each reviewer."""
    by_reviewer: dict[str, list[Seen]] = defaultdict(list)
    for picture in seen:
        by_reviewer[picture.reviewer].append(picture)
    return {reviewer: _fit(pictures) for reviewer, pictures in sorted(by_reviewer.items())}


def odds(votes: Iterable[tuple[str, str]], believed: str, accuracy: Mapping[str, float], k: int) -> float:
    """How much likelier single answers make a picture odd than right. votes: reviewer and answer. k: how many
    answers are possible.
    """
    ratio = 1.0
    for reviewer, answer in votes:
        right = min(MOST_ACCURATE, max(LEAST, accuracy.get(reviewer, 0.95)))
        by_chance = (1 - right) / max(1, k - 1)  # that the answer is the label, though the picture is odd
        ratio *= by_chance / right if answer == believed else (1 - by_chance) / (1 - right)
    return ratio


def _fit(pictures: Sequence[Seen]) -> WallRates:
    """Compare the values of the miss rate, each with the other two rates that fit it best."""
    kinds = Counter((picture.is_tapped, picture.odds) for picture in pictures)
    counts = np.array(list(kinds.values()))
    tapped, ratio = np.array([is_tapped for is_tapped, _ in kinds]), np.array([ratio for _, ratio in kinds])
    miss = (np.arange(GRID) + 0.5) / GRID
    if_odd = np.where(tapped, 1 - miss[:, None], miss[:, None])  # (GRID, kinds)
    false_tap = np.full(GRID, PRIOR_TAPPED / (PRIOR_TAPPED + PRIOR_PASSED))
    share = np.full(GRID, PRIOR_ODD / (PRIOR_ODD + PRIOR_RIGHT))
    is_known = np.isinf(ratio) | (ratio == 0)
    for _ in range(ITERATIONS):
        is_odd, likelihood = _expect(tapped, ratio, if_odd, false_tap, share)
        right = (1 - is_odd) * counts
        false_tap = ((right * tapped).sum(axis=1) + PRIOR_TAPPED) / (right.sum(axis=1) + PRIOR_TAPPED + PRIOR_PASSED)
        unknown = counts * ~is_known  # what is known was put there: it says nothing about how many are odd
        share = ((is_odd * unknown).sum(axis=1) + PRIOR_ODD) / (unknown.sum() + PRIOR_ODD + PRIOR_RIGHT)
    logs = (np.log(likelihood) * counts).sum(axis=1)
    logs += (PRIOR_MISSED - 1) * np.log(miss) + (PRIOR_NOTICED - 1) * np.log(1 - miss)
    logs += PRIOR_TAPPED * np.log(false_tap) + PRIOR_PASSED * np.log(1 - false_tap)
    logs += PRIOR_ODD * np.log(share) + PRIOR_RIGHT * np.log(1 - share)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    below = np.cumsum(weights)
    return WallRates(
        miss=float(weights @ miss),
        low=float(miss[np.searchsorted(below, LOW)]),
        high=float(miss[min(GRID - 1, int(np.searchsorted(below, HIGH)))]),
        false_tap=float(weights @ false_tap),
        share=float(weights @ share),
        odd=float(weights @ (is_odd * counts).sum(axis=1)),
        pictures=len(pictures),
    )


def _expect(
    tapped: NDArray[np.bool_],
    ratio: NDArray[np.float64],
    if_odd: NDArray[np.float64],
    false_tap: NDArray[np.float64],
    share: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(GRID, kinds): the probability that a picture is odd, and the likelihood of what was seen of it."""
    if_right = np.where(tapped, false_tap[:, None], 1 - false_tap[:, None])
    is_surely_odd, is_surely_right = np.isinf(ratio), ratio == 0
    finite = np.where(is_surely_odd, 1.0, ratio)
    odd = share[:, None] * finite * if_odd
    right = (1 - share[:, None]) * if_right
    odd, right = np.where(is_surely_right, 0.0, odd), np.where(is_surely_odd, 0.0, right)
    is_odd = odd / (odd + right)
    likelihood = np.where(is_surely_odd, if_odd, np.where(is_surely_right, if_right, odd + right))
    return is_odd, np.maximum(likelihood, 1e-300)
