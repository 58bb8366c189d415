"""Erase images everywhere: bytes, normalised pictures, rows of every version, catalog, reports.

Two things stay. Tombstones are hashes, so that an erased image is not collected again. The leaves of erased rows stay
in each version, so that it keeps its id and still verifies. A journal in the catalog says which erasures have begun:
after a kill, the next command that opens the project finishes them.

Bytes go first: a version that is damaged, or a disk without room, keeps no picture. Whoever stores something about a
picture at the same moment sees its tombstone (dataset/catalog/writes.py, dataset/pictures/picture_lock.py).
"""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from more_itertools import chunked, map_reduce
from sqlalchemy import Connection, func, select, update

from dataset.catalog.tables import erasures, fetches, images, sightings
from dataset.catalog.writes import upsert
from dataset.erasure import erased_file
from dataset.erasure.copies import Copies
from dataset.erasure.from_catalog import AFFECTED, NAMES_PER_STATEMENT, remove_from_catalog, tasks
from dataset.erasure.from_versions import (
    has_pictures,
    record_leaves,
    remove_pictures,
    remove_rows,
    search,
    unsearchable,
    versions_with,
)
from dataset.erasure.selection import (
    Kind,
    Selection,
    is_address,
    nothing_found,
    selected,
    whole_sha256,
    with_copies,
)
from dataset.erasure.tombstones import bury
from dataset.exports.job import STAGING
from dataset.exports.pushed_to import outdated, pushed_to
from dataset.project import VERSIONS_LOCK, Project
from dataset.versions import published
from dataset.versions.published import REPLACED
from dataset.versions.tainted import remove_cached_features, remove_predictions, taint
from foundation.errors import DamagedVersion, StorageError, UsageError
from foundation.files import storage_errors
from foundation.safe_text import counted
from foundation.sharing.machines import is_shared, repair_versions, share_erasure

BeforeStep = Callable[[str], None]  # called before each step with its description


NOTHING_DONE = "nothing was done"  # the note of a dry run


