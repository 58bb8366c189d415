"""What a version must pass before it is published, and what is measured for it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import func, select

from dataset.audit import Residual
from dataset.catalog import upsert
from dataset.census import Census
from dataset.decoding import DERIVED_RECIPE, scaled_rgb
from dataset.derived import derived
from dataset.manifest import Row
from dataset.project import Project
from dataset.shortcuts import Shortcut, of_picture, scoreboard, worst_offenders
from dataset.tables import images, looks, runs
from isitcake.errors import StageError

THREADS = 4
OFFENDERS_AMONG = 400
PICTURES_LOOKED_AT = 1000  # for the scoreboard of shortcuts; a sample says as much as all
LOOKS = f"{DERIVED_RECIPE}, looks 1"
HEAD_BYTES = 65_536  # of an original: its tables stand there


def shortcuts_of(project: Project, rows: Sequence[Row]) -> dict[str, list[Shortcut]]:
    """The scoreboard before the recipe, by what the originals are, and after it, by what the pictures show."""
    labels, sites = [row.label for row in rows], [row.site for row in rows]
    kinds = sorted({row.format for row in rows})
    seen = _looks(project, rows)
    with project.catalog.read() as connection:
        names = [row.sha256 for row in rows]
        sizes = {
            row.sha256: row.size_bytes
            for row in connection.execute(
                select(images.c.sha256, images.c.size_bytes).where(images.c.sha256.in_(names))
            )
        }
    size = np.array([(row.width, row.height) for row in rows], dtype=np.float64)
    kind_of = {source.name: source.kind for source in project.settings.sources}
    site_kinds = [kind_of.get(row.sources[0], "") for row in rows]
    before = {
        "site kind": np.array([sorted(set(site_kinds)).index(kind) for kind in site_kinds], dtype=np.float64),
        "JPEG tables": np.array([found["tables"] for found in seen]),
        "format": np.array([kinds.index(row.format) for row in rows], dtype=np.float64),
        "width": size[:, 0],
        "height": size[:, 1],
        "aspect": size[:, 0] / size[:, 1],
        "bytes per pixel": np.array([sizes[row.sha256] for row in rows]) / size.prod(axis=1),
        "source": np.array([float(row.source_label == labels[0]) for row in rows]),
    }
    shape = np.array([found["shape"] for found in seen], dtype=np.float64)
    after = {
        "JPEG tables": np.zeros((len(rows), 2)),  # one encoder wrote them all
        "format": np.zeros(len(rows)),
        "width": shape[:, 0],
        "height": shape[:, 1],
        "aspect": shape[:, 0] / shape[:, 1],
        "bytes per pixel": np.array([found["bytes"] for found in seen]) / shape.prod(axis=1),
        **{name: np.array([found["shown"][name] for found in seen]) for name in seen[0]["shown"]},
    }
    return {
        "before": scoreboard(before, labels, sites),
        "after": scoreboard(after, labels, sites),
    }


def _looks(project: Project, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What trivial things show in each picture, original and published; looked at once."""
    names = [row.sha256 for row in rows]
    with project.catalog.read() as connection:
        known = {
            row.sha256: row.measures
            for row in connection.execute(select(looks).where(looks.c.recipe == LOOKS, looks.c.sha256.in_(names)))
        }

    def look(row: Row) -> dict[str, Any]:
        content = derived(project, row.sha256, row.format).read_bytes()
        with Image.open(BytesIO(content)) as image:
            whole = image.size
        shown = of_picture(np.asarray(scaled_rgb(content, 64)))
        return {
            "tables": _tables(project.blobs.start(row.sha256, row.format, HEAD_BYTES)),
            "shape": whole,
            "bytes": len(content),
            "shown": {name: np.round(values, 3).tolist() for name, values in shown.items()},
        }

    missing = [row for row in rows if row.sha256 not in known]
    with ThreadPoolExecutor(THREADS) as pool:
        new = {row.sha256: measures for row, measures in zip(missing, pool.map(look, missing), strict=True)}
    with project.catalog.write() as connection:
        upsert(connection, looks, [{"sha256": n, "recipe": LOOKS, "measures": m} for n, m in new.items()])
    return [new.get(name) or known[name] for name in names]


