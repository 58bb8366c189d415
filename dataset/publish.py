"""The fourth stage: publish an immutable version of the present decisions, unless nothing changed."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, select
from sqlalchemy import Row as Record

from dataset.catalog.claims import unclaimed
from dataset.catalog.cluster_ranges import CLUSTERS_PER_BLOCK
from dataset.catalog.tables import versions as versions_table
from dataset.catalog.writes import insert_new
from dataset.damage import QuickLook
from dataset.erasure.erase_listed import erase_listed
from dataset.labels import audit, label_ledger
from dataset.labels.vocabulary import KEPT_OUT
from dataset.objections import reasons
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import VERSIONS_LOCK, Project
from dataset.publishing.certified import certificate_for
from dataset.publishing.checked_pictures import BrokenOriginals, note_publish
from dataset.publishing.choose_rows import choose_rows
from dataset.publishing.gates import Measured, gates_passed
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.publishing.totals import one_sided, totals_of
from dataset.publishing.write_version import ROWS_PER_BLOCK, Draft, Progress, Written, flush, write_version
from dataset.quarantine import listed, quarantine, release_restored, sentence
from dataset.splits.split_leaks import split_leaks
from dataset.versions import published
from dataset.versions.facts import Audit, ForcedGate
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout
from dataset.versions.stored.ranges import MOST_PICTURES
from foundation.errors import StageError
from foundation.files import storage_errors
from foundation.memory import Cost, Meter, rare_garbage_collection
from foundation.safe_text import counted

ROWS_PER_TEXT = 1000  # that go into the digest together
IMAGES_FOR_SHARDS = 100_000  # from which a version is in shards where nothing else is configured


@dataclass(frozen=True)
class PublishReport:
    """version: name of the new version; None where nothing changed, and then newest is the last one.

    notes: sentences about what was damaged, or repaired, about a clock that went back, about one class or one split
    only, and about classes with another name or number. cost: of this run.
    """

    version: str | None
    newest: str
    images: int
    counts: dict[str, dict[str, int]]
    added: int = 0
    removed: int = 0
    relabelled: int = 0
    notes: list[str] = field(default_factory=list)
    cost: Cost | None = None

    def line(self) -> str:
        """The result, in one line."""
        if self.version is None:
            message = f"nothing changed since {self.newest}, nothing published"
        else:
            change = f"{self.added} added, {self.removed} removed, {self.relabelled} relabelled"
            message = f"version {self.version}: {counted(self.images, 'image')} ({change})"
        return "; ".join([message, *self.notes])

    def with_notes(self, notes: Sequence[str]) -> "PublishReport":
        """The same with sentences about what was done before, first."""
        return replace(self, notes=[*notes, *self.notes])


@dataclass(frozen=True)
class BlockSizes:
    """How much of a version is in memory at once; its id does not depend on it. shard: pictures of a shard at most."""

    clusters: int = CLUSTERS_PER_BLOCK
    rows: int = ROWS_PER_BLOCK
    shard: int = MOST_PICTURES


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
    Images whose originals are missing or damaged stay out. Raises StageError where there is nothing to publish, a gate
    refuses, or the originals are out of reach.
    """
    meter = Meter()
    erased = erase_listed(project, progress or _no_progress).line()
    # A second publish waits, and then finds nothing to do.
    with project.alone(VERSIONS_LOCK), rare_garbage_collection():
        _record_in_ledger(project)
        created, notes = _created(project, now or datetime.now(UTC))
        release_restored(project)
        try:
            with QuickLook(project, all_sizes=True) as look:
                report = _publish_whole(project, created, progress or _no_progress, force, blocks, look)
        except BaseException:
            with contextlib.suppress(OSError):
                published.clear_unfinished(project.home)
            raise
        _record_in_ledger(project)
    notes = [*filter(None, [erased, _uncurated(project)]), *notes, *_damage(project), *report.notes]
    return replace(report, notes=notes, cost=meter.cost(report.images))


