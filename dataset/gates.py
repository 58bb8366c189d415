"""What a version must pass before it is published, and what is measured for it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from dataset.audit import Residual
from dataset.decoding import scaled_rgb
from dataset.derived import derived
from dataset.manifest import Row
from dataset.project import Project
from dataset.shortcuts import Shortcut, of_picture, scoreboard
from isitcake.errors import StageError

THREADS = 4
PICTURES_LOOKED_AT = 2000  # for the scoreboard of shortcuts; a sample says as much


def shortcuts_of(project: Project, rows: Sequence[Row]) -> dict[str, list[Shortcut]]:
    """The scoreboard before the recipe, by what the originals are, and after it, by what the pictures show."""
    labels, sites = [row.label for row in rows], [row.site for row in rows]
    kinds = sorted({row.format for row in rows})
    shipped = [project.blobs.path(row.sha256, row.format).stat().st_size for row in rows]
    size = np.array([(row.width, row.height) for row in rows], dtype=np.float64)
    before = {
        "format": np.array([kinds.index(row.format) for row in rows], dtype=np.float64),
        "width": size[:, 0],
        "height": size[:, 1],
        "aspect": size[:, 0] / size[:, 1],
        "bytes per pixel": np.array(shipped) / size.prod(axis=1),
        "source": np.array([float(row.source_label == labels[0]) for row in rows]),
    }
    step = -(-len(rows) // PICTURES_LOOKED_AT)
    chosen = sorted(rows, key=lambda row: row.sha256)[::step]

    def look(row: Row) -> tuple[tuple[int, int], int, dict[str, Any]]:
        path = derived(project, row.sha256, row.format)
        content = path.read_bytes()
        with Image.open(path) as image:
            whole = image.size
        return whole, len(content), of_picture(np.asarray(scaled_rgb(content, 64)))

    with ThreadPoolExecutor(THREADS) as pool:
        seen = list(pool.map(look, chosen))
    shape = np.array([whole for whole, _, _ in seen], dtype=np.float64)
    after = {
        "format": np.zeros(len(chosen)),  # all JPEG by one encoder
        "width": shape[:, 0],
        "height": shape[:, 1],
        "aspect": shape[:, 0] / shape[:, 1],
        "bytes per pixel": np.array([size for _, size, _ in seen]) / shape.prod(axis=1),
        **{name: np.array([found[name] for _, _, found in seen]) for name in seen[0][2]},
    }
    return {
        "before": scoreboard(before, labels, sites),
        "after": scoreboard(after, [row.label for row in chosen], [row.site for row in chosen]),
    }


def gates_passed(project: Project, shortcuts: list[Shortcut], audited: Residual | None) -> list[dict[str, Any]]:
    """What was asked of the version, and how it did. Raises StageError where a gate refuses it."""
    passed: list[dict[str, Any]] = []
    limit = project.settings.publish.max_label_error
    if limit < 1 and audited is None:
        raise StageError(
            "nothing published: [publish] max_label_error needs an audit, and nobody answered its pictures yet; "
            "run `isitcake review push`, or `isitcake review next --audit`"
        )
    if audited is not None:
        if audited.high > limit:
            raise StageError(
                f"nothing published: the labels may be wrong by {audited.high:.1%} ({audited.wrong} of "
                f"{audited.images} audited), over [publish] max_label_error {limit:.1%}; "
                "review more, or audit more to know better"
            )
        passed.append({"gate": "label error", "limit": limit, "value": audited.high, "of": "upper bound"})
    limit = project.settings.publish.max_shortcut
    worst = next((shortcut for shortcut in shortcuts if shortcut.score is not None), None)
    if worst is not None and worst.score is not None:
        if worst.score > limit:
            raise StageError(
                f"nothing published: {worst.feature} alone predicts the label with balanced accuracy "
                f"{worst.score:.2f}, over [publish] max_shortcut {limit:.2f}; "
                f"{worst.advice or 'collect both classes alike'}"
            )
        passed.append({"gate": "shortcut", "limit": limit, "value": worst.score, "of": worst.feature})
    return passed
