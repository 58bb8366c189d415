"""The report: one HTML file about the sources, duplicates, findings, labels, versions and models of a project."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from crawlers.ledger.reports import OUTCOMES, last_reports
from dataset.catalog.claims import standing
from dataset.catalog.tables import clusters, findings, images, pairs, queue
from dataset.labels import label_ledger
from dataset.labels.audit import is_estimate_calibrated
from dataset.project import Project
from dataset.publishing.shortcut_measures import offenders
from dataset.publishing.subgroups import Subgroup, subgroups
from dataset.publishing.totals import balance
from dataset.quarantine import in_quarantine
from dataset.splits.assignment import SPLITS, UNSEEN
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.errors import StorageError
from foundation.files import replace_file
from networks.backbone import backbone
from training import models
from web.pages.thumbnails import Thumbnails, Tile, all_thumbnails, templates

MOST_TILES = 12  # of one detector, and of the queue
MOST_CHANGED = 24
MOST_CLUSTERS = 12
CLUSTER_TILES = 6
PROOFS = {
    "phash16": "same hash",
    "registration": "aligned",
    "mirrored": "mirror image",
    "turned": "turned",
}  # by stored value


def write_report(project: Project, version: str | None = None) -> Path:
    """Write library/reports/<version>.html. Returns its path. Raises UnknownVersion."""
    chosen = _version(project, version)
    name = chosen.name if chosen else "unpublished"
    path = project.home / "reports" / f"{name}.html"
    replace_file(path, report_html(project, version).encode())
    return path


def report_html(project: Project, version: str | None = None, *, served: bool = False) -> str:
    """The HTML of the report, about the newest version if none is named. Raises UnknownVersion.

    served: as a page of the service, with navigation and links; else as one file.
    """
    chosen = _version(project, version)
    rows = chosen.rows() if chosen else []
    thumbnails = all_thumbnails(project, linked=served)
    return templates.get_template("report.html").render(
        served=served,
        title=project.settings.project.name,
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=chosen,
        versions=published.listing(project.home)[::-1],
        split_names=list(SPLITS),
        balance=balance(Counter(row.label for row in rows)) if chosen else "",
        held_out={row.site for row in rows if row.split == UNSEEN},
        shortcut=_worst_shortcut(thumbnails, chosen, rows) if chosen else None,
        sources=_sources(project),
        outcomes=OUTCOMES,
        models=sorted(models.listing(project.home), key=lambda model: published.order(model.version), reverse=True),
        default_model=models.default_model_id(project.home),
        **_catalog_sections(thumbnails, rows),
    )


def _version(project: Project, name: str | None) -> Version | None:
    return published.load(project.home, name) if name else published.newest(project.home)


def _sources(project: Project) -> list[dict[str, Any]]:
    """The last run of each source."""
    return [
        {
            "name": report.source,
            "status": report.status,
            "candidates": report.candidates,
            "counts": [report.outcomes.get(outcome, 0) for outcome in OUTCOMES],
        }
        for report in last_reports(project)
    ]


def _catalog_sections(thumbnails: Thumbnails, rows: Sequence[Row]) -> dict[str, Any]:
    """What the report shows of the catalog, by the template's names. rows: of the version."""
    with thumbnails.project.catalog.read() as connection:
        decided = label_ledger.latest(connection).values()
        labels = Counter(decision.label for decision in decided if not decision.is_exclusion)
        labels["excluded automatically"] = len(label_ledger.excluded(connection))
        return {
            "duplicates": _duplicates(connection, thumbnails),
            "findings": _findings(connection, thumbnails),
            "queue": _queue(connection, thumbnails),
            "quarantined": in_quarantine(connection),
            "changed_labels": _changed_labels(connection, thumbnails),
            "labels": sorted(labels.items()),
            "is_calibrated": is_estimate_calibrated(connection),
            "images": len(thumbnails.formats),
            "subgroups": _subgroups(connection, thumbnails, rows) if rows else [],
        }


@dataclass(frozen=True)
class _Member:
    """One image of a cluster. bits: distance to the representative, or to the nearest image; 0 for itself."""

    sha256: str
    bits: float
    proof: str
    is_representative: bool

    def order(self) -> tuple[bool, float, str, str]:
        return not self.is_representative, self.bits, self.proof, self.sha256


def _duplicates(connection: Connection, thumbnails: Thumbnails) -> list[list[Tile]]:
    """Clusters of several images, those with the smallest distances first. The representative is the first tile."""
    pixels = {row.sha256: f"{row.width}×{row.height}" for row in connection.execute(select(images))}
    site = _sites(connection)
    ranked = []
    for cluster, members in _clusters(connection).items():
        tiles = []
        for member in members[:CLUSTER_TILES]:
            size = pixels[member.sha256]
            text = f"representative: {size}" if member.is_representative else f"{size}; {member.proof}"
            title = f"{site.get(member.sha256, '')} {member.sha256[:16]}"
            tiles.append((member.sha256, text, title))
        farthest_bits = max(member.bits for member in members if not member.is_representative)
        ranked.append((farthest_bits, cluster, tiles))
    ranked.sort(key=lambda row: row[:2])
    return [[thumbnails.tile(*tile) for tile in tiles] for _, _, tiles in ranked[:MOST_CLUSTERS]]


