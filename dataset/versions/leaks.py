"""Find pictures that are in two splits under two names: candidates by fingerprint, confirmed by their pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.fingerprints import bits, fingerprint, luminance
from dataset.duplicates.hamming import cross_join
from dataset.duplicates.pairs import Placement, Prints, confirm
from dataset.pictures.decoding import Undecodable
from dataset.versions.manifest import Row

CANDIDATE_BITS = 6  # pairs whose 64-bit pHashes differ in at most so many bits are compared by their pixels


def leaks(path: Path, rows: Sequence[Row]) -> list[str]:
    """Return one sentence for each pair of files that shows one picture in two splits. path: of the version."""
    train = [row for row in rows if row.split == "train"]
    others = [row for row in rows if row.split != "train"]
    if not train or not others:
        return []
    pairs, distances = cross_join(_words(train), _words(others), CANDIDATE_BITS)
    problems = []
    for (a, b), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
        one, other = train[a], others[b]
        if one.cluster != other.cluster and _are_one_picture(path / one.file, path / other.file, distance):
            problems.append(f"{one.file} and {other.file} show the same picture")
    return problems


def _words(rows: Sequence[Row]) -> NDArray[np.uint64]:
    return bits([row.phash for row in rows])[:, 0].copy()


def _are_one_picture(a: Path, b: Path, distance_bits: int) -> bool:
    try:
        contents = [path.read_bytes() for path in (a, b)]
        fingerprints = [fingerprint(content) for content in contents]
        pictures = [luminance(content) for content in contents]
    except (OSError, Undecodable):
        return False  # `verify` reports a lost or damaged file elsewhere
    prints = Prints.of(
        [f.views for f in fingerprints], [f.mirrored for f in fingerprints], [f.phash16 for f in fingerprints],
        [f.detail for f in fingerprints], [f.top_colours for f in fingerprints],
    )  # fmt: skip
    if not prints.usable.all():
        return False
    return confirm(prints, (0, 1), [Placement(distance_bits, 0, 0, 0)], pictures) is not None
