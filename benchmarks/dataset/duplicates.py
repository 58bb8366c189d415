"""make bench-duplicates: what is found, what is confused, and how fast, beside imagehash, imagededup, faiss and DuckDB.

Photos come from ../shared where it is there, else they are drawn; half as many again of others chose the
thresholds. Recall is of (photo, its variant); false pairs are among all files of different photos.
"""

import csv
import hashlib
import io
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from table import Peak, figures, out, table
from variants import VARIANTS, base, encoded

from dataset.duplicates.clusters import clusters
from dataset.duplicates.fingerprints import Fingerprint, fingerprint, luminance
from dataset.duplicates.hamming import cross_join, self_join
from dataset.duplicates.pairs import Prints, candidates, confirm, needs_pictures
from dataset.pictures.decoding import Undecodable, examine
from foundation.environment import shared_folder
from simulator import drawings

BASES = 500
TUNING = 120  # photos by which the thresholds were chosen; never scored
PHASH_BITS = 10  # the peer's threshold
WEB_QUALITY = 80  # of JPEGs whose hashing is timed
ROWS = (10_000, 100_000, 1_000_000)
FAISS_QUERIES = 20_000


def main() -> None:
    shared = shared_folder()
    found: dict[str, float | None] = {}
    if shared:
        found |= _real_pairs(shared / "photos")
    else:
        out.print("no ../shared here: drawings instead of photos, no known real pairs\n")
        found |= {"shared_pairs_missed": None, "shared_false_pairs": None}
    photos = _photos(shared)
    out.print(f"{len(photos)} photos × {len(VARIANTS)} variants\n")
    found |= _recall(photos)
    found |= _hashing(photos)
    found |= _joins()
    figures(found)


def _photos(shared: Path | None) -> list[bytes]:
    """Photos to score by: none that chose a threshold, none twice, none that is another's duplicate."""
    if not shared:
        return [drawings.cake(random.Random(seed)) for seed in range(BASES)]
    contents = {}
    for path in sorted((shared / "photos").glob("bakers/*/*")) + sorted((shared / "photos").glob("objects/*")):
        content = path.read_bytes()
        if _is_large(content):
            contents.setdefault(hashlib.sha256(content).hexdigest(), content)
    doubled = {sha for pair in _known_pairs(shared / "photos") for sha in sorted(pair)[1:]}
    names = sorted(set(contents) - doubled)
    random.Random(7).shuffle(names)
    return [contents[name] for name in names[TUNING : TUNING + BASES]]


def _is_large(content: bytes) -> bool:
    try:
        header = examine(content)
    except Undecodable:
        return False
    return min(header.width, header.height) >= 200


def _known_pairs(photos: Path) -> list[frozenset[str]]:
    def digest(site: str, file: str) -> str:
        return hashlib.sha256((photos / "bakers" / site / file).read_bytes()).hexdigest()

    with (photos / "near_duplicates.csv").open(newline="") as file:
        return [
            frozenset((digest(row["site_a"], row["file_a"]), digest(row["site_b"], row["file_b"])))
            for row in csv.DictReader(file)
        ]


def _real_pairs(photos: Path) -> dict[str, float | None]:
    """Clusters of all collectable files beside the known pairs (files of the same bytes count as one)."""
    files = {}
    for path in [*photos.glob("bakers/*/*"), *photos.glob("objects/*")]:
        content = path.read_bytes()
        if _is_large(content):
            files[hashlib.sha256(content).hexdigest()] = (path, content)
    names = sorted(files)
    prints, made = _prints([files[name][1] for name in names])
    answer = _confirmed(prints, candidates(prints, np.arange(len(names))), lambda i: files[names[i]][1])
    order = [(made[i].edges, name) for i, name in enumerate(names)]
    number = dict(zip(names, clusters(len(names), np.array(list(answer)).reshape(-1, 2), order).tolist(), strict=True))
    known = [pair for pair in _known_pairs(photos) if len(pair) == 2]
    same: dict[str, set[str]] = {name: {name} for name in names}
    for pair in known:
        one, two = (next((s for s in same.values() if x in s), {x}) for x in sorted(pair))
        joined = one | two
        for x in joined:
            same[x] = joined
    missed = [p for p in known if all(x in number for x in p) and len({number[x] for x in p}) > 1]
    false = [
        (files[a][0].name, files[b][0].name)
        for k, a in enumerate(names)
        for b in names[k + 1 :]
        if number[a] == number[b] and b not in same[a]
    ]
    told = "" if not false else f": {false}"
    out.print(
        f"real photos: {len(names)} files, {len(known)} known pairs, {len(missed)} missed, {len(false)} false{told}\n"
    )
    return {"shared_pairs_missed": len(missed), "shared_false_pairs": len(false)}