def _clusters(connection: Connection) -> dict[str, list[_Member]]:
    """Members of each cluster of several images: the representative, then the others by distance."""
    names: dict[str, list[str]] = defaultdict(list)
    representatives: dict[str, str] = {}
    for row in connection.execute(select(clusters).order_by(clusters.c.sha256)):
        names[row.cluster].append(row.sha256)
        representatives[row.cluster] = row.representative
    proofs = {
        frozenset((row.a, row.b)): (row.distance, f"{PROOFS.get(row.by, row.by)}, {row.distance:.0f} bits")
        for row in connection.execute(select(pairs))
    }
    found: dict[str, list[_Member]] = {}
    for cluster, shas in names.items():
        if len(shas) < 2:
            continue
        representative = representatives[cluster]
        members = []
        for sha256 in shas:
            near = [proofs[pair] for other in shas if (pair := frozenset((sha256, other))) in proofs]
            bits, proof = proofs.get(frozenset((sha256, representative))) or min(near, default=(0.0, ""))
            members.append(_Member(sha256, bits, proof, sha256 == representative))
        found[cluster] = sorted(members, key=_Member.order)
    return found


def _findings(connection: Connection, thumbnails: Thumbnails) -> list[tuple[str, int, list[Tile]]]:
    """For each detector its name, the number of its findings, and the strongest ones."""
    by_detector: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(findings).order_by(findings.c.score.desc(), findings.c.sha256)):
        by_detector[row.detector].append(row)
    return [
        (name, len(rows), [thumbnails.tile(row.sha256, row.evidence) for row in rows[:MOST_TILES]])
        for name, rows in sorted(by_detector.items())
    ]


def _queue(connection: Connection, thumbnails: Thumbnails) -> list[Tile]:
    """The next questions of a review round."""
    rows = connection.execute(select(queue).order_by(queue.c.priority.desc(), queue.c.sha256).limit(MOST_TILES))
    return [
        thumbnails.tile(row.sha256, f"{row.suggested_label}? {row.error_probability:.0%}", "; ".join(row.reasons))
        for row in rows
    ]


def _changed_labels(connection: Connection, thumbnails: Thumbnails) -> tuple[int, list[Tile]]:
    """How many labels people changed, and some of the pictures."""
    claims = {
        row.sha256: row.source_label
        for row in connection.execute(select(standing.c.sha256, standing.c.source_label).order_by(standing.c.id))
    }
    changed = [
        (sha256, decision.label)
        for sha256, decision in sorted(label_ledger.latest(connection).items())
        if decision.origin in ("human", "consensus") and claims.get(sha256) not in (None, decision.label)
    ]
    tiles = [thumbnails.tile(sha256, f"{claims[sha256]} → {label}") for sha256, label in changed[:MOST_CHANGED]]
    return len(changed), tiles


def _sites(connection: Connection) -> dict[str, str]:
    """The source that saw each image first."""
    rows = connection.execute(select(standing.c.sha256, standing.c.source).order_by(standing.c.id.desc()))
    return {row.sha256: row.source for row in rows}


def _subgroups(
    connection: Connection, thumbnails: Thumbnails, rows: Sequence[Row]
) -> list[tuple[str, list[tuple[Subgroup, list[Tile]]]]]:
    """Subgroups of the version by kind, each with thumbnails of its examples."""
    by_kind: dict[str, list[tuple[Subgroup, list[Tile]]]] = defaultdict(list)
    features = backbone(thumbnails.project.settings.network).name
    for subgroup in subgroups(connection, rows, features):
        by_kind[subgroup.kind].append((subgroup, _tiles(thumbnails, subgroup.examples, f"example of {subgroup.name}")))
    return list(by_kind.items())


def _worst_shortcut(
    thumbnails: Thumbnails, version: Version, rows: Sequence[Row]
) -> tuple[str, dict[str, list[Tile]]] | None:
    """The strongest shortcut left in the version, with the pictures it predicts best by label; None without one."""
    worst = next((row for row in version.shortcuts.get("after", []) if row.advice), None)
    if worst is None:
        return None
    known = [row for row in rows if row.sha256 in thumbnails.formats]
    try:
        examples = offenders(thumbnails.project, known, worst.feature)
    except (StorageError, OSError):  # a picture went bad since
        return None
    return worst.feature, {label: _tiles(thumbnails, shas, label) for label, shas in examples.items()}


def _tiles(thumbnails: Thumbnails, shas: Iterable[str], title: str) -> list[Tile]:
    return [thumbnails.tile(sha256, "", f"{title}: {sha256[:16]}") for sha256 in shas]
