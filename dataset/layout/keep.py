"""Keep the map up to date: where each picture stands, as rows of the catalog.

What stands once stays, so that people find again what they saw. Only when half as many pictures came later as were laid
out together is everything laid out anew, beginning where it stood. A row that is missing or damaged is made again.
"""

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from more_itertools import chunked
from sqlalchemy import Connection, delete, or_, select

from dataset.catalog.tables import features, images, positions
from dataset.catalog.writes import erased_among, upsert
from dataset.layout.arrange import Positions, among, laid_out
from dataset.project import Project
from dataset.quarantine import is_whole
from dataset.suspicion.vectors import Chosen, StoredVectors, Vectors

TOGETHER = 3_000  # pictures that are laid out together; of more, a sample, and the others stand among it
MOST = 20_000  # pictures on the map; of more, a sample that chance draws and that stays the same
ALGORITHM = "tsne-1"  # another number: positions of before are made again
GROWN = 0.5  # share of pictures that came later, from which everything is laid out anew
PER_QUERY = 500

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Standing:
    """Where a picture stands, -1 to 1. is_laid_out: together with the others; otherwise it came later."""

    x: float
    y: float
    is_laid_out: bool


def keep_map(project: Project, backbone_name: str, tell: Progress) -> None:
    """Give every picture with features a position, and take those away whose picture is gone.

    Nothing is computed where nothing changed. Of more than MOST pictures, a sample stands on the map.
    """
    recipe = recipe_of(backbone_name)
    with project.catalog.read() as connection:
        wanted = _wanted(connection, backbone_name)
        before = _standing(connection, recipe)
        new = [sha256 for sha256 in wanted if sha256 not in before]
        stays = [sha256 for sha256 in wanted if sha256 in before]
        is_same = not new and len(before) == len(stays) and not _has_others(connection, recipe)
        if is_same:
            return
        vectors = StoredVectors(project.home)
        _read_vectors(connection, backbone_name, [*stays, *new], vectors)
    tell("map", 0, len(wanted))
    rows = _rows(stays, new, before, vectors) if new else []
    with project.catalog.write() as connection:
        kept = set(stays)
        gone = [sha256 for sha256 in before if sha256 not in kept]
        connection.execute(delete(positions).where(positions.c.recipe != recipe))
        for part in chunked(gone, PER_QUERY):
            connection.execute(delete(positions).where(positions.c.sha256.in_(part)))
        erased = erased_among(connection, {row["sha256"] for row in rows})  # while they were laid out
        upsert(connection, positions, [{**row, "recipe": recipe} for row in rows if row["sha256"] not in erased])
    tell("map", len(wanted), len(wanted))


def recipe_of(backbone_name: str) -> str:
    """What positions depend on, besides the pictures."""
    return f"{ALGORITHM} {backbone_name}"[:96]


def sampled(names: Iterable[str], most: int = MOST) -> list[str]:
    """At most `most` of the pictures, in ascending order. Each has a number that chance gave it once, and the lowest
    numbers are drawn: the sample hardly changes when pictures come.
    """
    return sorted(heapq.nsmallest(most, names, key=lambda sha256: hashlib.sha256(f"map {sha256}".encode()).digest()))


def _wanted(connection: Connection, backbone_name: str) -> list[str]:
    measured = (
        select(images.c.sha256)
        .join(features, features.c.sha256 == images.c.sha256)
        .where(features.c.backbone == backbone_name, is_whole(images.c.sha256))
    )
    return sampled(connection.execute(measured).scalars().all())


def _standing(connection: Connection, recipe: str) -> dict[str, Standing]:
    """The positions of this recipe that are sound."""
    rows = connection.execute(select(positions).where(positions.c.recipe == recipe)).all()
    return {
        row.sha256: Standing(row.x, row.y, bool(row.laid_out))
        for row in rows
        if all(isinstance(value, float) and math.isfinite(value) for value in (row.x, row.y))
    }


def _has_others(connection: Connection, recipe: str) -> bool:
    """Whether there are rows of another recipe, or of none."""
    is_other = or_(positions.c.recipe != recipe, positions.c.recipe.is_(None))
    return connection.execute(select(positions.c.sha256).where(is_other).limit(1)).first() is not None


def _rows(
    stays: Sequence[str], new: Sequence[str], before: Mapping[str, Standing], vectors: Vectors
) -> list[dict[str, Any]]:
    """Rows of the positions that change. vectors: features of the pictures that stand, then of the new ones."""
    names = [*stays, *new]
    together = set(sampled(names, TOGETHER))
    if not stays:
        return _anew(names, together, vectors, None)
    where = np.array([(before[sha256].x, before[sha256].y) for sha256 in stays], dtype=np.float64)
    is_laid_out = np.array([before[sha256].is_laid_out for sha256 in stays])
    near = np.flatnonzero(is_laid_out) if len(stays) > TOGETHER and is_laid_out.any() else np.arange(len(stays))
    added = Chosen(vectors, np.arange(len(stays), len(names)))
    placed = among(Chosen(vectors, near), where[near], added)
    n_together = sum(before[sha256].is_laid_out for sha256 in stays if sha256 in together)
    if len(together) - n_together <= GROWN * n_together:
        return _as_rows(new, placed, is_laid_out=False)
    return _anew(names, together, vectors, np.concatenate([where, placed]))


def _anew(names: Sequence[str], together: Set[str], vectors: Vectors, start: Positions | None) -> list[dict[str, Any]]:
    """Rows of all pictures, where some are laid out together and the others stand among them. start: (n, 2)."""
    is_together = np.array([sha256 in together for sha256 in names])
    these, others = np.flatnonzero(is_together), np.flatnonzero(~is_together)
    chosen = Chosen(vectors, these)
    places = laid_out(chosen, None if start is None else start[these])
    rows = _as_rows([names[i] for i in these], places, is_laid_out=True)
    if len(others):
        rows += _as_rows([names[i] for i in others], among(chosen, places, Chosen(vectors, others)), is_laid_out=False)
    return rows


def _as_rows(names: Sequence[str], places: Positions, *, is_laid_out: bool) -> list[dict[str, Any]]:
    return [
        {"sha256": sha256, "x": float(x), "y": float(y), "laid_out": int(is_laid_out)}
        for sha256, (x, y) in zip(names, places, strict=True)
    ]


def _read_vectors(connection: Connection, backbone_name: str, names: Sequence[str], vectors: StoredVectors) -> None:
    """Append the features of the pictures, in this order."""
    for part in chunked(names, PER_QUERY):
        these = select(features.c.sha256, features.c.vector).where(
            features.c.backbone == backbone_name, features.c.sha256.in_(part)
        )
        found = {row.sha256: row.vector for row in connection.execute(these)}
        vectors.add([found[sha256] for sha256 in part])
