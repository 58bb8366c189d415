"""Pictures of a version that stand in two splits under two names: found by fingerprint, confirmed by their pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.fingerprints import bits, fingerprint, luminance
from dataset.duplicates.hamming import cross_join
from dataset.duplicates.pairs import Placement, Prints, confirm
from dataset.pictures.decoding import Undecodable
from dataset.versions.manifest import Row

LIKE_BITS = 6  # between the hashes of two whole pictures, from which they are compared


def leaks(path: Path, rows: Sequence[Row]) -> list[str]:
    """A sentence for each pair that shows one photo in two splits. path: of the version."""
    train = [row for row in rows if row.split == "train"]
    others = [row for row in rows if row.split != "train"]
    if not train or not others:
        return []
    found, distances = cross_join(_words(train), _words(others), LIKE_BITS)
    problems = []
    for (a, b), distance in zip(found.tolist(), distances.tolist(), strict=True):
        one, other = train[a], others[b]
        if one.cluster != other.cluster and _are_one(path / one.file, path / other.file, distance):
            problems.append(f"{one.file} and {other.file} show the same picture")
    return problems


def _words(rows: Sequence[Row]) -> NDArray[np.uint64]:
    return bits([row.phash for row in rows])[:, 0].copy()


def _are_one(a: Path, b: Path, distance: int) -> bool:
    try:
        contents = [path.read_bytes() for path in (a, b)]
        made = [fingerprint(content) for content in contents]
        pictures = [luminance(content) for content in contents]
    except (OSError, Undecodable):
        return False  # a lost file is said elsewhere
    prints = Prints.of(
        [m.views for m in made], [m.mirrored for m in made], [m.phash16 for m in made], [m.detail for m in made],
        [m.top_colours for m in made],
    )  # fmt: skip
    if not prints.usable.all():
        return False
    return confirm(prints, (0, 1), [Placement(distance, False, 0, 0)], pictures) is not None
