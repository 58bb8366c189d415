"""make bench-join: finding pictures that are alike in large libraries, by their hashes.

Hashes with themselves: made-up ones, a twentieth of them near-copies of others, joined within the bits by which curate
proposes pairs; recall against comparing every pair, for a sample. New pictures: a block of them with libraries of
growing size, as curate compares them: each whole picture, turned or not, with each part of the others, and the
other way round. Beside it, the time of comparing every pair, measured on a few and scaled. `ISITCAKE_BENCH_HASHES` says
how many hashes the largest join has (10,000,000).
"""

import os
import time

import numpy as np
from hash_joins import with_itself
from numpy.typing import NDArray
from table import Peak, figures, out, table

from dataset.duplicates import hamming
from dataset.duplicates.pairs import TURNED_BOXES, VIEW_BITS, VIEWS, Prints, candidates
from dataset.duplicates.turns import TURNS

MOST = int(os.environ.get("ISITCAKE_BENCH_HASHES", "10000000"))
JOINED = (MOST // 100, MOST // 10, MOST)
LIBRARIES = (20_000, 100_000, 1_000_000)
NEW = 2_000
NEAR_COPIES = 0.05
MOST_FLIPPED = 10
SAMPLE = 200
TIMED = 50  # hashes for which comparing every pair is timed
ONES = 32  # of 64 bits: a hash says which frequencies are above their median


def main() -> None:
    figures(_with_themselves() | _new_pictures())


def _with_themselves() -> dict[str, float]:
    rows, seconds, peak_mb, recall = [], [], 0.0, 1.0
    for n in JOINED:
        hashes = _hashes(n, seed=n)
        with Peak(own=True) as peak:
            started = time.monotonic()
            pairs, _ = with_itself(hashes, VIEW_BITS)
            seconds.append(time.monotonic() - started)
        peak_mb = peak.megabytes
        recall = min(recall, _recall(hashes, pairs))
        rows.append((n, len(pairs), seconds[-1], peak_mb, recall))
    table(f"pairs within {VIEW_BITS} bits", ["hashes", "pairs", "seconds", "peak MB", "recall"], rows)
    growth = float(np.log(seconds[-1] / seconds[0]) / np.log(JOINED[-1] / JOINED[0]))
    out.print(f"growth exponent from {JOINED[0]:,} to {JOINED[-1]:,}: {growth:.2f}\n")
    return {"join_s": seconds[-1], "join_peak_mb": peak_mb, "join_recall": recall, "join_growth": growth}


def _new_pictures() -> dict[str, float]:
    rows = []
    for pictures in LIBRARIES:
        prints = _prints(pictures)
        new = np.arange(pictures - NEW, pictures)
        started = time.monotonic()
        found = candidates(prints, new)
        ours_s = time.monotonic() - started
        started = time.monotonic()
        hamming._brute(prints.turned[:TIMED, 0], prints.views.reshape(-1), VIEW_BITS)
        parts = 2 * prints.views.shape[1] + len(TURNED_BOXES) * (len(TURNS) - 2)  # of each picture, for all turns
        every_s = (time.monotonic() - started) / TIMED / prints.views.shape[1] * NEW * parts * 2
        rows.append((pictures, len(found), ours_s, every_s, every_s / ours_s))
    head = ["library", "pairs", "ours, s", "every pair, one core, s", "times faster"]
    table(f"{NEW:,} new pictures", head, rows)
    return {f"new_{pictures}_s": ours_s for pictures, _, ours_s, _, _ in rows}


def _recall(hashes: NDArray[np.uint64], pairs: NDArray[np.int64]) -> float:
    """Share of the pairs of a sample, half of it near-copies, that were found."""
    rng = np.random.default_rng(1)
    copies = int(len(hashes) * NEAR_COPIES)
    sample = np.concatenate([rng.choice(copies, SAMPLE // 2), rng.choice(len(hashes), SAMPLE // 2)])
    found = {(int(a), int(b)) for a, b in pairs[np.isin(pairs, sample).any(axis=1)]}
    wanted = set()
    for i in set(sample.tolist()):
        near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[i]) <= VIEW_BITS)
        wanted |= {(min(i, j), max(i, j)) for j in near.tolist() if hashes[j] != hashes[i]}
    return len(wanted & found) / len(wanted)


def _hashes(n: int, seed: int) -> NDArray[np.uint64]:
    """n different hashes; the first ones are near-copies of others."""
    rng = np.random.default_rng(seed)
    hashes = np.empty(n, dtype=np.uint64)
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    for start in range(0, n, 100_000):
        ranked = rng.random((min(100_000, n - start), 64), dtype=np.float32).argpartition(ONES, axis=1)[:, :ONES]
        hashes[start : start + len(ranked)] = weights[ranked].sum(axis=1, dtype=np.uint64)
    copies = int(n * NEAR_COPIES)
    hashes[:copies] = hashes[rng.choice(np.arange(copies, n), copies, replace=False)]
    for flip in range(MOST_FLIPPED):
        flipped = rng.integers(0, MOST_FLIPPED + 1, copies) > flip
        hashes[:copies][flipped] ^= weights[rng.integers(0, 64, int(flipped.sum()))]
    return hashes


def _prints(n: int) -> Prints:
    """n pictures with made-up hashes, each of its own."""
    rng = np.random.default_rng(n)
    base = _hashes(n, seed=n + 1)
    columns = [base, *(rng.permutation(base) ^ np.uint64(rng.integers(0, 2**63)) for _ in range(VIEWS))]
    turned = np.stack(columns[: len(TURNS)], axis=1)
    views = np.stack([base, *columns[len(TURNS) : VIEWS + 1]], axis=1)
    return Prints(turned, views, np.zeros((n, 4), np.uint64), np.ones(n, bool), np.zeros(n, bool))


if __name__ == "__main__":
    main()
