"""The report: one page with pictures, whole in itself: what came in, duplicates, findings, labels, versions."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from crawlers.ledger.reports import OUTCOMES, last_reports
from dataset.catalog.tables import clusters, findings, images, pairs, queue, sightings
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.publishing.balance import balance
from dataset.publishing.shortcut_measures import offenders
from dataset.publishing.subgroups import Subgroup, subgroups
from dataset.versions import published
from dataset.versions.splits import SPLITS, UNSEEN
from foundation.errors import StorageError
from foundation.files import replace_file
from networks.backbone import backbone
from training import models
from web.pages.thumbnails import Tile, templates, tile

PER_GROUP = 12
PROOFS = {"phash16": "same hash", "registration": "registered", "mirrored": "mirror image"}


def write_report(project: Project, version: str | None = None) -> Path:
    """Write library/reports/<version>.html. Returns its path. Raises UnknownVersion."""
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    name = chosen.name if chosen else "unpublished"
    path = project.home / "reports" / f"{name}.html"
    replace_file(path, report_html(project, version).encode())
    return path


def report_html(project: Project, version: str | None = None) -> str:
    """The page as text; about the newest version where none is named."""
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    with project.catalog.read() as connection:
        formats = {row.sha256: row.format for row in connection.execute(select(images.c.sha256, images.c.format))}
        content = {
            "duplicates": _duplicates(connection, project, formats),
            "findings": _findings(connection, project, formats),
            "queue": _queue(connection, project, formats),
            "overruled": _overruled(connection, project, formats),
            "decisions": sorted(Counter(d.label for d in label_ledger.latest(connection).values()).items()),
            "images": len(formats),
            "slices": _slices(connection, project, formats, chosen),
        }
    held_out = {row.site for row in chosen.rows() if row.split == UNSEEN} if chosen else set()
    offended = _offenders(project, formats, chosen)
    sources = [
        {
            "name": r.source,
            "status": r.status,
            "candidates": r.candidates,
            "cells": [r.outcomes.get(k, 0) for k in OUTCOMES],
        }
        for r in last_reports(project)
    ]
    return templates.get_template("report.html").render(
        title=project.settings.project.name,
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=chosen,
        versions=published.listing(project.home)[::-1],
        split_names=list(SPLITS),
        balance=balance(Counter(row.label for row in chosen.rows())) if chosen else "",
        held_out=held_out,
        offended=offended,
        sources=sources,
        kinds=OUTCOMES,
        models=models.listing(project.home),
        **content,
    )


def _duplicates(connection: Connection, project: Project, formats: dict[str, str]) -> list[list[Tile]]:
    """Clusters of several pictures, nearest first: the kept one, then those it stands for, each with its proof."""
    groups: dict[str, list[str]] = defaultdict(list)
    kept: dict[str, str] = {}
    for row in connection.execute(select(clusters).order_by(clusters.c.sha256)):
        groups[row.cluster].append(row.sha256)
        kept[row.cluster] = row.representative
    proofs = {
        frozenset((row.a, row.b)): (row.distance, f"{PROOFS.get(row.by, row.by)}, {row.distance:.0f} bits")
        for row in connection.execute(select(pairs))
    }
    pixels = {row.sha256: (row.width, row.height) for row in connection.execute(select(images))}
    site = _sites(connection)
    found = []
    for cluster, members in groups.items():
        if len(members) < 2:
            continue
        best = kept[cluster]
        rows = []
        for member in members:
            near = [proofs[key] for other in members if (key := frozenset((member, other))) in proofs]
            proof = proofs.get(frozenset((member, best))) or min(near, default=(0.0, ""))
            rows.append((proof, member))
        rows.sort(key=lambda row: (row[1] != best, row[0], row[1]))
        tiles = []
        for (_, said), member in rows[:6]:
            size = "{}×{}".format(*pixels[member])
            text = f"kept: {size}" if member == best else f"{size}; {said}"
            tiles.append(tile(project, formats, member, text, f"{site.get(member, '')} {member[:16]}"))
        found.append((max(row[0][0] for row in rows if row[1] != best), cluster, tiles))
    return [tiles for _, _, tiles in sorted(found, key=lambda row: row[:2])[:PER_GROUP]]


def _findings(connection: Connection, project: Project, formats: dict[str, str]) -> list[tuple[str, int, list[Tile]]]:
    by: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(findings).order_by(findings.c.score.desc(), findings.c.sha256)):
        by[row.detector].append(row)
    return [
        (name, len(rows), [tile(project, formats, row.sha256, row.evidence) for row in rows[:PER_GROUP]])
        for name, rows in sorted(by.items())
    ]


def _queue(connection: Connection, project: Project, formats: dict[str, str]) -> list[Tile]:
    rows = connection.execute(select(queue).order_by(queue.c.priority.desc(), queue.c.sha256).limit(PER_GROUP))
    return [
        tile(
            project, formats, row.sha256, f"{row.suggested_label}? {row.error_probability:.0%}", "; ".join(row.reasons)
        )
        for row in rows
    ]


def _overruled(connection: Connection, project: Project, formats: dict[str, str]) -> tuple[int, list[Tile]]:
    """Pictures whose label people changed."""
    said = {
        row.sha256: row.source_label
        for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label).order_by(sightings.c.id))
    }
    changed = [
        (sha, decision.label)
        for sha, decision in sorted(label_ledger.latest(connection).items())
        if decision.origin in ("human", "consensus") and said.get(sha) not in (None, decision.label)
    ]
    return len(changed), [tile(project, formats, sha, f"{said[sha]} → {label}") for sha, label in changed[:24]]


def _sites(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(sightings.c.sha256, sightings.c.source).order_by(sightings.c.id.desc()))
    return {row.sha256: row.source for row in rows}


def _slices(
    connection: Connection, project: Project, formats: dict[str, str], version: published.Version | None
) -> list[tuple[str, list[tuple[Subgroup, list[Tile]]]]]:
    """Slices of the version by kind; those of look with the pictures in their middle."""
    if version is None:
        return []
    by: dict[str, list[tuple[Subgroup, list[Tile]]]] = defaultdict(list)
    for one in subgroups(connection, version.rows(), backbone(project.settings.weights).name):
        by[one.kind].append((one, [tile(project, formats, sha256, "") for sha256 in one.examples]))
    return list(by.items())


def _offenders(
    project: Project, formats: dict[str, str], version: published.Version | None
) -> tuple[str, dict[str, list[Tile]]] | None:
    """The worst thing that is still a shortcut after the recipe, with the pictures it gives away the most."""
    worst = next((row for row in version.shortcuts.get("after", []) if row.advice), None) if version else None
    if version is None or worst is None:
        return None
    rows = [row for row in version.rows() if row.sha256 in formats]
    try:
        found = offenders(project, rows, worst.feature)
    except StorageError:
        return None
    return worst.feature, {label: [tile(project, formats, sha, "") for sha in shas] for label, shas in found.items()}
