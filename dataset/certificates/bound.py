"""Bound how many labels are wrong, from pictures that people look at one after the other. Pure functions.

Pictures are drawn without replacement, with known probabilities. For every number k of wrong pictures that could have
been there at the start, a wealth starts at one and bets with each look that there are fewer. If k were true, the wealth
would be a martingale that is never negative, so the chance that it ever reaches 1 / (1 - confidence) is at most
1 - confidence, whenever somebody stops (Ville's inequality). Every k whose wealth reached it is ruled out.

Sources: Waudby-Smith, Stark and Ramdas, "RiLACS: Risk limiting audits via confidence sequences" (2021); Shekhar, Xu,
Lipton, Liang and Ramdas, "Risk-limiting financial audits via weighted sampling without replacement" (2023).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

HALVINGS = 18  # of the interval in which a bet is searched
NEVER_ALL = 1 - 1e-6  # of what may be bet: a wealth never falls to nothing
HELD = 0.02  # of the looks so far: for so many more a bet is held before it is computed anew
STRENGTH = 2.0  # wrong pictures that the error probabilities are worth, when answers correct their level
LEAST_EXPECTED = 0.02  # times the allowed share: no stratum is believed to be free of wrong labels
MOST_EXPECTED = 0.5
EVERY_NUMBER = 2000  # up to this many wrong pictures each number is ruled out by itself, then one in a hundred
STEP = 1.01
TINY = 1e-12


@dataclass(frozen=True)
class Strata:
    """Groups of pictures that are drawn alike.

    weight: (strata,) relative chance of one picture to be drawn. expected: (strata,) share that is expected to be
    wrong. pictures: (strata,) how many there are. asked_about: (runs, strata) how many of them a run is about: all, or
    those of one class. Wrong ones among the others do not count.
    """

    weight: Floats
    expected: Floats
    pictures: Integers
    asked_about: Integers


class Sequences:
    """Confidence sequences for numbers of wrong pictures: several runs at once.

    allowed: (runs,) so many wrong pictures may be left; bets are made to show this soonest. numbers: (numbers,) the
    numbers to rule out, ascending; by default up to all pictures. before: (runs,) wrong pictures among those that were
    looked at before the first is drawn, and how many were expected there: they correct the level of what is expected.
    """

    def __init__(
        self,
        strata: Strata,
        allowed: Integers,
        confidence: float,
        numbers: Integers | None = None,
        before: tuple[Floats, Floats] | None = None,
    ) -> None:
        runs = len(allowed)
        self._weight, self._expected = strata.weight, strata.expected
        self._n = float(strata.pictures.sum())
        self._numbers = (possible_numbers(int(self._n)) if numbers is None else numbers).astype(np.float64)
        self._allowed = allowed.astype(np.float64)
        self._limit = -np.log(1 - confidence)
        self._left = np.tile(strata.pictures.astype(np.float64), (runs, 1))
        self._left_asked = strata.asked_about.astype(np.float64).copy()
        self._log_wealth = np.zeros((runs, len(self._numbers)))
        self._is_out = self._numbers > self._left_asked.sum(axis=1)[:, None]
        self._before = np.zeros(runs) if before is None else before[0]
        self._looked_expected: Floats = np.zeros(runs) if before is None else before[1].astype(np.float64)
        self._held: Floats = np.zeros(runs)  # the present bets
        self._looks = self._renew_at = 0
        self.found: Floats = np.zeros(runs)

    def look(self, stratum: Integers, is_asked: Booleans, is_wrong: Booleans) -> None:
        """One more picture in each run. stratum: (runs,) where it was drawn. is_asked: whether the run is about it."""
        runs = np.arange(len(stratum))
        value, chance = self._values()
        prior = self._expected * self._left_asked / np.maximum(self._left, 1.0)
        if self._looks >= self._renew_at:
            self._held = self._best_bet(value, chance, prior)
            self._renew_at = self._looks + 1 + int(HELD * self._looks)
        self._looks += 1
        counts = is_wrong & is_asked
        null = (self._numbers - self.found[:, None]) / self._n  # (runs, numbers): left before this look, if it were so
        most = NEVER_ALL / np.maximum(self._largest(value)[:, None] - null, TINY)
        gain = np.minimum(self._held[:, None], most) * (null - np.where(counts, value[runs, stratum], 0.0)[:, None])
        self._log_wealth += np.log1p(np.where(null >= 0, gain, 0.0))
        self._looked_expected += prior[runs, stratum]
        self._left[runs, stratum] -= 1
        self._left_asked[runs, stratum] -= is_asked
        self.found += counts
        most_possible = self.found + self._left_asked.sum(axis=1)
        self._is_out |= self._log_wealth >= self._limit
        self._is_out |= (self._numbers < self.found[:, None]) | (self._numbers > most_possible[:, None])

    def upper(self) -> Integers:
        """(runs,) The most wrong pictures that there may have been at the start, those included that were found."""
        is_open = ~self._is_out
        last = is_open.shape[1] - 1 - is_open[:, ::-1].argmax(axis=1)
        after = np.minimum(last + 1, len(self._numbers) - 1)
        # Between two numbers that are looked at, the larger one was ruled out: the result is never too small.
        result = np.where(after == last, self._numbers[last], self._numbers[after] - 1)
        result = np.minimum(result, self.found + self._left_asked.sum(axis=1))
        # All are ruled out: what lies between two of them, from what was found on, is not.
        following = np.minimum(np.searchsorted(self._numbers, self.found), len(self._numbers) - 1)
        least = np.maximum(self.found, self._numbers[following] - 1)
        return np.where(is_open.any(axis=1), result, least).astype(np.int64)

    def is_shown(self) -> Booleans:
        """(runs,) Whether no more than the allowed number of wrong pictures is left."""
        return self.upper() - self.found <= self._allowed

    def keep(self, runs: Booleans) -> None:
        """Go on with some of the runs only."""
        for name in (
            "_allowed",
            "_left",
            "_left_asked",
            "_log_wealth",
            "_is_out",
            "_looked_expected",
            "_before",
            "_held",
            "found",
        ):
            setattr(self, name, getattr(self, name)[runs])

    def chances(self) -> Floats:
        """(runs, strata) The chance of each stratum to be drawn next."""
        return self._values()[1]

    def _values(self) -> tuple[Floats, Floats]:
        """(runs, strata) What a wrong picture of a stratum counts, and the chance of the stratum."""
        mass = self._left * self._weight
        total = mass.sum(axis=1, keepdims=True)
        return total / (self._n * self._weight), mass / np.maximum(total, TINY)

    def _largest(self, value: Floats) -> Floats:
        """(runs,) The most that the next look can count."""
        largest: Floats = np.where(self._left_asked > 0, value, 0.0).max(axis=1)
        return largest

    def _best_bet(self, value: Floats, chance: Floats, prior: Floats) -> Floats:
        """(runs,) The bet that gains most where one wrong picture more than allowed is left.

        prior: (runs, strata) share that is expected to be wrong. The looks so far correct its level.
        """
        level = (STRENGTH + self._before + self.found) / (STRENGTH + self._looked_expected)
        null = (self._allowed + 1) / self._n
        least = LEAST_EXPECTED * null[:, None] * self._left_asked / np.maximum(self._left, 1.0)
        expected = np.minimum(np.maximum(prior * level[:, None], least), MOST_EXPECTED)
        excess = value - null[:, None]
        wrong, right = chance * expected, (chance * (1 - expected)).sum(axis=1)
        low: Floats = np.zeros(len(value))
        high = NEVER_ALL / np.maximum(self._largest(value) - null, TINY)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            slope = right * null / (1 + middle * null)
            slope -= (wrong * excess / np.maximum(1 - middle[:, None] * excess, TINY)).sum(axis=1)
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
        return low


def possible_numbers(pictures: int) -> Integers:
    """Numbers of wrong pictures to rule out: each of the small ones, and then fewer and fewer, up to all pictures."""
    numbers = list(range(min(pictures, EVERY_NUMBER) + 1))
    while numbers[-1] < pictures:
        numbers.append(min(pictures, int(numbers[-1] * STEP)))
    return np.array(numbers, dtype=np.int64)