def _created(project: Project, now: datetime) -> tuple[datetime, list[str]]:
    """When the version is created: now, but never before the versions that are there, and a note about that."""
    with project.catalog.read() as connection:
        newest = connection.execute(
            select(versions_table).order_by(versions_table.c.created_at.desc()).limit(1)
        ).first()
    if newest is None or newest.created_at <= now:
        return now, []
    since = newest.created_at.isoformat(timespec="seconds")
    return newest.created_at, [
        f"the clock says {now.isoformat(timespec='seconds')}, but version {newest.name} was created at {since}: "
        "that time is used; set the clock"
    ]


def _uncurated(project: Project) -> str:
    """A sentence about images that were collected since the last `curate`, which no version has; empty without any."""
    with project.catalog.read() as connection:
        number = label_ledger.n_uncurated(connection)
    return (
        f"{counted(number, 'image')} collected since the last `isitcake curate` left out: run it, then publish"
        if number
        else ""
    )


def _damage(project: Project) -> list[str]:
    """Sentences about versions and originals that are damaged."""
    versions = [f"version {name} is damaged: {reason}" for name, reason in published.damaged(project.home).items()]
    return [*versions, *filter(None, [sentence(list(listed(project).values()))])]


def _publish_whole(
    project: Project, now: datetime, progress: Progress, force: bool, blocks: BlockSizes, look: QuickLook
) -> PublishReport:
    """Publish; where an original turns out to be broken, begin again without it. look: that began."""
    while True:
        try:
            return _publish(project, now, progress, force, blocks, look)
        except BrokenOriginals as error:
            quarantine(project, error.reasons)


def _publish(
    project: Project, now: datetime, progress: Progress, force: bool, blocks: BlockSizes, look: QuickLook
) -> PublishReport:
    folder = project.home / "versions"
    new_name = _next_name(_used_names(project), now)
    building = folder / f".building-{new_name}"
    with storage_errors(folder):
        published.clear_unfinished(project.home)
        with closing(RowsOnDisk(building / "rows.db")) as rows:
            with project.catalog.write() as connection:
                labels = project.settings.project.labels
                left_out = choose_rows(
                    connection, labels, now, rows, blocks.clusters, label_ledger.Settling.begin(connection, now)
                )
                if damaged := look.found():
                    raise BrokenOriginals(damaged)  # before the commit: splits were drawn with these pictures
                audited, too_few = _audit(connection), _too_few(connection)
                certified = certificate_for(connection, labels, rows)
                kept_out = dict.fromkeys(unclaimed(connection), f"{KEPT_OUT} claimed by no source")
                kept_out |= {**label_ledger.kept_out(connection, labels), **reasons(connection)}
            if not len(rows):
                reason = "no image has one of the project's labels; run `isitcake collect` first"
                raise StageError(f"nothing to publish: {_uncurated(project) or reason}")
            digest = _ContentDigest()
            with project.catalog.read() as connection:
                leaks = split_leaks(connection, rows.splits())
            totals = totals_of(digest.each(rows), rows.repeated_clusters(), leaks, too_few)
            content = digest.hex()
            newest = published.newest(project.home)
            layout = _layout(project, len(rows))
            if newest is not None and _is_same(project, newest, content):
                certificate = certified.published.certificate if certified else None
                measured = Measured(newest.shortcuts.get("after", []), audited, totals, certificate)
                notes = [*one_sided(newest.counts, newest.labels), *_would_refuse(project, newest, measured, now)]
                report = PublishReport(None, newest.name, newest.images, newest.counts, notes=notes)
            else:
                draft = Draft(
                    new_name, now, rows, totals, content, left_out, audited, newest, kept_out, certified, layout,
                    blocks.shard,
                )  # fmt: skip
                removed = _removed(project, content, newest)
                draft = replace(draft, name=removed.name, created=removed.created_at) if removed else draft
                written = write_version(project, draft, building, progress, force, blocks.rows)
                if removed and removed.id != written.version.id:
                    _clear(building, rows.path)
                    draft = replace(draft, name=new_name, created=now)
                    written = write_version(project, draft, building, progress, force, blocks.rows)
                report = _report(project, written)
        if report.version is None:
            published.clear_unfinished(project.home)
        else:
            building.rename(folder / report.version)
            flush(folder)
            note_publish(project, published.load(project.home, report.version))
    return report


