"""make bench-join: finding pictures that are alike in large libraries, by their hashes.

Hashes with themselves: made-up ones, a twentieth of them near-copies of others, joined within the bits by which curate
proposes pairs; recall against comparing every pair, for a sample. New pictures: a block of them with libraries of
growing size, as curate compares them: each whole picture, turned or not, with each part of the others, and the
other way round. Beside it, the time of comparing every pair, measured on a few and scaled. `ISITCAKE_BENCH_HASHES` says
how many hashes the largest join has (10,000,000). `measure_joins` is the part of `make bench-duplicates`: a million
hashes beside faiss and DuckDB.
"""

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import Peak, figures, out, table

from dataset.duplicates import hamming
from dataset.duplicates.crop_hashes import PLAIN
from dataset.duplicates.hamming import RADIUS_BITS, Pairs, cross_join
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
ROWS = (10_000, 100_000, 1_000_000)
FAISS_QUERIES = 20_000  # faiss takes minutes for all: its time is measured on these, and scaled
NEW_HASHES = 10_000


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
        parts = 2 * len(PLAIN) + len(TURNED_BOXES) * (len(TURNS) - 2)  # of each picture, for all turns
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
    _flip(rng, hashes[:copies], MOST_FLIPPED)
    return hashes


def _prints(n: int) -> Prints:
    """n pictures with made-up hashes, each of its own."""
    rng = np.random.default_rng(n)
    base = _hashes(n, seed=n + 1)
    columns = [base, *(rng.permutation(base) ^ np.uint64(rng.integers(0, 2**63)) for _ in range(VIEWS))]
    turned = np.stack(columns[: len(TURNS)], axis=1)
    views = np.stack([base, *columns[len(TURNS) : VIEWS + 1]], axis=1)
    fine = rng.integers(0, 2**63, (n, 4), dtype=np.uint64)
    shapes = rng.choice(np.log([1.5, 4 / 3, 1, 3 / 4, 2 / 3, 16 / 9]), n).astype(np.float32)
    return Prints(turned, views, fine, np.ones(n, bool), np.zeros(n, bool), shapes)


def measure_joins() -> dict[str, float | None]:
    """Print the tables. Returns the figures `join_1m_vs_faiss_flat` and `join_1m_peak_mb`."""
    rows, seconds, peak_mb = [], [], 0.0
    for n in ROWS:
        hashes = _clustered(n)
        with Peak(own=True) as peak:
            started = time.monotonic()
            pairs, _ = with_itself(hashes)
            seconds.append(time.monotonic() - started)
        peak_mb = peak.megabytes
        rows.append((n, len(pairs), seconds[-1], peak_mb))
    sample = np.random.default_rng(1).choice(ROWS[-1], 300, replace=False)
    _check(hashes, pairs, sample)
    table("pairs within 8 bits", ["hashes", "pairs", "seconds", "peak MB"], rows)
    growth = [float(np.log(seconds[k + 1] / seconds[k]) / np.log(ROWS[k + 1] / ROWS[k])) for k in range(len(ROWS) - 1)]
    out.print(f"growth exponents, {ROWS[0]:,} to {ROWS[-1]:,}: {', '.join(f'{g:.2f}' for g in growth)}; "
              "equal to brute force on 300 samples\n")  # fmt: skip
    fresh = _clustered(NEW_HASHES)
    fresh[: NEW_HASHES // 2] = hashes[: NEW_HASHES // 2]
    started = time.monotonic()
    cross_join(fresh, hashes)
    ours_new_s = time.monotonic() - started
    faiss_s, faiss_new_s = _faiss(hashes, fresh)
    duckdb_s = _duckdb(hashes[:100_000])
    table(
        "beside peers, in this run",
        ["", "ours, s", "peer, s", "times faster"],
        [
            ("1,000,000 with itself: faiss IndexBinaryFlat", seconds[-1], faiss_s, faiss_s / seconds[-1]),
            ("10,000 new with 1,000,000: faiss IndexBinaryFlat", ours_new_s, faiss_new_s, faiss_new_s / ours_new_s),
            ("100,000 with itself: DuckDB on banded keys", seconds[1], duckdb_s, duckdb_s / seconds[1]),
        ],
    )
    return {"join_1m_vs_faiss_flat": faiss_s / seconds[-1], "join_1m_peak_mb": peak_mb}


def with_itself(hashes: NDArray[np.uint64], radius: int = RADIUS_BITS) -> Pairs:
    """Every pair (i < j) of distinct hashes within the radius, with the distances. Equal hashes count as the first."""
    values, first = np.unique(hashes, return_index=True)
    pairs, distances = cross_join(values, values, radius)
    once = pairs[:, 0] < pairs[:, 1]
    return np.sort(first[pairs[once]], axis=1), distances[once]


def _flip(rng: np.random.Generator, hashes: NDArray[np.uint64], most: int) -> None:
    """Flip up to `most` bits of each hash, in place."""
    flips = rng.integers(0, most + 1, len(hashes))
    for flip in range(most):
        chosen = flips > flip
        hashes[chosen] ^= np.uint64(1) << rng.integers(0, 64, int(chosen.sum()), dtype=np.uint64)


def _clustered(n: int) -> NDArray[np.uint64]:
    """n hashes in groups of four within twelve bits of each other; one in fifty is the same hash."""
    rng = np.random.default_rng(n)
    hashes = np.repeat(rng.integers(0, 2**64, -(-n // 4), dtype=np.uint64), 4)[:n]
    _flip(rng, hashes, 12)
    hashes[: n // 50] = hashes[0]
    rng.shuffle(hashes)
    return hashes


def _check(hashes: NDArray[np.uint64], pairs: NDArray[np.int64], sample: NDArray[np.int64]) -> None:
    """Compare with brute force for some hashes. Raises AssertionError for a difference."""
    values, first = np.unique(hashes, return_index=True)
    firsts = set(first.tolist())
    neighbours: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    for i in sample.tolist():
        if i in firsts:
            near = set(first[np.bitwise_count(values ^ hashes[i]) <= 8].tolist()) - {i}
            assert near == neighbours.get(i, set()), i


def _bytes(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8)


def _faiss(hashes: NDArray[np.uint64], fresh: NDArray[np.uint64]) -> tuple[float, float]:
    """Seconds of the flat index: for all hashes (scaled from a part of them), and for the new ones."""
    import faiss

    index = faiss.IndexBinaryFlat(64)
    index.add(_bytes(hashes))
    started = time.monotonic()
    index.range_search(_bytes(hashes[:FAISS_QUERIES]), 9)
    part_s = time.monotonic() - started
    started = time.monotonic()
    index.range_search(_bytes(fresh), 9)
    out.print(
        f"faiss: {FAISS_QUERIES:,} of 1,000,000 queries took {part_s:.1f} s; the time for all is scaled from that\n"
    )
    return part_s * len(hashes) / FAISS_QUERIES, time.monotonic() - started


def _duckdb(hashes: NDArray[np.uint64]) -> float:
    """Seconds of the same join as SQL, which runs on many machines too: see docs/duplicates.md."""
    import duckdb
    import pyarrow as pa

    rows = pa.table({"i": np.arange(len(hashes)), "h": hashes})  # noqa: F841  the query names it
    started = time.monotonic()
    query = (Path(__file__).parent / "near_pairs.sql").read_text()
    duckdb.connect().execute(query.replace("FROM fingerprints", "FROM rows")).fetchall()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
