"""Find pictures that are in two splits under two names. Needs the version's files only.

The function that finds duplicates decides here too, on the published pictures: also about parts, mirrored and turned
ones.
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray

from dataset.duplicates.fingerprints import FLAT_COLOURS, Fingerprint, fingerprint, luminance
from dataset.duplicates.pairs import NEAR_BITS, Prints, candidates, confirm, needs_pictures
from dataset.pictures.decoding import Undecodable
from dataset.versions.manifest import Row
from dataset.versions.stored.pictures import Pictures
from foundation.errors import DamagedVersion

# Stricter than between originals: a published picture has another size and quality than its original, so a pair at a
# limit may be confirmed for the one and not for the other. Then `publish` could not have known of it.
LEAK_AGREEMENT = 0.7
LEAK_BITS = NEAR_BITS
LEAK_COLOURS = FLAT_COLOURS - 0.05  # share of the commonest colours from which a picture counts as a drawing
THREADS = 4
TESTED_AT_ONCE = 1000  # pictures that are compared with all others, to bound memory
MOST_NAMED = 100  # pairs
PICTURES_KEPT = 2000  # decoded pictures in memory, 100 KB each


def leaks(
    published: Pictures, rows: Sequence[Row], progress: Callable[[int, int], None] = lambda _done, _all: None
) -> list[str]:
    """One sentence for each pair of files that shows one picture in two splits, up to MOST_NAMED.

    Of files of one split that look exactly alike only the first is compared. published: the pictures of the version.
    progress(done, all) is called after each picture that was read.
    """
    if len({row.split for row in rows}) < 2:
        return []
    with ThreadPoolExecutor(THREADS) as pool:
        made: list[Fingerprint | None] = []
        for fingerprinted in pool.map(functools.partial(_fingerprint, published), rows):
            made.append(fingerprinted)
            progress(len(made), len(rows))
    known = _looks([(row, one) for row, one in zip(rows, made, strict=True) if one is not None])
    rows, kept = [row for row, _ in known], [one for _, one in known]
    is_flat = np.array([one.top_colours >= LEAK_COLOURS for one in kept], dtype=np.bool_)
    prints = replace(Prints.of_fingerprints(kept), flat=is_flat)
    tested = [number for number, row in enumerate(rows) if row.split != "train"]

    @functools.lru_cache(maxsize=PICTURES_KEPT)
    def picture(number: int) -> NDArray[np.uint8]:
        return luminance(published.content(rows[number]))

    problems: list[str] = []
    compared: set[int] = set()
    for block in chunked(tested, TESTED_AT_ONCE):
        for pair, placements in candidates(prints, np.array(block, dtype=np.int64)).items():
            one, other = sorted((rows[number] for number in pair), key=lambda row: row.split != "train")
            # `verify` reports a cluster in two splits
            if one.split == other.split or one.cluster == other.cluster or not compared.isdisjoint(pair):
                continue
            pictures = [picture(number) for number in pair] if needs_pictures(prints, pair) else []
            near = [placement for placement in placements if placement.distance <= LEAK_BITS]
            found = confirm(prints, pair, near, pictures)
            if found and found.agreement >= LEAK_AGREEMENT:
                problems.append(f"{one.file} and {other.file} show the same picture")
                if len(problems) == MOST_NAMED:
                    return [*problems, f"the pictures were compared until {MOST_NAMED} such pairs were found"]
        compared |= set(block)
    return problems


def _looks(known: Sequence[tuple[Row, Fingerprint]]) -> list[tuple[Row, Fingerprint]]:
    """The first row of each look in each split: a thousand copies would be half a million pairs."""
    first: dict[tuple[str, Fingerprint], tuple[Row, Fingerprint]] = {}
    for row, one in known:
        first.setdefault((row.split, one), (row, one))
    return list(first.values())


def _fingerprint(pictures: Pictures, row: Row) -> Fingerprint | None:
    """None for a picture that is lost or damaged: `verify` reports it elsewhere."""
    try:
        return fingerprint(pictures.content(row))
    except (OSError, Undecodable, DamagedVersion):
        return None
