"""Everything that is known of one image, and what follows from what."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import (
    asked,
    audit,
    clusters,
    decisions,
    findings,
    images,
    judgements,
    queue,
    sightings,
    splits,
    tombstones,
)
from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownImage


@dataclass(frozen=True)
class Why:
    """facts: format, pixels, bytes. cluster: others that show the same. models: trained on a version it is in."""

    sha256: str
    path: str
    facts: dict[str, Any]
    sightings: list[dict[str, Any]]
    cluster: list[str]
    representative: str
    findings: list[dict[str, Any]]
    queue: dict[str, Any] | None
    asked: list[dict[str, Any]]
    judgements: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    audit: dict[str, Any] | None
    split: str | None
    versions: list[dict[str, Any]]
    models: list[str]

    def line(self) -> str:
        """What happened, in one line."""
        if not self.decisions:
            return "nothing is decided yet; run `isitcake curate`"
        last = self.decisions[-1]
        return f"{last['label']}, by {last['origin']}: {last['reason']}"


def why(project: Project, start: str) -> Why:
    """start: its SHA-256, or enough first digits of it. Raises UnknownImage."""
    if not re.fullmatch(r"[0-9a-f]{4,64}", start.lower()):
        raise UnknownImage(f"{start[:70]!r} is not a SHA-256; give 64 hex digits, or the first ones (4 at least)")
    with project.catalog.read() as connection:
        found = list(connection.execute(select(images).where(images.c.sha256.startswith(start.lower())).limit(2)))
        if not found:
            gone = connection.execute(
                select(tombstones).where(tombstones.c.kind == "sha256", tombstones.c.value == start.lower())
            ).first()
            raise UnknownImage(f"image {start[:16]}… was erased" if gone else f"no image {start[:16]}… in the catalog")
        if len(found) > 1:
            raise UnknownImage(f"several images begin with {start}; give more digits")
        image = found[0]
        sha256 = image.sha256
        own = connection.execute(select(clusters).where(clusters.c.sha256 == sha256)).first()
        members = (
            list(connection.execute(select(clusters.c.sha256).where(clusters.c.cluster == own.cluster)).scalars())
            if own
            else [sha256]
        )

        def rows(table: Any, order: Any, *columns: str, of: list[str] | None = None) -> list[dict[str, Any]]:
            chosen = connection.execute(select(table).where(table.c.sha256.in_(of or [sha256])).order_by(order))
            return [{name: getattr(row, name) for name in columns} for row in chosen]

        waits = rows(queue, queue.c.sha256, "priority", "error_probability", "suggested_label", "reasons", of=members)
        drawn = rows(audit, audit.c.sha256, "ticket", "label", "drawn_at", of=members)
        split = connection.execute(select(splits.c.split).where(splits.c.sha256 == sha256)).scalar()
        answers = rows(
            judgements, judgements.c.id, "sha256", "reviewer", "answer", "why", "answered_at", "origin", "seconds",
            of=members,
        )  # fmt: skip
        for answer in answers:
            answer["answer"] = answer["answer"] or "(taken back)"
        content = {
            "sightings": rows(
                sightings, sightings.c.id, "source", "source_label", "page_url", "image_url", "alt", "licence",
                "creator", "seen_at",
            ),
            "findings": rows(findings, findings.c.detector, "detector", "score", "proposes", "evidence"),
            "asked": rows(asked, asked.c.pushed_at, "purpose", "round", "project", "task_id", "pushed_at", of=members),
            "judgements": answers,
            "decisions": rows(decisions, decisions.c.id, "label", "origin", "reason", "decided_at"),
        }  # fmt: skip
    found_in = []
    for version in published.listing(project.home):
        for row in version.rows():
            if row.sha256 in members:
                found_in.append({"version": version.name, "label": row.label, "split": row.split, "file": row.file})
    return Why(
        sha256=sha256,
        path=project.blobs.address(sha256, image.format),
        facts={"format": image.format, "width": image.width, "height": image.height, "bytes": image.size_bytes},
        cluster=sorted(set(members) - {sha256}),
        representative=own.representative if own else sha256,
        queue=waits[0] if waits else None,
        audit=drawn[0] if drawn else None,
        split=split,
        versions=found_in,
        models=[],
        **content,
    )
