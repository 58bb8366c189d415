"""make bench-duplicates: recall, false pairs and speed, beside imagehash, imagededup, faiss and DuckDB.

The photos are those of ../shared; without that folder they are drawn. The thresholds were chosen on other photos.
Recall counts pairs of a photo and its variant. False pairs are counted among all files of different photos.
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
from join import measure_joins
from numpy.typing import NDArray
from PIL import Image
from table import figures, out, table
from variants import VARIANTS, base, encoded, harder

from dataset.duplicates.clusters import clusters
from dataset.duplicates.fingerprints import Fingerprint, fingerprint, luminance
from dataset.duplicates.hamming import cross_join
from dataset.duplicates.pairs import Prints, candidates, confirm, needs_pictures
from dataset.pictures.decoding import Undecodable, examine
from foundation.environment import shared_folder
from simulator import drawings

BASES = 500
TUNING = 120  # photos on which the thresholds were chosen; they are not measured
HARDER_BASES = 150  # photos that are changed beyond what counts as the same picture
PHASH_BITS = 10  # threshold of imagehash
WEB_QUALITY = 80  # of the JPEG files whose hashing is timed
# Larger crops of one photo, which near_duplicates.csv lacks: to find them is no fault, and to miss them is none.
NOT_LISTED = [
    ("downton/ccp6.jpg", "downton/insta9.jpg"),
    ("korpokkur/cake47.jpg", "korpokkur/cake47_2.jpg"),
    ("korpokkur/cake10_2.jpg", "korpokkur/cake10_2.png"),
    ("tuendilicious/logo.jpg", "tuendilicious/logo3.jpg"),
]
MIN_SIDE_PX = 200  # crawls do not take smaller pictures


def main() -> None:
    shared = shared_folder()
    measured: dict[str, float | None] = dict(measure_joins())  # first: the photos would count in its memory
    if shared:
        measured |= _real_pairs(shared / "photos")
    else:
        out.print("../shared is missing: drawings instead of photos, and no real pairs\n")
        measured |= {"shared_pairs_missed": None, "shared_false_pairs": None}
    photos = _photos(shared)
    out.print(f"{len(photos)} photos × {len(VARIANTS)} variants\n")
    measured |= _recall(photos)
    _harder(photos[:HARDER_BASES])
    measured |= _hashing(photos)
    figures(measured)


def _photos(shared: Path | None) -> list[bytes]:
    """The photos to measure: without those that the thresholds were chosen on, and without copies."""
    if not shared:
        return [drawings.cake(random.Random(seed)) for seed in range(BASES)]
    contents = {}
    for path in sorted((shared / "photos").glob("bakers/*/*")) + sorted((shared / "photos").glob("objects/*")):
        content = path.read_bytes()
        if _is_large(content):
            contents.setdefault(hashlib.sha256(content).hexdigest(), content)
    known = [*_known_pairs(shared / "photos"), *_more_pairs(shared / "photos")]
    doubled = {sha for pair in known for sha in sorted(pair)[1:]}
    names = sorted(set(contents) - doubled)
    random.Random(7).shuffle(names)
    return [contents[name] for name in names[TUNING : TUNING + BASES]]


def _is_large(content: bytes) -> bool:
    try:
        header = examine(content)
    except Undecodable:
        return False
    return min(header.width, header.height) >= MIN_SIDE_PX


def _known_pairs(photos: Path) -> list[frozenset[str]]:
    with (photos / "near_duplicates.csv").open(newline="") as file:
        return [
            _pair(photos, f"{row['site_a']}/{row['file_a']}", f"{row['site_b']}/{row['file_b']}")
            for row in csv.DictReader(file)
        ]


def _more_pairs(photos: Path) -> list[frozenset[str]]:
    return [_pair(photos, *pair) for pair in NOT_LISTED]


def _pair(photos: Path, *places: str) -> frozenset[str]:
    return frozenset(hashlib.sha256((photos / "bakers" / place).read_bytes()).hexdigest() for place in places)


def _real_pairs(photos: Path) -> dict[str, float | None]:
    """Compare the clusters of all files that a crawl takes with the known pairs. Files with the same bytes are one."""
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
    for pair in [*known, *_more_pairs(photos)]:
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
    details = "" if not false else f": {false}"
    out.print(f"{len(names)} real files, {len(known)} known pairs, {len(missed)} missed, {len(false)} false{details}\n")
    return {"shared_pairs_missed": len(missed), "shared_false_pairs": len(false)}


def _one(content: bytes) -> list[tuple[bytes, Fingerprint, str]]:
    """The photo and its variants, each with its fingerprint and the hash of imagehash."""
    picture = base(content)
    files = [encoded(picture, 92), *(make(picture) for make in VARIANTS.values())]
    return [(file, fingerprint(file), str(imagehash.phash(Image.open(io.BytesIO(file))))) for file in files]


def _prints(contents: list[bytes]) -> tuple[Prints, list[Fingerprint]]:
    made = [fingerprint(content) for content in contents]
    return Prints.of_fingerprints(made), made


def _confirmed(prints: Prints, placements: dict, content: Callable[[int], bytes]) -> dict:  # type: ignore[type-arg]
    pictures: dict[int, NDArray[np.uint8]] = {}
    answer = {}
    for pair, tried in placements.items():
        pixels = []
        if needs_pictures(prints, pair):
            for i in pair:
                if i not in pictures:
                    pictures[i] = luminance(content(i))
            pixels = [pictures[i] for i in pair]
        if done := confirm(prints, pair, tried, pixels):
            answer[pair] = done
    return answer


def _recall(photos: list[bytes]) -> dict[str, float | None]:
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(_one, photos, chunksize=4))
    width = len(VARIANTS) + 1
    files = [file for row in rows for file, _, _ in row]
    prints = Prints.of_fingerprints([made for row in rows for _, made, _ in row])
    started = time.monotonic()
    proposed = candidates(prints, np.arange(len(files)))
    searched_s = time.monotonic() - started
    # Pairs of two variants of one photo are neither counted as found nor as false.
    wanted = {pair: p for pair, p in proposed.items() if pair[0] // width != pair[1] // width or pair[0] % width == 0}
    started = time.monotonic()
    answer = _confirmed(prints, wanted, lambda i: files[i])
    confirmed_s = time.monotonic() - started
    false = [pair for pair in answer if pair[0] // width != pair[1] // width]
    photo_pairs = {(a // width, b // width) for a, b in false}
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
        f"{len(false)} false pairs, of {len(photo_pairs)} pairs of photos, among {unrelated:,} unrelated ones; "
        f"{len(wanted):,} candidates found in {searched_s:.0f} s, confirmed in {confirmed_s:.0f} s\n"
    )
    return {
        "recall_mean": float(np.mean(ours_all)),
        "recall_min": min(ours_all),
        "false_pairs_per_million": len(false) / unrelated * 1e6,
    }


def _harder(photos: list[bytes]) -> None:
    """Print how many of the changes that need not be found are found."""
    found: dict[str, list[bool]] = {}
    for seed, content in enumerate(photos):
        picture = base(content)
        made = {"": encoded(picture, 92), **harder(picture, seed)}
        files = list(made.values())
        prints, _ = _prints(files)
        answer = _confirmed(prints, candidates(prints, np.array([0])), files.__getitem__)
        for number, name in enumerate(made):
            found.setdefault(name, []).append((0, number) in answer)
    rows = [(name, float(np.mean(ones))) for name, ones in found.items() if name]
    table(f"changed more, {len(photos)} photos, found", ["recall", "ours"], rows)


def _imagededup(files: list[bytes], width: int) -> list[float] | None:
    try:
        from imagededup.methods import PHash
    except ImportError:
        out.print("imagededup is not installed: its column is left out")
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
    """Hash photos of about 1 and 12 megapixels, one after the other, on one core. Ratios are medians over photos."""
    measured: dict[str, float | None] = {}
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
        measured[f"hash_{name}_vs_naive"] = alone
    table(
        "hashing, times faster",
        ["", "pHash alone / naive", "pHash alone / scaled-decode limit", "whole pass / naive pHash"],
        rows,
    )
    return measured


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


if __name__ == "__main__":
    main()
