"""What trivial things say of the pictures of a version: size, format, tables, border, an 8×8 thumbnail."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select

from dataset.catalog.tables import images, looks
from dataset.catalog.writes import upsert
from dataset.pictures.decoding import DERIVED_RECIPE, scaled_rgb
from dataset.project import Project
from dataset.publishing.shortcuts import Shortcut, of_picture, scoreboard, worst_offenders
from dataset.versions.manifest import Row

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
        content = project.normalised.make(row.sha256, row.format).read_bytes()
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
        content = project.normalised.make(row.sha256, row.format).read_bytes()
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
