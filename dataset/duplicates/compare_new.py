"""Compare new images with all images. Each pair of images is compared once."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from more_itertools import chunked
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, exists, select

from dataset.catalog.tables import compared, fingerprints, images, pairs
from dataset.catalog.writes import erased_among, replace, upsert
from dataset.duplicates.fingerprints import RECIPE, luminance
from dataset.duplicates.pairs import Placement, Prints, candidates, confirm, needs_pictures
from dataset.pictures.decoding import Undecodable
from dataset.pictures.originals import Blobs
from dataset.project import Project
from dataset.quarantine import is_whole, quarantine, what_is_wrong
from foundation.errors import StorageError
from foundation.files import storage_errors
from foundation.threads import pool

COMPARISON = f"{RECIPE}, views 3"  # after a change of either, all images are compared again
BLOCK = 2000  # new images that are compared, and written, at a time
MOST_BLOCKS = 8  # of larger ones in a large library: each block sorts the hashes of all images anew
PICTURES_KEPT = 250  # decoded pictures in memory, 100 KB each


def compare_new(project: Project, tell: Callable[[str, int, int], None]) -> None:
    """Compare the images that were not compared yet with all images, and add the pairs that show the same picture.

    Each block of new images is written whole or not at all: if this is killed and run again, the pairs are the same.
    """
    with project.catalog.read() as connection:
        if not _is_any_new(connection):
            return
        rows, prints = _read(connection)
        known = set(connection.execute(select(compared.c.sha256).where(compared.c.recipe == COMPARISON)).scalars())
    if not known:
        with project.catalog.write() as connection:
            replace(connection, pairs, [])
            replace(connection, compared, [])
    new = [i for i, row in enumerate(rows) if row.sha256 not in known]
    comparison = _Comparison(rows, prints, project.blobs)
    among = np.array([i for i, row in enumerate(rows) if row.sha256 in known], dtype=np.int64)
    done = 0
    with storage_errors(project.home):
        for block in chunked(new, max(BLOCK, len(rows) // MOST_BLOCKS)):
            among = np.sort(np.concatenate([among, np.array(block, dtype=np.int64)]))
            proposed = comparison.proposed(among, block)
            rows_of_pairs = pool().map(lambda pair: _unless_erased(project, comparison, pair), proposed)
            confirmed = [row for row in rows_of_pairs if row]
            quarantine(project, comparison.broken)
            whole = [rows[i].sha256 for i in block if rows[i].sha256 not in comparison.broken]
            with project.catalog.write() as connection:
                upsert(connection, pairs, confirmed)
                upsert(connection, compared, [{"sha256": sha256, "recipe": COMPARISON} for sha256 in whole])
            done += len(block)
            tell("comparing", done, len(new))


class _Image(NamedTuple):
    """An image that is compared."""

    sha256: str
    format: str
    size_bytes: int


def _is_any_new(connection: Connection) -> bool:
    """Whether an image was not compared yet: without one, nothing need be read."""
    is_compared = exists().where(compared.c.sha256 == fingerprints.c.sha256, compared.c.recipe == COMPARISON)
    new = select(fingerprints.c.sha256).where(~is_compared, is_whole(fingerprints.c.sha256)).limit(1)
    return connection.execute(new).first() is not None


def _read(connection: Connection) -> tuple[list[_Image], Prints]:
    """All images that are compared, in order, and their fingerprints."""
    statement: Select[Any] = (
        select(
            fingerprints.c.sha256, images.c.format, images.c.size_bytes, fingerprints.c.views, fingerprints.c.mirrored,
            fingerprints.c.phash16, fingerprints.c.detail, fingerprints.c.measures["top_colours"].as_float(),
            fingerprints.c.measures["shape"].as_float(),
        )
        .join(images, images.c.sha256 == fingerprints.c.sha256)
        .where(is_whole(images.c.sha256))
        .order_by(fingerprints.c.sha256)
    )  # fmt: skip
    rows, prints = list[_Image](), list[Prints]()
    for part in connection.execute(statement.execution_options(yield_per=BLOCK)).partitions():
        names, formats, sizes, *hashes = zip(*part, strict=True)
        rows += map(_Image, names, formats, sizes)
        prints.append(Prints.of(*hashes))
    return rows, Prints.joined(prints)


def _unless_erased(project: Project, comparison: "_Comparison", proposed: "_Proposed") -> dict[str, Any] | None:
    """The pair's row; None if the pictures differ, or if one was erased meanwhile or its original is broken."""
    try:
        return comparison.pair_row(proposed)
    except (StorageError, Undecodable):
        with project.catalog.read() as connection:
            if erased_among(connection, comparison.names(proposed)):
                return None
        if comparison.find_broken(project, proposed):
            return None
        raise


@dataclass(frozen=True)
class _Proposed:
    """A pair of images, by index, that may show the same picture, and how the two may lie on each other."""

    pair: tuple[int, int]
    placements: Sequence[Placement]


class _Comparison:
    """Proposes and confirms pairs among images. prints: of these images."""

    def __init__(self, rows: Sequence[_Image], prints: Prints, blobs: Blobs) -> None:
        self._rows = rows
        self._prints = prints
        self._blobs = blobs
        self.broken: dict[str, str] = {}  # what is wrong with originals, by SHA-256
        self._picture = functools.lru_cache(maxsize=PICTURES_KEPT)(self._read_picture)

    def proposed(self, among: NDArray[np.int64], new: Sequence[int]) -> list[_Proposed]:
        """Pairs of the images `among` that have at least one of `new`."""
        placements_of = candidates(self._prints, np.asarray(new, dtype=np.int64), among)
        return [_Proposed(pair, placements) for pair, placements in placements_of.items()]

    def names(self, proposed: _Proposed) -> set[str]:
        """SHA-256s of the two images."""
        return {self._rows[index].sha256 for index in proposed.pair}

    def find_broken(self, project: Project, proposed: _Proposed) -> bool:
        """Note which of the two originals are broken. Returns whether any is."""
        found = {
            self._rows[index].sha256: wrong
            for index in proposed.pair
            if (wrong := what_is_wrong(project, self._rows[index]))
        }
        self.broken |= found
        return bool(found)

    def pair_row(self, proposed: _Proposed) -> dict[str, Any] | None:
        """The row of the table `pairs`; None if the pictures differ. Reads the pictures where hashes do not decide."""
        a, b = proposed.pair
        pictures = [self._picture(a), self._picture(b)] if needs_pictures(self._prints, proposed.pair) else []
        confirmed = confirm(self._prints, proposed.pair, proposed.placements, pictures)
        return {"a": self._rows[a].sha256, "b": self._rows[b].sha256, **asdict(confirmed)} if confirmed else None

    def _read_picture(self, index: int) -> NDArray[np.uint8]:
        row = self._rows[index]
        return luminance(self._blobs.read(row.sha256, row.format))
