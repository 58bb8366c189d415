"""Everything that the catalog and the versions know about one image."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select

from dataset.catalog.tables import (
    asked,
    audit,
    claims,
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
from dataset.versions import manifest, published
from foundation.errors import UnknownImage

Record = dict[str, Any]  # one row of a table: column → value


@dataclass(frozen=True)
class Why:
    """The history of one image.

    facts: format, width, height, bytes. sightings: with what their sources claimed first. claims: what they claimed
    later; an empty label ends a claim. cluster: the other images that show the same picture. queue, asked, judgements,
    audit: about any image of the cluster. models: trained on a version with the cluster, as "name version".
    """

    sha256: str
    path: str
    facts: Record
    sightings: list[Record]
    cluster: list[str]
    representative: str
    findings: list[Record]
    queue: Record | None
    asked: list[Record]
    judgements: list[Record]
    decisions: list[Record]
    audit: Record | None
    split: str | None
    versions: list[Record]
    models: list[str]
    claims: list[Record] = field(default_factory=list)

    def line(self) -> str:
        """The newest decision in one line."""
        if not self.decisions:
            return "nothing is decided yet; run `isitcake curate`"
        last = self.decisions[-1]
        return f"{last['label']}, by {last['origin']}: {last['reason']}"


def why(project: Project, start: str) -> Why:
    """The history of the image whose SHA-256 begins with `start`, 4 to 64 hex digits. Raises UnknownImage."""
    with project.catalog.read() as connection:
        image = _image(connection, start)
        own = connection.execute(select(clusters).where(clusters.c.sha256 == image.sha256)).first()
        members = [image.sha256]
        if own:
            in_cluster = select(clusters.c.sha256).where(clusters.c.cluster == own.cluster)
            members = list(connection.execute(in_cluster).scalars())
        records = _records(connection, image.sha256, members)
        split = connection.execute(select(splits.c.split).where(splits.c.sha256 == image.sha256)).scalar()
    return Why(
        sha256=image.sha256,
        path=project.blobs.address(image.sha256, image.format),
        facts={"format": image.format, "width": image.width, "height": image.height, "bytes": image.size_bytes},
        cluster=sorted(set(members) - {image.sha256}),
        representative=own.representative if own else image.sha256,
        queue=next(iter(records.pop("queue")), None),
        audit=next(iter(records.pop("audit")), None),
        split=split,
        versions=_in_versions(project, members),
        models=[],
        **records,
    )


def full_name(project: Project, start: str) -> str:
    """The SHA-256 of the image that begins with `start`, 4 to 64 hex digits. Raises UnknownImage."""
    with project.catalog.read() as connection:
        return str(_image(connection, start).sha256)


def _image(connection: Connection, start: str) -> Row[Any]:
    if not re.fullmatch(r"[0-9a-f]{4,64}", start.lower()):
        raise UnknownImage(f"{start[:70]!r} is not a SHA-256; write its 64 hex digits, or at least the first 4")
    start = start.lower()
    matches = list(connection.execute(select(images).where(images.c.sha256.startswith(start)).limit(2)))
    if len(matches) > 1:
        raise UnknownImage(f"several images begin with {start}; write more digits")
    if matches:
        return matches[0]
    is_this_image = (tombstones.c.kind == "sha256") & (tombstones.c.value == start)
    is_erased = connection.execute(select(tombstones).where(is_this_image)).first() is not None
    raise UnknownImage(f"image {start[:16]}… was erased" if is_erased else f"no image {start[:16]}… in the catalog")


def _records(connection: Connection, sha256: str, members: list[str]) -> dict[str, list[Record]]:
    """Table → records: of the image itself, or of all members of its cluster where people are involved."""

    def read(table: Table, names: list[str], order: ColumnElement[Any], *columns: str) -> list[Record]:
        rows = connection.execute(select(table).where(table.c.sha256.in_(names)).order_by(order))
        return [{column: getattr(row, column) for column in columns} for row in rows]

    image = [sha256]
    records = {
        "sightings": read(
            sightings, image, sightings.c.id, "source", "source_label", "page_url", "image_url", "alt", "licence",
            "creator", "seen_at",
        ),
        "claims": read(
            claims, image, claims.c.id, "source", "image_url", "label", "licence", "creator", "asserted_at"
        ),
        "findings": read(findings, image, findings.c.detector, "detector", "score", "proposes", "evidence"),
        "decisions": read(decisions, image, decisions.c.id, "label", "origin", "reason", "decided_at"),
        "queue": read(
            queue, members, queue.c.sha256, "priority", "error_probability", "suggested_label", "reasons"
        ),
        "asked": read(
            asked, members, asked.c.pushed_at, "purpose", "round", "project", "task_id", "pushed_at"
        ),
        "judgements": read(
            judgements, members, judgements.c.id, "sha256", "reviewer", "answer", "why", "answered_at", "origin",
            "seconds",
        ),
        "audit": read(audit, members, audit.c.sha256, "ticket", "label", "drawn_at"),
    }  # fmt: skip
    for judgement in records["judgements"]:
        judgement["answer"] = judgement["answer"] or "(taken back)"
    return records


def _in_versions(project: Project, members: list[str]) -> list[Record]:
    return [
        {"version": version.name, "label": label, "split": split, "file": file}
        for version in published.listing(project.home)
        for label, split, file in manifest.columns(
            version.path / manifest.FILE_NAME, ("label", "split", "file"), members
        )
    ]