def offenders(project: Project, rows: Sequence[Row], feature: str) -> dict[str, list[str]]:
    """Pictures, by label, that a trivial thing to be seen in them gives away the most. A sample is looked at."""
    rows = sorted(rows, key=lambda row: row.sha256)[:: -(-len(rows) // OFFENDERS_AMONG)]

    def look(row: Row) -> Any:
        content = derived(project, row.sha256, row.format).read_bytes()
        with Image.open(BytesIO(content)) as image:
            width, height = image.size
        known = {
            "width": width,
            "height": height,
            "aspect": width / height,
            "bytes per pixel": len(content) / width / height,
        }
        found = of_picture(np.asarray(scaled_rgb(content, 64)))
        return found[feature] if feature in found else np.array([known.get(feature, 0.0)])

    with ThreadPoolExecutor(THREADS) as pool:
        values = np.stack(list(pool.map(look, rows)))
    places = worst_offenders(values, [row.label for row in rows])
    return {label: [rows[i].sha256 for i in found] for label, found in places.items()}


def _tables(head: bytes) -> tuple[float, float]:
    """Means of a JPEG's two first quantisation tables: how hard its encoder pressed; zeros for other formats."""
    try:
        with Image.open(BytesIO(head)) as image:
            tables = list((getattr(image, "quantization", None) or {}).values())
    except OSError:
        return 0.0, 0.0
    means = [float(np.mean(table)) for table in tables[:2]]
    return (*means, 0.0, 0.0)[:2]  # type: ignore[return-value]


@dataclass(frozen=True)
class Gate:
    """What is asked of a version, and how it did. refusal: why it may not be published; empty where it may."""

    gate: str
    limit: float
    value: float
    of: str
    refusal: str = ""


def gates_passed(
    project: Project,
    shortcuts: list[Shortcut],
    audited: Residual | None,
    found: Census | None = None,
    now: datetime | None = None,
    force: bool = False,
) -> list[dict[str, Any]]:
    """What was asked of the version, and how it did. Raises StageError with the first refusal, unless forced.

    found: what its rows add up to.
    """
    asked = [
        gate
        for gate in (
            _label_error(project, audited),
            _shortcut(project, shortcuts),
            _leakage(found),
            *_counts(project, found),
            _freshness(project, found, now),
        )
        if gate
    ]
    refused = [gate.refusal for gate in asked if gate.refusal]
    if refused and not force:
        raise StageError(f"nothing published: {refused[0]}")
    return [
        {"gate": g.gate, "limit": g.limit, "value": g.value, "of": g.of, **({"forced": g.refusal} if g.refusal else {})}
        for g in asked
    ]


def _label_error(project: Project, audited: Residual | None) -> Gate | None:
    limit = project.settings.publish.max_label_error
    if audited is None:
        if limit >= 1:
            return None
        return Gate(
            "label error", limit, 1.0, "not audited",
            "[publish] max_label_error needs an audit, and nobody answered its pictures yet; "
            "run `isitcake review push`, or `isitcake review next --audit`",
        )  # fmt: skip
    refusal = (
        f"the labels may be wrong by {audited.high:.1%} ({audited.wrong} of {audited.images} audited), over "
        f"[publish] max_label_error {limit:.1%}; review more, or audit more to know better"
    )
    return Gate("label error", limit, audited.high, "upper bound", refusal if audited.high > limit else "")


def _shortcut(project: Project, shortcuts: list[Shortcut]) -> Gate | None:
    limit = project.settings.publish.max_shortcut
    worst = next((shortcut for shortcut in shortcuts if shortcut.score is not None), None)
    if worst is None or worst.score is None:
        return None
    refusal = (
        f"{worst.feature} alone predicts the label with balanced accuracy {worst.score:.2f}, over [publish] "
        f"max_shortcut {limit:.2f}; {worst.advice or 'collect both classes alike'}"
    )
    return Gate("shortcut", limit, worst.score, worst.feature, refusal if worst.score > limit else "")


def _leakage(found: Census | None) -> Gate | None:
    """No picture twice, in any of its copies, so none on both sides of a split."""
    if found is None:
        return None
    refusal = f"{found.doubled} pictures stand in it twice; that is a fault of ours, please report it"
    return Gate("leakage", 0, found.doubled, "pictures in it twice", refusal if found.doubled else "")


def _counts(project: Project, found: Census | None) -> list[Gate]:
    limit = project.settings.publish.min_images
    if found is None or not limit:
        return []
    return [
        Gate("images", limit, found.labels[label], label,
             f"{found.labels[label]} images are {label}, under [publish] min_images {limit}; collect more"
             if found.labels[label] < limit else "")
        for label in project.settings.project.labels
    ]  # fmt: skip


def _freshness(project: Project, found: Census | None, now: datetime | None) -> Gate | None:
    """Whether every source in the version was collected from lately."""
    limit = project.settings.publish.max_age_days
    if found is None or not limit or now is None:
        return None
    names = found.sources
    with project.catalog.read() as connection:
        last = {
            row.source: row.last
            for row in connection.execute(
                select(runs.c.source, func.max(runs.c.finished_at).label("last"))
                .where(runs.c.status == "done")
                .group_by(runs.c.source)
            )
        }
    if not all(last.get(name) for name in names):
        oldest, days = min(name for name in names if not last.get(name)), float("inf")
    else:
        oldest = min(names, key=lambda name: (last[name], name))
        days = (now - last[oldest]).total_seconds() / 86_400
    told = "never" if days == float("inf") else f"{days:.0f} days ago"
    refusal = (
        f"{oldest} was collected from {told}, over [publish] max_age_days {limit}; run `isitcake collect {oldest}`"
    )
    value = -1.0 if days == float("inf") else round(days, 2)  # JSON knows no infinity
    return Gate("freshness", limit, value, oldest, refusal if days > limit else "")