def _one(content: bytes) -> list[tuple[bytes, Fingerprint, str]]:
    """The photo and its variants, with fingerprints and the peer's hash."""
    picture = base(content)
    files = [encoded(picture, 92), *(make(picture) for make in VARIANTS.values())]
    return [(file, fingerprint(file), str(imagehash.phash(Image.open(io.BytesIO(file))))) for file in files]


def _prints(contents: list[bytes]) -> tuple[Prints, list[Fingerprint]]:
    made = [fingerprint(content) for content in contents]
    return _of(made), made


def _of(made: list[Fingerprint]) -> Prints:
    return Prints.of(
        [f.views for f in made], [f.mirrored for f in made], [f.phash16 for f in made],
        [f.detail for f in made], [f.top_colours for f in made],
    )  # fmt: skip


def _confirmed(prints: Prints, places: dict, content: Callable[[int], bytes]) -> dict:  # type: ignore[type-arg]
    pictures: dict[int, NDArray[np.uint8]] = {}
    answer = {}
    for pair, placements in places.items():
        pixels = []
        if needs_pictures(prints, pair):
            for i in pair:
                if i not in pictures:
                    pictures[i] = luminance(content(i))
            pixels = [pictures[i] for i in pair]
        if done := confirm(prints, pair, placements, pixels):
            answer[pair] = done
    return answer


