"""The fourth stage: publish an immutable version of the present decisions, unless nothing changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from dataset.catalog.cluster_ranges import CLUSTERS_PER_BLOCK
from dataset.catalog.tables import versions as versions_table
from dataset.catalog.writes import insert_new
from dataset.labels import audit, label_ledger
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.publishing.choose_rows import choose_rows
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.publishing.write_version import ROWS_PER_BLOCK, Draft, Progress, Written, flush, write_version
from dataset.versions import published
from dataset.versions.facts import Audit
from dataset.versions.manifest import Row
from foundation.errors import StageError
from foundation.files import storage_errors
from foundation.locks import exclusive


@dataclass(frozen=True)
class PublishReport:
    """version: name of the new version; None where nothing changed, and then newest is the last one."""

    version: str | None
    newest: str
    images: int
    counts: dict[str, dict[str, int]]
    added: int = 0
    removed: int = 0
    relabelled: int = 0

    def line(self) -> str:
        """The result, in one line."""
        if self.version is None:
            return f"nothing changed since {self.newest}, nothing published"
        change = f"{self.added} added, {self.removed} removed, {self.relabelled} relabelled"
        return f"version {self.version}: {self.images} images ({change})"


@dataclass(frozen=True)
class BlockSizes:
    """How much of a version is in memory at once. The version does not depend on it."""

    clusters: int = CLUSTERS_PER_BLOCK
    rows: int = ROWS_PER_BLOCK


def publish(
    project: Project,
    now: datetime | None = None,
    progress: Progress | None = None,
    force: bool = False,
    blocks: BlockSizes = BlockSizes(),
) -> PublishReport:
    """Publish the present decisions as a version.

    The directory is written beside the others and then renamed, so it is there whole or not at all. After a kill,
    the next publish makes the same version. force: publish though a gate refuses; the card then says why it refused.
    Raises StageError where there is nothing to publish, or a gate refuses.
    """
    with exclusive(project.versions_lock):  # a second publish waits, and then finds nothing to do
        _record_in_ledger(project)
        report = _publish(project, now or datetime.now(UTC), progress or _no_progress, force, blocks)
        _record_in_ledger(project)
    return report


def _publish(project: Project, now: datetime, progress: Progress, force: bool, blocks: BlockSizes) -> PublishReport:
    folder = project.home / "versions"
    name = _next_name(published.names(project.home), now)
    building = folder / f".building-{name}"
    with storage_errors(folder):
        published.clear_unfinished(project.home)
        with closing(RowsOnDisk(building / "rows.db")) as rows:
            with project.catalog.write() as connection:
                label_ledger.settle(connection, now)
                labels = project.settings.project.labels
                left_out = choose_rows(connection, labels, now, rows, blocks.clusters)
                audited = _audit(connection)
            if not len(rows):
                reason = "no image has one of the project's labels; run `isitcake collect` first"
                raise StageError(f"nothing to publish: {reason}")
            content = _content_digest(rows)
            newest = published.newest(project.home)
            if newest is not None and newest.content == content:
                report = PublishReport(None, newest.name, newest.images, newest.counts)
            else:
                draft = Draft(name, now, rows, content, left_out, audited, newest)
                report = _report(write_version(project, draft, building, progress, force, blocks.rows))
        if report.version is None:
            published.clear_unfinished(project.home)
        else:
            building.rename(folder / name)
            flush(folder)
    return report


def _report(written: Written) -> PublishReport:
    version, changes = written.version, written.changes
    counts = (changes["added"], changes["removed"], changes["relabelled"])
    return PublishReport(version.name, version.name, version.images, version.counts, *counts)


def _audit(connection: Connection) -> Audit | None:
    residual = audit.residual(connection)
    return Audit(**vars(residual)) if residual else None


def _record_in_ledger(project: Project) -> None:
    """Add the versions on disk to the catalog's ledger; after a crash, some are missing there."""
    with project.catalog.read() as connection:
        known = set(connection.execute(select(versions_table.c.name)).scalars())
    rows = [
        {
            "name": version.name,
            "id": version.id,
            "parent": version.parent,
            "content": version.content,
            "created_at": datetime.fromisoformat(version.created),
            "counts": version.counts,
        }
        for version in published.listing(project.home)
        if version.name not in known
    ]
    if rows:
        with project.catalog.write() as connection:
            insert_new(connection, versions_table, rows)


def _content_digest(rows: Iterable[Row]) -> str:
    """Digest of what a change of makes a new version. Error probabilities are not in it: they change by themselves."""
    digest = hashlib.sha256(f"[{json.dumps(DERIVED_RECIPE)}, [".encode())
    for number, row in enumerate(rows):
        values = [row.sha256, row.label, row.split, row.source_label, row.label_origin, row.sources, row.licence]
        digest.update(f"{', ' if number else ''}{json.dumps(values, ensure_ascii=False)}".encode())
    digest.update(b"]]")
    return digest.hexdigest()


def _next_name(known: Sequence[str], now: datetime) -> str:
    """2026.11.0, then 2026.11.1. Later than every known name, also where the clock went back."""
    newest = published.order(known[-1]) if known else (0, 0, 0)
    if newest[:2] >= (now.year, now.month):
        return f"{newest[0]}.{newest[1]}.{newest[2] + 1}"
    return f"{now.year}.{now.month}.0"


def _no_progress(_what: str, _done: int, _total: int) -> None: ...