@dataclass(frozen=True)
class EraseReport:
    """images: erased, with their copies. versions: those that had one of them. models: those trained on such a version.
    tasks: questions in Label Studio that the next `review push` or `review pull` withdraws. damaged: versions whose
    rows could not all be searched, and why; their pictures are gone too. nothing: why no image was found; empty if one
    was. pushed_to: repositories that hold erased pictures until the next `versions push`; of a dry run: that one of the
    versions was pushed to.
    """

    images: int
    versions: list[str]
    models: list[str]
    tasks: int
    note: str = ""
    damaged: dict[str, str] = field(default_factory=dict)
    nothing: str = ""
    pushed_to: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The result, in one line."""
        done = "would be erased" if self.note == NOTHING_DONE else "erased"
        message = f"{counted(self.images, 'image')} {done} from {counted(len(self.versions), 'version')}"
        if self.models:
            message += f"; models trained on them: {', '.join(self.models)}"
        for name, reason in self.damaged.items():
            message += f"; rows of version {name} could not be searched: {reason}"
        return f"{message}; {self.note}" if self.note else message


def erase(
    project: Project,
    selection: Selection,
    reason: str,
    dry_run: bool = False,
    before: BeforeStep = lambda _step: None,
) -> EraseReport:
    """Erase the selected images and all their copies. Raises UsageError without a reason, and UnknownImage.

    The address and the bytes of an image that is not in the library are kept out all the same: its bytes may be there
    after a kill, or in a version from a backup. dry_run: report what would be erased, and change nothing. before:
    called before each step.
    """
    if not reason.strip():
        raise UsageError("give a reason with --reason: who asked, or what is wrong with the image")
    selection = whole_sha256(project, selection)
    copies = Copies(project, partial(selected, selection=selection))
    with project.catalog.read() as connection:
        copies.update(connection)
        nothing = "" if copies.names else nothing_found(connection, selection)
    if dry_run:
        return replace(_would_erase(project, sorted(copies.names)), nothing=nothing)
    _repair_versions(project, before)
    before("tombstones and journal")
    now = datetime.now(UTC)
    with project.catalog.write(erasing=True) as connection:
        copies.update(connection)  # what was collected since
        names = sorted(copies.names)
        buried = []
        if selection.kind is Kind.URL and (names or is_address(selection.value)):
            buried += bury(connection, now, reason, url=selection.value)
        if selection.kind is Kind.SHA256 and not names:
            buried += bury(connection, now, reason, sha256=selection.value)
            names = [selection.value]
        buried += _begin(connection, names, copies.prints, reason, now)
        erased_file.append(project, connection, buried)
    report = finish(project, before)
    return replace(report, nothing="" if report.images or report.versions else nothing)


def erase_all(project: Project, reasons: Mapping[str, str], before: BeforeStep = lambda _step: None) -> EraseReport:
    """Erase many images and all their copies in one go: what takes long for a library is done once.

    reasons: why, by SHA-256. A copy has the reason of what it is a copy of. before: called before each step.
    """
    _repair_versions(project, before)
    by_reason = map_reduce(reasons, lambda name: reasons[name])
    for reason, chosen in sorted(by_reason.items()):
        copies = Copies(project, partial(with_copies, chosen=set(chosen)))
        with project.catalog.read() as connection:
            copies.update(connection)
        before("tombstones and journal")
        now = datetime.now(UTC)
        with project.catalog.write(erasing=True) as connection:
            copies.update(connection)  # what was collected since
            buried = _begin(connection, sorted(copies.names), copies.prints, reason, now)
            erased_file.append(project, connection, buried)
    return finish(project, before)


def _repair_versions(project: Project, before: BeforeStep) -> None:
    """Other machines get what the erasure leaves of the versions here: no loss and no damage of this one with it."""
    if is_shared(project.settings) and not _begun(project):
        before("versions as other machines have them")
        repair_versions(project.settings)


def require_found(report: EraseReport) -> None:
    """Raise UsageError if no image was found."""
    if report.nothing:
        raise UsageError(report.nothing)


def finished_since(project: Project, moment: datetime) -> int:
    """Images whose erasure ended after this moment: of one that was interrupted, when the project was opened."""
    with project.catalog.read() as connection:
        counted = select(func.count()).select_from(erasures).where(erasures.c.done_at >= moment)
        return int(connection.execute(counted).scalar_one())


def finish(project: Project, before: BeforeStep = lambda _step: None) -> EraseReport:
    """Finish the erasures that the journal says have begun."""
    if not _begun(project):
        return _nothing_begun(project)
    with project.alone(VERSIONS_LOCK):
        return finish_alone(project, before)


def finish_alone(project: Project, before: BeforeStep = lambda _step: None) -> EraseReport:
    """The same, for a process that holds the lock of the versions already."""
    names = _begun(project)
    return _finish(project, names, before) if names else _nothing_begun(project)


def _nothing_begun(project: Project) -> EraseReport:
    return EraseReport(0, [], [], 0, pushed_to=outdated(project.home))


def _would_erase(project: Project, names: Sequence[str]) -> EraseReport:
    with project.catalog.read() as connection:
        withdrawn = tasks(connection, names)
    affected = versions_with(project, names)
    damaged = {folder.name: reason for folder in search(project, names) if (reason := unsearchable(folder))}
    return EraseReport(
        len(names), affected, _models_of(project, affected), withdrawn, NOTHING_DONE, damaged=damaged,
        pushed_to=pushed_to(project.home, affected),
    )  # fmt: skip


def _begin(
    connection: Connection,
    names: Sequence[str],
    prints: Mapping[str, Sequence[tuple[str, str]]],
    reason: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Write tombstones and the journal, in one transaction. Returns the tombstones' rows."""
    buried = []
    for name in names:
        buried += bury(connection, now, reason, sha256=name, prints=prints.get(name, ()))
        addresses = set(
            connection.execute(select(sightings.c.image_url).where(sightings.c.sha256 == name)).scalars()
        ) | set(connection.execute(select(fetches.c.fetched_url).where(fetches.c.sha256 == name)).scalars())
        for address in sorted(addresses):
            buried += bury(connection, now, reason, url=address)
    journal = [{"sha256": name, "reason": reason, "begun_at": now, "done_at": None} for name in names]
    upsert(connection, erasures, journal)  # also of images that were erased before and came back with a backup
    return buried


def _begun(project: Project) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_(None))).scalars())