def _recall(photos: list[bytes]) -> dict[str, float | None]:
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(_one, photos, chunksize=4))
    width = len(VARIANTS) + 1
    files = [file for row in rows for file, _, _ in row]
    prints = _of([made for row in rows for _, made, _ in row])
    started = time.monotonic()
    places = candidates(prints, np.arange(len(files)))
    searched_s = time.monotonic() - started
    # Variants of one photo among themselves are neither asked for nor false.
    wanted = {pair: p for pair, p in places.items() if pair[0] // width != pair[1] // width or pair[0] % width == 0}
    started = time.monotonic()
    answer = _confirmed(prints, wanted, lambda i: files[i])
    confirmed_s = time.monotonic() - started
    false = [pair for pair in answer if pair[0] // width != pair[1] // width]
    unrelated = len(files) * (len(files) - 1) // 2 - len(photos) * width * (width - 1) // 2
    peer = np.array([int(text, 16) for row in rows for _, _, text in row], dtype=np.uint64)
    table_rows, ours_all, peer_all = [], [], []
    for number, name in enumerate(VARIANTS, 1):
        ours = np.mean([(n * width, n * width + number) in answer for n in range(len(photos))])
        theirs = np.mean(np.bitwise_count(peer[::width] ^ peer[number::width]) <= PHASH_BITS)
        ours_all.append(float(ours))
        peer_all.append(float(theirs))
        table_rows.append((name, float(ours), float(theirs)))
    pairs, _ = cross_join(peer, peer, PHASH_BITS)
    pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (pairs[:, 0] // width != pairs[:, 1] // width)]
    table_rows.append(("mean", float(np.mean(ours_all)), float(np.mean(peer_all))))
    table_rows.append(("false pairs per million", len(false) / unrelated * 1e6, len(pairs) / unrelated * 1e6))
    head = ["recall", "ours", f"imagehash pHash ≤ {PHASH_BITS}"]
    if dedup := _imagededup(files, width):
        head.append("imagededup PHash")
        table_rows = [(*row, value) for row, value in zip(table_rows, dedup, strict=True)]
    table("the same photo, found", head, table_rows)
    out.print(
        f"{len(false)} false pairs among {unrelated:,} unrelated ones; {len(wanted):,} candidates found in "
        f"{searched_s:.0f} s, confirmed in {confirmed_s:.0f} s\n"
    )
    return {
        "recall_mean": float(np.mean(ours_all)),
        "recall_min": min(ours_all),
        "false_pairs_per_million": len(false) / unrelated * 1e6,
    }


def _imagededup(files: list[bytes], width: int) -> list[float] | None:
    try:
        from imagededup.methods import PHash
    except ImportError:
        out.print("imagededup is not installed here: its column is left out")
        return None
    hasher = PHash(verbose=False)
    words = np.array(
        [int(hasher.encode_image(image_array=np.asarray(base(file))), 16) for file in files], dtype=np.uint64
    )
    recalls = [
        float(np.mean(np.bitwise_count(words[::width] ^ words[number::width]) <= PHASH_BITS))
        for number in range(1, width)
    ]
    return [*recalls, float(np.mean(recalls)), float("nan")]


def _hashing(photos: list[bytes]) -> dict[str, float | None]:
    """Photos at about 1 and 12 megapixels, one after the other on one core; the median of ratios by photo."""
    found: dict[str, float | None] = {}
    rows = []
    large = sorted(photos, key=lambda content: -_area(content))[:24]
    for name, pixels in (("1mp", 1e6), ("12mp", 12e6)):
        ratios = []
        for content in large[: 24 if pixels < 2e6 else 10]:
            image = base(content)
            factor = (pixels / (image.width * image.height)) ** 0.5
            size = round(image.width * factor), round(image.height * factor)
            file = encoded(image.resize(size, Image.Resampling.LANCZOS), WEB_QUALITY)
            naive = _best(lambda f=file: imagehash.phash(Image.open(io.BytesIO(f))))
            scaled = _best(lambda f=file: imagehash.phash(_scaled(f, 256)))
            alone = _best(lambda f=file: imagehash.phash(_scaled(f, 100)))
            whole = _best(lambda f=file: (hashlib.sha256(f).digest(), fingerprint(f)))
            ratios.append((naive / alone, scaled / alone, naive / whole))
        alone, limit, whole = (float(x) for x in np.median(np.array(ratios), axis=0))
        rows.append((name, alone, limit, whole))
        found[f"hash_{name}_vs_naive"] = alone
    table(
        "hashing, times faster",
        ["", "pHash alone / naive", "pHash alone / scaled-decode limit", "whole pass / naive pHash"],
        rows,
    )
    return found


def _scaled(content: bytes, side_px: int) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.draft("L", (side_px, side_px))
    image.load()
    return image


def _area(content: bytes) -> int:
    header = examine(content)
    return header.width * header.height


def _best(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _clustered(n: int) -> NDArray[np.uint64]:
    """n hashes in fours within twelve bits of each other; one in fifty is one and the same."""
    rng = np.random.default_rng(n)
    hashes = np.repeat(rng.integers(0, 2**64, -(-n // 4), dtype=np.uint64), 4)[:n]
    flips = rng.integers(0, 13, n)
    for k in range(12):
        chosen = flips > k
        hashes[chosen] ^= np.uint64(1) << rng.integers(0, 64, int(chosen.sum()), dtype=np.uint64)
    hashes[: n // 50] = hashes[0]
    rng.shuffle(hashes)
    return hashes


def _joins() -> dict[str, float | None]:
    rows, seconds, peak_mb = [], [], 0.0
    for n in ROWS:
        hashes = _clustered(n)
        with Peak(own=True) as peak:
            started = time.monotonic()
            pairs, _ = self_join(hashes)
            seconds.append(time.monotonic() - started)
        peak_mb = peak.megabytes
        rows.append((n, len(pairs), seconds[-1], peak_mb))
    sample = np.random.default_rng(1).choice(ROWS[-1], 300, replace=False)
    _check(hashes, pairs, sample)
    table("pairs within 8 bits", ["hashes", "pairs", "seconds", "peak MB"], rows)
    growth = [float(np.log(seconds[k + 1] / seconds[k]) / np.log(ROWS[k + 1] / ROWS[k])) for k in range(len(ROWS) - 1)]
    out.print(f"growth exponents, {ROWS[0]:,} to {ROWS[-1]:,}: {', '.join(f'{g:.2f}' for g in growth)}; "
              "equal to brute force on 300 samples\n")  # fmt: skip
    fresh = _clustered(10_000)
    fresh[:5_000] = hashes[:5_000]
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


def _check(hashes: NDArray[np.uint64], pairs: NDArray[np.int64], sample: NDArray[np.int64]) -> None:
    """Brute force for some hashes says the same. Raises AssertionError."""
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
    """Seconds of the flat index: for all (from a part of the queries, as its time is proportional), and for the new."""
    import faiss

    index = faiss.IndexBinaryFlat(64)
    index.add(_bytes(hashes))
    started = time.monotonic()
    index.range_search(_bytes(hashes[:FAISS_QUERIES]), 9)
    part_s = time.monotonic() - started
    started = time.monotonic()
    index.range_search(_bytes(fresh), 9)
    out.print(f"faiss: {FAISS_QUERIES:,} of 1,000,000 queries took {part_s:.1f} s; the whole is reckoned from that\n")
    return part_s * len(hashes) / FAISS_QUERIES, time.monotonic() - started


def _duckdb(hashes: NDArray[np.uint64]) -> float:
    """The same join as SQL, which scales out on engines that exist: see docs/duplicates.md."""
    import duckdb
    import pyarrow as pa

    rows = pa.table({"i": np.arange(len(hashes)), "h": hashes})  # noqa: F841  DuckDB finds it by its name
    started = time.monotonic()
    query = (Path(__file__).parent / "near_pairs.sql").read_text()
    duckdb.connect().execute(query.replace("FROM fingerprints", "FROM rows")).fetchall()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
