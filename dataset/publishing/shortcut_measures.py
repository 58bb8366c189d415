"""Measure trivial features of a version's pictures: size, format, JPEG tables, border, an 8×8 thumbnail."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select

from dataset.catalog.tables import images, looks
from dataset.catalog.writes import upsert
from dataset.pictures.decoding import DERIVED_RECIPE, scaled_rgb
from dataset.project import Project
from dataset.publishing.shortcuts import picture_features, scoreboard, worst_offenders
from dataset.versions.facts import Shortcut
from dataset.versions.manifest import Row
from foundation.errors import StorageError

THREADS = 4
OFFENDERS_AMONG = 400  # pictures at most that are searched for the worst offenders
PICTURES_MEASURED = 1000  # for the scoreboard of shortcuts; more pictures change the scores little
MEASURES_RECIPE = f"{DERIVED_RECIPE}, looks 1"  # key of stored measures: the number goes up with any change of them
HEAD_BYTES = 65_536  # of an original: its JPEG tables are in there
SIDE_PX = 64  # of the small picture whose border, colour and thumbnail are measured

Features = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class _Published:
    """A normalised picture. shown: border, colour and thumbnail of a small copy."""

    width: int
    height: int
    size_bytes: int
    shown: Features


def shortcuts_of(project: Project, rows: Sequence[Row]) -> dict[str, list[Shortcut]]:
    """Two scoreboards: "before" the recipe, of the originals, and "after" it, of the published pictures."""
    labels, sites = [row.label for row in rows], [row.site for row in rows]
    measures = _measures(project, rows)
    return {
        "before": scoreboard(_before(project, rows, measures), labels, sites),
        "after": scoreboard(_after(measures), labels, sites),
    }


def _before(project: Project, rows: Sequence[Row], measures: Sequence[dict[str, Any]]) -> Features:
    formats = sorted({row.format for row in rows})
    with project.catalog.read() as connection:
        names = [row.sha256 for row in rows]
        size_bytes = {
            row.sha256: row.size_bytes
            for row in connection.execute(
                select(images.c.sha256, images.c.size_bytes).where(images.c.sha256.in_(names))
            )
        }
    size = np.array([(row.width, row.height) for row in rows], dtype=np.float64)
    kind_of = {source.name: source.kind for source in project.settings.sources}
    kinds = [kind_of.get(row.sources[0], "") for row in rows]
    return {
        "site kind": np.array([sorted(set(kinds)).index(kind) for kind in kinds], dtype=np.float64),
        "JPEG tables": np.array([measure["tables"] for measure in measures]),
        "format": np.array([formats.index(row.format) for row in rows], dtype=np.float64),
        "width": size[:, 0],
        "height": size[:, 1],
        "aspect": size[:, 0] / size[:, 1],
        "bytes per pixel": np.array([size_bytes[row.sha256] for row in rows]) / size.prod(axis=1),
        "source": np.array([float(row.source_label == rows[0].label) for row in rows]),
    }


def _after(measures: Sequence[dict[str, Any]]) -> Features:
    size = np.array([measure["shape"] for measure in measures], dtype=np.float64)
    return {
        "JPEG tables": np.zeros((len(measures), 2)),  # the recipe encodes all pictures alike
        "format": np.zeros(len(measures)),
        "width": size[:, 0],
        "height": size[:, 1],
        "aspect": size[:, 0] / size[:, 1],
        "bytes per pixel": np.array([measure["bytes"] for measure in measures]) / size.prod(axis=1),
        **{name: np.array([measure["shown"][name] for measure in measures]) for name in measures[0]["shown"]},
    }


def _measures(project: Project, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Measures of each picture, original and published. They are stored in the catalog, so each is measured once."""
    names = [row.sha256 for row in rows]
    with project.catalog.read() as connection:
        stored = select(looks).where(looks.c.recipe == MEASURES_RECIPE, looks.c.sha256.in_(names))
        known = {row.sha256: row.measures for row in connection.execute(stored)}

    def measure(row: Row) -> dict[str, Any]:
        picture = _published(project, row)
        return {
            "tables": _table_means(_head(project, row)),
            "shape": (picture.width, picture.height),
            "bytes": picture.size_bytes,
            "shown": {name: np.round(values, 3).tolist() for name, values in picture.shown.items()},
        }

    missing = [row for row in rows if row.sha256 not in known]
    new = {row.sha256: measures for row, measures in zip(missing, _in_threads(measure, missing), strict=True)}
    with project.catalog.write() as connection:
        upsert(
            connection,
            looks,
            [{"sha256": sha256, "recipe": MEASURES_RECIPE, "measures": measures} for sha256, measures in new.items()],
        )
    return [new.get(name) or known[name] for name in names]


def offenders(project: Project, rows: Sequence[Row], feature: str) -> dict[str, list[str]]:
    """Pictures whose label one trivial feature predicts most surely: SHA-256s by label. Searches a sample of the rows.

    feature: as in the scoreboard of published pictures.
    """
    rows = sorted(rows, key=lambda row: row.sha256)[:: -(-len(rows) // OFFENDERS_AMONG)]

    def value(row: Row) -> NDArray[np.float64]:
        picture = _published(project, row)
        of_file = {
            "width": picture.width,
            "height": picture.height,
            "aspect": picture.width / picture.height,
            "bytes per pixel": picture.size_bytes / picture.width / picture.height,
        }
        return picture.shown.get(feature, np.array([of_file.get(feature, 0.0)]))

    worst = worst_offenders(np.stack(_in_threads(value, rows)), [row.label for row in rows])
    return {label: [rows[index].sha256 for index in indices] for label, indices in worst.items()}


def _head(project: Project, row: Row) -> bytes:
    """The first bytes of an original; none if it went bad since it was checked."""
    try:
        return project.blobs.start(row.sha256, row.format, HEAD_BYTES)
    except StorageError:
        return b""


def _published(project: Project, row: Row) -> _Published:
    content = project.normalised.make(row.sha256, row.format).read_bytes()
    with Image.open(BytesIO(content)) as image:
        width, height = image.size
    return _Published(width, height, len(content), picture_features(np.asarray(scaled_rgb(content, SIDE_PX))))


def _in_threads(measure: Callable[[Row], Any], rows: Sequence[Row]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(measure, rows))


def _table_means(head: bytes) -> tuple[float, float]:
    """Means of a JPEG's first two quantisation tables, which tell how strongly it was compressed; 0 for other formats.

    head: first bytes of the file.
    """
    try:
        with Image.open(BytesIO(head)) as image:
            tables = list((getattr(image, "quantization", None) or {}).values())
    except OSError:
        return 0.0, 0.0
    means = [float(np.mean(table)) for table in tables[:2]]
    return (*means, 0.0, 0.0)[:2]  # type: ignore[return-value]
