"""Joins of 64-bit hashes: how fast, in how much memory, beside faiss and DuckDB. Part of `make bench-duplicates`."""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import Peak, out, table

from dataset.duplicates.hamming import RADIUS_BITS, Pairs, cross_join

ROWS = (10_000, 100_000, 1_000_000)
FAISS_QUERIES = 20_000  # faiss takes minutes for all: its time is measured on these, and scaled
NEW_HASHES = 10_000


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


def _clustered(n: int) -> NDArray[np.uint64]:
    """n hashes in groups of four within twelve bits of each other; one in fifty is the same hash."""
    rng = np.random.default_rng(n)
    hashes = np.repeat(rng.integers(0, 2**64, -(-n // 4), dtype=np.uint64), 4)[:n]
    flips = rng.integers(0, 13, n)
    for k in range(12):
        chosen = flips > k
        hashes[chosen] ^= np.uint64(1) << rng.integers(0, 64, int(chosen.sum()), dtype=np.uint64)
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