def _finish(project: Project, names: list[str], before: BeforeStep) -> EraseReport:
    searched = search(project, names)
    damaged = {folder.name: reason for folder in searched if (reason := unsearchable(folder))}
    affected = [folder.name for folder in searched if folder.name not in damaged or has_pictures(folder, names)]
    models = _models_of(project, affected)
    with storage_errors(project.home):
        for folder in searched:
            # Leaves of rows come from rows, and where leaves.bin is lost from pictures: they are noted before.
            _note_damage(damaged, folder, lambda folder: record_leaves(folder, set(names), before), keeps_going=True)
        damaged |= _remove_files(project, names, before)
        for model in models:
            before(f"model {model}")
            taint(project.home / "models" / model)
        for folder in searched:
            _note_damage(damaged, folder, lambda folder: record_leaves(folder, set(names), before))
            _note_damage(damaged, folder, lambda folder: remove_rows(folder, set(names), before))
    before("catalog")
    with project.catalog.write() as connection:
        known = _known(connection, names)
        withdrawn = tasks(connection, names)
        remove_from_catalog(connection, names, project.settings.project.labels)
    before("deleted rows in the catalog's file")
    project.catalog.forget(AFFECTED)
    before("what machines share")
    share_erasure(project.settings)
    before("end of the journal")  # last: a kill before it repeats everything
    with project.catalog.write() as connection:
        for part in chunked(names, NAMES_PER_STATEMENT):
            connection.execute(update(erasures).where(erasures.c.sha256.in_(part)).values(done_at=datetime.now(UTC)))
    erased = len(names) if affected else known
    return EraseReport(erased, affected, models, withdrawn, damaged=damaged, pushed_to=outdated(project.home))


def _note_damage(
    damaged: dict[str, str], folder: Path, step: Callable[[Path], None], *, keeps_going: bool = False
) -> None:
    """Run a step on a version; note why, if the version is damaged. keeps_going: no full disk stops it either."""
    try:
        step(folder)
    except DamagedVersion as error:
        damaged[folder.name] = str(error)
    except (OSError, StorageError):
        if not keeps_going:  # bytes go first; the step is repeated after them
            raise


def _known(connection: Connection, names: Collection[str]) -> int:
    """How many of the images the catalog has."""
    return sum(
        len(connection.execute(select(images.c.sha256).where(images.c.sha256.in_(part))).all())
        for part in chunked(names, NAMES_PER_STATEMENT)
    )


def _remove_files(project: Project, names: Sequence[str], before: BeforeStep) -> dict[str, str]:
    """Remove originals, pictures, unfinished versions, cached features, predictions, logs, and reports.

    Returns what was damaged in versions, by their names.
    """
    for name in names:
        before(f"original of {name}")
        with project.normalised.lock.erasing():
            project.blobs.discard(name)
            before(f"normalised pictures of {name}")
            _remove_normalised(project, name)
    before("pictures in versions")
    damaged = remove_pictures(project, names, before)
    before("unfinished versions")
    published.clear_unfinished(project.home)
    before("files of an interrupted push")
    shutil.rmtree(project.home / STAGING, ignore_errors=True)
    before("reports and cached features")
    project.remove_reports()
    before("predictions and logs")
    for path in (project.home / "models").glob("*/*/predictions.parquet"):
        remove_predictions(path, names)
    _remove_features_and_logs(project, names)
    return damaged


def remove_own_copies(project: Project, names: Sequence[str]) -> None:
    """Remove what a machine keeps of erased pictures for itself, beside what machines share. names: SHA-256s."""
    for name in names:
        with project.normalised.lock.erasing():
            project.blobs.forget(name)
            _remove_normalised(project, name)
    shutil.rmtree(project.home / STAGING, ignore_errors=True)
    _remove_features_and_logs(project, names)


def _remove_normalised(project: Project, name: str) -> None:
    for path in (project.home / "derived").glob(f"*/{name[:2]}/{name}.*"):
        path.unlink(missing_ok=True)


def _remove_features_and_logs(project: Project, names: Sequence[str]) -> None:
    remove_cached_features(project.home, names)
    for log in project.home.glob("*.log"):  # may hold addresses
        log.write_bytes(b"")


def _models_of(project: Project, versions: Sequence[str]) -> list[str]:
    """Folders of models that were trained on one of these versions, as `name/version`; also those that a kill left
    moved away.
    """
    found = (path for path in (project.home / "models").glob("*/*") if path.is_dir())
    of = set(versions)
    return sorted(f"{path.parent.name}/{path.name}" for path in found if path.name.removeprefix(REPLACED) in of)
