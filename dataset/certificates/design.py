"""Plan which pictures people look at to certify the labels, and say how many looks that takes. Pure functions.

The riskiest pictures are looked at first, all of them. The others are divided into strata by their error probability,
and drawn one by one: riskier ones more often. How many come first and how much the chances differ is chosen by
simulating the looks, with error probabilities that may be off by a factor of two. A bad choice costs looks, never the
guarantee.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dataset.certificates.bound import Floats, Integers, Sequences, Strata
from dataset.certificates.certificate import FIRST

N_STRATA = 12
# Of the allowed number, or of all that are expected if these are fewer: left after the riskiest are looked at.
REMAINING = (0.9, 0.8, 0.7, 0.6, 0.5, 0.42, 0.35, 0.27, 0.2)
# Share of the chance that all have alike, and power of the risk in the rest.
FLATNESS = ((0.8, 0.5), (0.9, 0.5), (0.7, 0.5), (0.6, 0.5), (0.6, 0.75), (1.0, 0.0))
LEVELS = (0.5, 1.0, 2.0)  # times the error probabilities: so far they may be off, all together
RUNS = 33  # simulated, of each plan
CHECKED_EVERY = 10  # looks: whether the plan can still be the best
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Plan:
    """How pictures are drawn. first: how many of the riskiest are looked at before; first_expected: wrong labels among
    them. edges: where each stratum ends, in the order of risk. weight, expected: of each stratum. looks: median of the
    simulated looks, None where the plan did not come to an end; most_looks: nine in ten runs need no more.
    """

    first: int
    first_expected: float
    edges: tuple[int, ...]
    weight: tuple[float, ...]
    expected: tuple[float, ...]
    looks: int | None = None
    most_looks: int | None = None

    def strata(self, asked_about: Integers | None = None) -> Strata:
        """The strata as `Sequences` needs them. asked_about: (runs, strata); by default one run about all."""
        sizes = np.diff([self.first, *self.edges])
        return Strata(
            np.array(self.weight), np.array(self.expected), sizes, sizes[None] if asked_about is None else asked_about
        )

    def stratum_of(self, rank: int) -> int:
        """The stratum of the picture with this rank in the order of risk, from 0 on."""
        return FIRST if rank < self.first else int(np.searchsorted(self.edges, rank, side="right"))


def choose_plan(probabilities: Floats, allowed: int, confidence: float) -> Plan:
    """The plan with the fewest looks: by their geometric mean, so that half as many count as much as twice.

    probabilities: (pictures,) that a label is wrong, descending.

    allowed: so many wrong labels may be left.
    """
    cumulated = probabilities[::-1].cumsum()[::-1]  # wrong labels expected from each rank on
    least = min(allowed, cumulated[0])
    firsts = {0, *(int((cumulated > share * least).sum()) for share in REMAINING)}
    best: tuple[float, Plan] | None = None

    def attempt(first: int, flat: float, power: float) -> None:
        nonlocal best
        most = math.inf if best is None else best[0]
        if first >= min(most, len(probabilities)):
            return
        plan = _plan(probabilities, first, flat, power)
        looks = _simulate(plan, allowed, confidence, most)
        if looks is not None and (typical := _typical(looks)) < most:
            best = typical, _expecting(plan, looks)

    for first in sorted(firsts, key=lambda first: abs(cumulated[min(first, len(cumulated) - 1)] - allowed / 2)):
        attempt(first, *FLATNESS[0])
    for others in FLATNESS[1:]:
        attempt(best[1].first if best else 0, *others)
    return best[1] if best else _plan(probabilities, 0, 1.0, 0.0)


def aimed(plan: Plan, allowed: int, confidence: float) -> Plan:
    """The plan with the looks that it is expected to need for another number of wrong labels that may be left."""
    looks = _simulate(plan, allowed, confidence, math.inf) if plan.edges else None
    return plan if looks is None else _expecting(plan, looks)


def _expecting(plan: Plan, looks: Floats) -> Plan:
    median, decile = (int(np.quantile(looks, share, method="inverted_cdf")) for share in (0.5, 0.9))
    return replace(plan, looks=median, most_looks=decile)


def _plan(probabilities: Floats, first: int, flat: float, power: float) -> Plan:
    """Strata of the pictures after the first, each twice as large as the riskier one before it."""
    n = len(probabilities)
    ends = sorted({first + max(1, math.ceil((n - first) / 2**part)) for part in range(N_STRATA)})
    edges = tuple(end for end in ends if end <= n)
    parts = [probabilities[a:b] for a, b in zip((first, *edges), edges, strict=False)]
    expected = np.array([part.mean() for part in parts])
    sizes = np.array([len(part) for part in parts])
    risk = np.maximum(expected, LEAST_PROBABILITY) ** power
    risk *= sizes.sum() / (risk * sizes).sum()
    return Plan(
        first,
        float(probabilities[:first].sum()),
        edges,
        tuple((flat + (1 - flat) * risk).tolist()),
        tuple(expected.tolist()),
    )


def _simulate(plan: Plan, allowed: int, confidence: float, most: float) -> Floats | None:
    """(RUNS,) Looks that simulated runs needed; None where they would typically be more than `most`."""
    rng = np.random.default_rng(0)
    sizes = np.diff([plan.first, *plan.edges])
    level = np.resize(LEVELS, RUNS)[:, None]
    wrong = rng.binomial(sizes, np.minimum(np.array(plan.expected) * level, 1.0), size=(RUNS, len(sizes)))
    numbers = allowed + np.arange(int(wrong.sum(axis=1).max()) + 2)
    strata = plan.strata(np.tile(sizes, (RUNS, 1)))
    before = plan.first_expected * level[:, 0], np.full(RUNS, plan.first_expected)
    sequences = Sequences(strata, np.full(RUNS, allowed), confidence, numbers, before)
    left = np.tile(sizes, (RUNS, 1))
    done: list[int] = []
    for look in range(int(sizes.sum()) + 1):
        going = ~sequences.is_shown()
        if not going.all():
            done += [plan.first + look] * int((~going).sum())
            sequences.keep(going)
            left, wrong = left[going], wrong[going]
        if not len(left):
            return np.array(done, dtype=np.float64)
        if look % CHECKED_EVERY == 0 and _typical(np.array([*done, *[plan.first + look] * len(left)])) > most:
            return None
        runs = np.arange(len(left))
        stratum = (sequences.chances().cumsum(axis=1) < rng.random(len(runs))[:, None]).sum(axis=1)
        stratum = np.minimum(stratum, len(sizes) - 1)
        is_wrong = rng.random(len(runs)) * left[runs, stratum] < wrong[runs, stratum]
        sequences.look(stratum, np.ones(len(runs), dtype=bool), is_wrong)
        left[runs, stratum] -= 1
        wrong[runs, stratum] -= is_wrong
    return None


def _typical(looks: Floats) -> float:
    """Their geometric mean."""
    return float(np.exp(np.log(np.maximum(looks, 1)).mean()))


def ticket(seed: str, sha256: str) -> float:
    """A random number in (0, 1) for a picture, which nobody can choose once the seed is drawn."""
    digest = hashlib.sha256(f"isitcake certificate\0{seed}\0{sha256}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64


def drawn_order(tickets: Sequence[float], weights: Sequence[float]) -> list[int]:
    """Indices in the order in which pictures are drawn.

    Like drawing one by one, each with a chance proportional to its weight among those left: the waiting times of
    exponential clocks (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
    """
    clocks = -np.log(np.array(tickets)) / np.array(weights)
    return [int(index) for index in np.argsort(clocks, kind="stable")]