def _would_refuse(project: Project, newest: Version, measured: Measured, now: datetime) -> list[str]:
    """Sentences about gates that the newest version would not pass any more: limits may have changed since."""
    gates = gates_passed(project, measured, now, force=True)
    return [f"{newest.name} would be refused now: {gate.forced}" for gate in gates if isinstance(gate, ForcedGate)]


def _layout(project: Project, images: int) -> Layout:
    """As configured, or else by the number of images."""
    wanted = project.settings.publish.layout
    return Layout(wanted) if wanted else Layout.SHARDS if images >= IMAGES_FOR_SHARDS else Layout.FOLDER


def _is_same(project: Project, newest: Version, content: str) -> bool:
    """Whether a version with this content would change nothing: also not a layout that somebody configured."""
    is_laid_out = project.settings.publish.layout in ("", newest.layout)
    return is_laid_out and (newest.content, newest.labels) == (content, project.settings.project.labels)


def _removed(project: Project, content: str, newest: Version | None) -> Record[Any] | None:
    """The ledger's row of a version with this content whose folder was removed: it may be made again, as it was."""
    same = versions_table.c.content == content
    with project.catalog.read() as connection:
        rows = connection.execute(select(versions_table).where(same)).all()
    there = {folder.name for folder in published.folders(project.home)}
    parent = newest.name if newest else None
    is_later = (row for row in rows if newest is None or published.order(row.name) > published.order(newest.name))
    return next((row for row in is_later if row.name not in there and row.parent == parent), None)


def _clear(building: Path, kept: Path) -> None:
    """Remove everything from the folder of an unfinished version but one file."""
    for path in building.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != kept:
            path.unlink()


def _report(project: Project, written: Written) -> PublishReport:
    version, changes = written.version, written.changes
    counts = (changes["added"], changes["removed"], changes["relabelled"])
    n = len(written.repaired)
    notes = [f"{n} normalised pictures were damaged and were made again from their originals"] if n else []
    notes += [*written.notes, *filter(None, [published.path_note(project.home)])]
    return PublishReport(version.name, version.name, version.images, version.counts, *counts, notes)


def _audit(connection: Connection) -> Audit | None:
    residual = audit.residual(connection)
    return Audit(**vars(residual)) if residual else None


def _too_few(connection: Connection) -> int | None:
    """How many answers about the audit sample there are while they are too few to calibrate the error probabilities."""
    return None if audit.is_estimate_calibrated(connection) else len(audit.sampled_answers(connection))


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
            "counts": version.published_counts,
        }
        for version in published.listing(project.home)
        if version.name not in known
    ]
    if rows:
        with project.catalog.write() as connection:
            insert_new(connection, versions_table, rows)


def _used_names(project: Project) -> list[str]:
    """Names of all versions there are or were, the newest last: damaged ones, and removed ones that the ledger has."""
    with project.catalog.read() as connection:
        recorded = connection.execute(select(versions_table.c.name)).scalars().all()
    there = [folder.name for folder in published.folders(project.home)]
    return sorted({*recorded, *there}, key=published.order)


class _ContentDigest:
    """Digest of what a change of makes a new version. Error probabilities are not in it: they change by themselves."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256(f"[{json.dumps(DERIVED_RECIPE)}, [".encode())

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, which are added to the digest."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        for number, part in enumerate(chunked(rows, ROWS_PER_TEXT)):
            values = [
                [
                    *(row.sha256, row.label, row.split, row.source_label, row.label_origin, row.sources, row.licence),
                    *filter(None, (row.usage_preference, row.copyright_notice)),  # earlier releases had none
                ]
                for row in part
            ]
            self._digest.update(f"{', ' if number else ''}{encode(values)[1:-1]}".encode())
            yield from part

    def hex(self) -> str:
        """The digest, 64 hex digits, once all rows were added."""
        whole = self._digest.copy()
        whole.update(b"]]")
        return whole.hexdigest()


def _next_name(known: Sequence[str], now: datetime) -> str:
    """2026.11.0, then 2026.11.1. Later than every known name, also where the clock went back."""
    newest = published.order(known[-1]) if known else (0, 0, 0)
    if newest[:2] >= (now.year, now.month):
        return f"{newest[0]}.{newest[1]}.{newest[2] + 1}"
    return f"{now.year}.{now.month}.0"


def _no_progress(_what: str, _done: int, _total: int) -> None: ...
