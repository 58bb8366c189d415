"""The second stage: fingerprints, features, clusters, findings, the review queue, decisions.

Everything it writes but the decisions is derived and may be rebuilt; what was computed once is not
computed again.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from dataset.catalog.tables import clusters as clusters_table
from dataset.catalog.tables import features, findings, fingerprints, images, pairs, queue, seen, sightings
from dataset.catalog.writes import replace, upsert
from dataset.duplicates.clusters import clusters
from dataset.duplicates.compare_new import compare_new
from dataset.duplicates.fingerprints import RECIPE, fingerprint
from dataset.labels import audit, decisions, label_ledger
from dataset.labels.players import objections
from dataset.pictures import text_lines
from dataset.pictures.decoding import Undecodable, scaled_rgb
from dataset.pictures.seen import recipe as recipe_of
from dataset.pictures.seen import recognise
from dataset.project import Project
from dataset.suspicion.detectors import DETECTORS, Finding
from dataset.suspicion.queue import queue_rows
from dataset.suspicion.subjects import subjects_of
from foundation.errors import StorageError
from foundation.files import storage_errors
from networks import objects
from networks.backbone import Backbone, backbone

BATCH = 64
THREADS = 4

Progress = Callable[[str, int, int], None]  # what is done, how many of how many


@dataclass(frozen=True)
class CurateReport:
    """images: in the catalog. near_duplicates: images that show what another shows."""

    images: int
    clusters: int
    near_duplicates: int
    findings: dict[str, int]  # by detector
    queued: int
    set_aside: int
    decided: int  # labels that changed
    backbone: str

    def line(self) -> str:
        """What happened, in one line."""
        return (
            f"{self.images} images, {self.near_duplicates} near-duplicates, {self.queued} to review, "
            f"{self.set_aside} set aside"
        )


def curate(project: Project, progress: Progress | None = None) -> CurateReport:
    """Bring every derived table up to date with the blobs and the judgements. Safe to kill and rerun.

    Raises CatalogError or StorageError; what was computed is kept.
    """
    tell = progress or _silent
    net = backbone(project.settings.weights)
    _compute(project, fingerprints, fingerprints.c.recipe == RECIPE, _fingerprint_row, "fingerprints", tell)
    _compute(
        project,
        features,
        features.c.backbone == net.name,
        lambda sha, body: _feature_row(sha, body, net),
        "features",
        tell,
    )
    looker = objects.detector(project.settings.detector)
    recipe = recipe_of(looker)
    _compute(
        project,
        seen,
        seen.c.recipe == recipe,
        lambda sha, body: _seen_row(sha, body, looker),
        "objects and text",
        tell,
    )
    compare_new(project, tell)
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        review = project.settings.review
        audited = round(review.budget * review.audit_share)
        report = _triage(connection, net, project.settings.project.labels, audited, now)
    tell("triage", report.images, report.images)
    return report


def _compute(
    project: Project,
    table: Any,
    current: Any,
    make: Callable[[str, bytes], dict[str, Any]],
    what: str,
    tell: Progress,
) -> None:
    """Rows of `table` for the images that lack a current one, written as they come."""
    with project.catalog.read() as connection:
        known = select(table.c.sha256).where(current)
        missing = connection.execute(
            select(images.c.sha256, images.c.format).where(images.c.sha256.not_in(known)).order_by(images.c.sha256)
        ).all()

    def one(image: Row[Any]) -> dict[str, Any]:
        path = project.blobs.address(image.sha256, image.format)
        try:
            content = project.blobs.read(image.sha256, image.format)
            if what == "fingerprints" and hashlib.sha256(content).hexdigest() != image.sha256:
                raise StorageError(f"{path} is not what was stored; restore it, or erase the image")
            return make(image.sha256, content)
        except Undecodable as error:
            raise StorageError(f"{path} is damaged ({error}); restore it, or erase the image") from error

    with ThreadPoolExecutor(THREADS) as pool, storage_errors(project.home):
        done = 0
        for part in _batches(missing):
            rows = list(pool.map(one, part))
            with project.catalog.write() as connection:
                upsert(connection, table, rows)
            done += len(rows)
            tell(what, done, len(missing))


def _fingerprint_row(sha256: str, content: bytes) -> dict[str, Any]:
    return fingerprint(content).row(sha256)


def _feature_row(sha256: str, content: bytes, net: Backbone) -> dict[str, Any]:
    vector = net.vector(scaled_rgb(content)).astype(np.float16)
    return {"sha256": sha256, "backbone": net.name, "vector": vector.tobytes()}


def _seen_row(sha256: str, content: bytes, net: objects.ObjectDetector | None) -> dict[str, Any]:
    seen_there = recognise(scaled_rgb(content, text_lines.SEARCHED_SIDE_PX), net)
    return {"sha256": sha256, "recipe": recipe_of(net), **asdict(seen_there)}


def _triage(connection: Connection, net: Backbone, labels: list[str], audited: int, now: datetime) -> CurateReport:
    """All that is decided across images, in one transaction. audited: pictures of the sample to wait for answers."""
    rows = connection.execute(
        select(images, fingerprints, features.c.vector, seen.c.objects, seen.c.text_lines, seen.c.text_share)
        .join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        .join(features, features.c.sha256 == images.c.sha256)
        .join(seen, seen.c.sha256 == images.c.sha256)
        .where(features.c.backbone == net.name)
        .order_by(images.c.sha256)
    ).all()
    names = [row.sha256 for row in rows]
    number_of = _cluster(connection, rows)
    groups: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(number_of):
        groups[int(number)].append(index)
    best = {number: max(group, key=lambda i: _quality(rows[i])) for number, group in groups.items()}
    replace(
        connection,
        clusters_table,
        [
            {
                "sha256": names[i],
                "cluster": names[groups[int(number)][0]],
                "representative": names[best[int(number)]],
            }
            for i, number in enumerate(number_of)
        ],
    )
    said = _source_labels(connection)
    opinions = label_ledger.opinions_of(connection)
    judged = {
        number: opinions[names[group[0]]].label if names[group[0]] in opinions else ""
        for number, group in groups.items()
    }
    vectors = np.stack([np.frombuffer(r.vector, dtype=np.float16) for r in rows]).astype(np.float32) if rows else None
    suspicions: dict[int, list[Finding]] = {}
    waiting: list[dict[str, Any]] = []
    if vectors is not None:
        label_of = {i: sorted(said[name])[0] for i, name in enumerate(names) if said.get(name)}
        subjects = subjects_of(connection, rows, vectors, labels, net, number_of, groups, label_of, best, judged)
        detectors = [detector() for detector in DETECTORS]
        suspicions = {
            i: [finding for detector in detectors if (finding := detector.examine(subject))]
            for i, subject in subjects.items()
        }
        waiting = queue_rows(names, groups, best, judged, subjects, suspicions, objections(connection))
    replace(connection, findings, [{"sha256": names[i], **asdict(f)} for i, found in suspicions.items() for f in found])
    replace(connection, queue, waiting)
    decided = label_ledger.settle(connection, now)
    audit.draw(connection, labels, audited, now)
    holding = label_ledger.latest(connection)
    return CurateReport(
        images=len(rows),
        clusters=len(groups),
        near_duplicates=len(rows) - len(groups),
        findings=dict(sorted(Counter(f.detector for found in suspicions.values() for f in found).items())),
        queued=len(waiting),
        set_aside=sum(decision.label == decisions.EXCLUDED for decision in holding.values()),
        decided=decided,
        backbone=net.name,
    )


def _cluster(connection: Connection, rows: Sequence[Row[Any]]) -> NDArray[np.int64]:
    index = {row.sha256: i for i, row in enumerate(rows)}
    found = [
        (index[row.a], index[row.b])
        for row in connection.execute(select(pairs.c.a, pairs.c.b))
        if row.a in index and row.b in index
    ]
    return clusters(len(rows), np.array(found, dtype=np.int64).reshape(-1, 2), [_quality(row) for row in rows])


def _source_labels(connection: Connection) -> dict[str, set[str]]:
    said: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label).distinct()):
        said[row.sha256].add(row.source_label)
    return said


def _quality(row: Row[Any]) -> tuple[int, float, bool, int, str]:
    """The most pixels represent a cluster, then the sharpest, then what loses nothing, then the most bytes."""
    lossless = row.format in ("PNG", "BMP", "TIFF")
    return row.width * row.height, row.measures["edges"], lossless, row.size_bytes, row.sha256


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _silent(_what: str, _done: int, _total: int) -> None: ...
