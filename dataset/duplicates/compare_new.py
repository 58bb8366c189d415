"""New images compared with all there are; what was compared once is not compared again."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from dataset.catalog.tables import compared, fingerprints, images, pairs
from dataset.catalog.writes import replace, upsert
from dataset.duplicates.fingerprints import RECIPE, luminance
from dataset.duplicates.pairs import Prints, candidates, confirm, needs_pictures
from dataset.project import Project
from foundation.files import storage_errors

THREADS = 4
COMPARISON = f"{RECIPE}, views 1"  # a change of either compares everything anew
COMPARE_BLOCK = 2000  # new images at a time
PICTURES_KEPT = 4000  # decoded, 100 KB each


def compare_new(project: Project, tell: Callable[[str, int, int], None]) -> None:
    """Compare images that were not compared yet with all there are; confirmed pairs are added.

    A block of new images at a time, each block whole or not at all: killed anywhere and run again, the pairs
    are the same.
    """
    with project.catalog.read() as connection:
        rows = connection.execute(
            select(fingerprints, images.c.format)
            .join(images, images.c.sha256 == fingerprints.c.sha256)
            .order_by(fingerprints.c.sha256)
        ).all()
        known = set(connection.execute(select(compared.c.sha256).where(compared.c.recipe == COMPARISON)).scalars())
    if not known:
        with project.catalog.write() as connection:
            replace(connection, pairs, [])
            replace(connection, compared, [])
    new = np.array([i for i, row in enumerate(rows) if row.sha256 not in known], dtype=np.int64)
    if not len(new):
        return
    prints = Prints.of(
        [row.views for row in rows],
        [row.mirrored for row in rows],
        [row.phash16 for row in rows],
        [row.detail for row in rows],
        [row.measures["top_colours"] for row in rows],
    )
    seen = np.array([i for i, row in enumerate(rows) if row.sha256 in known], dtype=np.int64)

    @functools.lru_cache(maxsize=PICTURES_KEPT)
    def picture(index: int) -> NDArray[np.uint8]:
        row = rows[index]
        return luminance(project.blobs.read(row.sha256, row.format))

    with ThreadPoolExecutor(THREADS) as pool, storage_errors(project.home):
        for begin in range(0, len(new), COMPARE_BLOCK):
            block = new[begin : begin + COMPARE_BLOCK]
            among = np.sort(np.concatenate([seen, block]))
            places = candidates(prints.subset(among), np.searchsorted(among, block))

            def look(item: Any, among: NDArray[np.int64] = among) -> dict[str, Any] | None:
                (a, b), placements = item
                pair = int(among[a]), int(among[b])
                pixels = [picture(i) for i in pair] if needs_pictures(prints, pair) else []
                found = confirm(prints, pair, placements, pixels)
                return {"a": rows[pair[0]].sha256, "b": rows[pair[1]].sha256, **asdict(found)} if found else None

            found = [row for row in pool.map(look, places.items()) if row]
            with project.catalog.write() as connection:
                upsert(connection, pairs, found)
                upsert(connection, compared, [{"sha256": rows[i].sha256, "recipe": COMPARISON} for i in block])
            seen = among
            tell("comparing", begin + len(block), len(new))
