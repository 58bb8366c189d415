"""make bench-certify: looks that a certificate of 1 % needs, beside a random audit of a fixed size; made-up pictures.

20,000 pictures; their true error is 0.2 to 3 %. Detectors rank them (a wrong label scores higher than a right one in
nine of ten pairs), and say two thirds, all, or one and a half times as many wrong labels as there are. Each repetition
draws the wrong labels anew. In every repetition the bound is followed look by look; it is
false if it is ever below the truth.
"""

import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit
from scipy.stats import hypergeom, norm
from table import figures, out, table

from dataset.certificates.bound import Booleans, Floats, Integers, Sequences
from dataset.certificates.design import Plan, choose_plan

PICTURES = 20_000
ERROR, CONFIDENCE = 0.01, 0.95
RATES = (0.002, 0.005, 0.01, 0.02, 0.03)  # true share of wrong labels
LEVELS = (2 / 3, 1.0, 3 / 2)  # times the truth, of what detectors say; `make bench-projects` finds them so far off
REPETITIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000  # of each rate
PAIRS_RANKED = 0.9
POWER = 0.95  # of the audit of a fixed size: so often it shows what it should
ALLOWED = int(ERROR * PICTURES)


@dataclass(frozen=True)
class Result:
    """looks: of each repetition. left: wrong labels that were left when it stopped. is_false: the bound was once too
    low. expected: looks that the plan said.
    """

    looks: Integers
    left: Integers
    is_false: Booleans
    expected: Integers


def main() -> None:
    started = time.perf_counter()
    rng = np.random.default_rng(7)
    rows, worst, results = [], 0.0, []
    for rate in RATES:
        parts = [_run(rate, level, REPETITIONS // len(LEVELS) + 1, rng) for level in LEVELS]
        looks, left, is_false, expected = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("looks", "left", "is_false", "expected")
        )
        fixed, median = _fixed(rate), float(np.median(looks))
        ratio = median / (fixed or PICTURES)
        worst = max(worst, ratio)
        results.append(Result(looks, left, is_false, expected))
        rows.append([
            f"{rate:.1%}", f"{median:.0f}", f"{np.quantile(looks, 0.9):.0f}", str(fixed or f"all {PICTURES}"),
            f"{ratio:.2f}", f"{(left > ALLOWED).mean():.3f}", f"{is_false.mean():.3f}",
            f"{np.median(expected / looks):.2f}",
        ])  # fmt: skip
        out.print(f"{rate:.1%}: {median:.0f} looks, {time.perf_counter() - started:.0f} s")
    head = ["wrong", "looks, median", "nine in ten", f"random audit, {POWER:.0%}", "ratio", "false", "bound too low"]
    table(f"Looks until {ERROR:.0%} is shown with {CONFIDENCE:.0%} confidence", [*head, "expected/needed"], rows)
    keys = {
        "coverage": round(1 - max(float(result.is_false.mean()) for result in results), 4),
        "looks_vs_fixed": round(worst, 3),
        "false_certificates": round(max(float((result.left > ALLOWED).mean()) for result in results), 4),
        "expected_vs_needed": round(float(np.median(np.concatenate([r.expected / r.looks for r in results]))), 3),
        "repetitions": len(results[0].looks),
    }
    figures(keys)


def _run(rate: float, level: float, runs: int, rng: np.random.Generator) -> Result:
    """Repetitions at one true error, with detectors whose level is off."""
    score = norm.ppf(PAIRS_RANKED) * np.sqrt(2)
    is_wrong = rng.random(PICTURES) < rate
    position = rng.normal(size=PICTURES) + score * is_wrong

    def probability(share: float) -> Floats:
        odds: Floats = expit(np.log(share / (1 - share)) + score * position - score**2 / 2)
        return odds

    truth = probability(rate)
    order = np.argsort(-truth, kind="stable")
    truth = truth[order] * rate * PICTURES / truth.sum()
    plan = choose_plan(probability(min(0.4, rate * level))[order], ALLOWED, CONFIDENCE)
    return _follow(plan, truth, runs, rng)


def _follow(plan: Plan, truth: Floats, runs: int, rng: np.random.Generator) -> Result:
    """Look until it is shown. truth: (pictures,) the probability that each label is wrong, in the plan's order."""
    edges = [plan.first, *plan.edges]
    wrong = np.stack([_drawn(truth[a:b], runs, rng) for a, b in pairwise(edges)], axis=1)
    sizes = np.diff(edges)
    total = wrong.sum(axis=1)
    before = _drawn(truth[: plan.first], runs, rng), np.full(runs, plan.first_expected)
    most = int(total.max())
    numbers = np.unique([*range(int(total.min()), most + 1), *range(ALLOWED, ALLOWED + most + 3)])
    allowed = np.full(runs, ALLOWED)
    sequences = Sequences(plan.strata(np.tile(sizes, (runs, 1))), allowed, CONFIDENCE, numbers, before)
    left, going = np.tile(sizes, (runs, 1)), np.arange(runs)
    looks, remaining, is_false = np.zeros(runs, int), np.zeros(runs, int), np.zeros(runs, bool)
    for look in range(int(sizes.sum()) + 1):
        upper = sequences.upper()
        is_false[going] |= upper < total[going]
        is_shown = upper - sequences.found <= ALLOWED
        if is_shown.any():
            done = going[is_shown]
            looks[done], remaining[done] = look + plan.first, wrong[is_shown].sum(axis=1)
            sequences.keep(~is_shown)
            left, wrong, going = left[~is_shown], wrong[~is_shown], going[~is_shown]
        if not len(going):
            break
        each = np.arange(len(going))
        stratum = (sequences.chances().cumsum(axis=1) < rng.random(len(going))[:, None]).sum(axis=1)
        stratum = np.minimum(stratum, len(sizes) - 1)
        is_wrong = rng.random(len(going)) * left[each, stratum] < wrong[each, stratum]
        sequences.look(stratum, np.ones(len(going), bool), is_wrong)
        left[each, stratum] -= 1
        wrong[each, stratum] -= is_wrong
    return Result(looks, remaining, is_false, np.full(runs, plan.looks or PICTURES))


def _drawn(truth: Floats, runs: int, rng: np.random.Generator) -> Integers:
    """(runs,) How many labels of a stratum are wrong."""
    return np.array([int((rng.random(len(truth)) < truth).sum()) for _ in range(runs)])


def _fixed(rate: float) -> int | None:
    """The smallest simple random sample that shows the same in POWER of its repetitions; None where none does.

    What it finds is corrected too, so that the rest has to be below the limit.
    """
    wrong, found = int(rate * PICTURES), np.arange(1500)
    for size in np.unique(np.geomspace(100, PICTURES - 1, 600).astype(int)):
        is_enough = hypergeom.cdf(found, PICTURES, ALLOWED + found + 1, size) <= 1 - CONFIDENCE
        if hypergeom.pmf(found, PICTURES, wrong, size)[is_enough].sum() >= POWER:
            return int(size)
    return None


if __name__ == "__main__":
    main()
