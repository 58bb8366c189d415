"""Erase images everywhere: bytes, normalised pictures, rows of every version, catalog, reports.

Two things stay. Tombstones are hashes, so that an erased image is not collected again. The leaves of erased rows stay
in each version, so that it keeps its id and still verifies. A journal in the catalog says which erasures have begun:
after a kill, the next command that opens the project finishes them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, select, update

from dataset.catalog.tables import erasures, fetches, fingerprints, sightings
from dataset.catalog.writes import insert_new
from dataset.erasure.from_catalog import NAMES_PER_STATEMENT, remove_from_catalog, tasks
from dataset.erasure.from_versions import remove_pictures, remove_rows, versions_with
from dataset.erasure.selection import Kind, Selection, selected
from dataset.erasure.tombstones import bury
from dataset.project import Project
from dataset.versions import manifest, published
from foundation.errors import UsageError
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.locks import exclusive

BeforeStep = Callable[[str], None]  # called before each step with its description


@dataclass(frozen=True)
class EraseReport:
    """images: erased, with their copies. versions: those that had one of them. models: those trained on such a version.
    tasks: questions in Label Studio that the next `review push` or `review pull` withdraws.
    """

    images: int
    versions: list[str]
    models: list[str]
    tasks: int
    note: str = ""

    def line(self) -> str:
        """The result, in one line."""
        message = f"{self.images} images erased from {len(self.versions)} versions"
        if self.models:
            message += f"; models trained on them: {', '.join(self.models)}"
        return f"{message}; {self.note}" if self.note else message


def erase(
    project: Project,
    selection: Selection,
    reason: str,
    dry_run: bool = False,
    before: BeforeStep = lambda _step: None,
) -> EraseReport:
    """Erase the selected images and all their copies. Raises UsageError without a reason.

    dry_run: report what would be erased, and change nothing. before: called before each step.
    """
    if not reason.strip():
        raise UsageError("give a reason with --reason: who asked, or what is wrong with the image")
    if dry_run:
        return _would_erase(project, selection)
    before("tombstones and journal")
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        names = selected(connection, selection)
        if selection.kind is Kind.URL:  # also an address that was never collected
            bury(connection, now, reason, url=selection.value)
        if selection.kind is Kind.SHA256 and not names:
            bury(connection, now, reason, sha256=selection.value)
        _begin(connection, names, reason, now)
    return finish(project, before)


def finish(project: Project, before: BeforeStep = lambda _step: None) -> EraseReport:
    """Finish the erasures that the journal says have begun."""
    if not _begun(project):
        return EraseReport(0, [], [], 0)
    with exclusive(project.versions_lock):
        return _finish(project, _begun(project), before)


def _would_erase(project: Project, selection: Selection) -> EraseReport:
    with project.catalog.read() as connection:
        names = selected(connection, selection)
        withdrawn = tasks(connection, names)
    affected = versions_with(project, names)
    return EraseReport(len(names), affected, _models_of(project, affected), withdrawn, "nothing was done")


def _begin(connection: Connection, names: Sequence[str], reason: str, now: datetime) -> None:
    """Write tombstones and the journal, in one transaction."""
    for name in names:
        phash16 = connection.execute(select(fingerprints.c.phash16).where(fingerprints.c.sha256 == name)).scalar()
        bury(connection, now, reason, sha256=name, phash16=phash16 or "")
        addresses = set(
            connection.execute(select(sightings.c.image_url).where(sightings.c.sha256 == name)).scalars()
        ) | set(connection.execute(select(fetches.c.fetched_url).where(fetches.c.sha256 == name)).scalars())
        for address in addresses:
            bury(connection, now, reason, url=address)
    insert_new(connection, erasures, [{"sha256": name, "reason": reason, "begun_at": now} for name in names])


def _begun(project: Project) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_(None))).scalars())


def _finish(project: Project, names: list[str], before: BeforeStep) -> EraseReport:
    affected = versions_with(project, names)
    models = _models_of(project, affected)
    with storage_errors(project.home):
        for model in models:
            before(f"model {model}")
            _taint(project, model)
        for version in affected:
            remove_rows(published.load(project.home, version), set(names), before)
        _remove_files(project, names, before)  # after the rows: leaves are computed from rows and files
    before("catalog")
    with project.catalog.write() as connection:
        withdrawn = tasks(connection, names)
        remove_from_catalog(connection, names)
    before("deleted rows in the catalog's file")
    project.catalog.forget()
    before("end of the journal")  # last: a kill before it repeats everything
    with project.catalog.write() as connection:
        for part in chunked(names, NAMES_PER_STATEMENT):
            connection.execute(update(erasures).where(erasures.c.sha256.in_(part)).values(done_at=datetime.now(UTC)))
    return EraseReport(len(names), affected, models, withdrawn)


def _remove_files(project: Project, names: Sequence[str], before: BeforeStep) -> None:
    """Remove originals, pictures, unfinished versions, cached features, predictions, logs, and reports."""
    before("unfinished versions")
    published.clear_unfinished(project.home)
    for name in names:
        before(f"original of {name}")
        project.blobs.discard(name)
        before(f"normalised pictures of {name}")
        for path in (project.home / "derived").glob(f"*/{name[:2]}/{name}.*"):
            path.unlink(missing_ok=True)
    before("pictures in versions")
    remove_pictures(project, names)
    before("reports and cached features")
    for path in [*(project.home / "reports").glob("*"), *(project.home / "cache" / "features").glob("*")]:
        if path.is_file():
            path.unlink()
    before("predictions and logs")
    for path in (project.home / "models").glob("*/*/predictions.parquet"):
        manifest.drop_rows(path, "sha256", set(names))
    for log in project.home.glob("*.log"):  # may hold addresses
        log.write_bytes(b"")


def _models_of(project: Project, versions: Sequence[str]) -> list[str]:
    """Models that were trained on one of these versions, as `name/version`."""
    folder = project.home / "models"
    return sorted(
        f"{path.parent.name}/{path.name}" for name in versions for path in folder.glob(f"*/{name}") if path.is_dir()
    )


def _taint(project: Project, model: str) -> None:
    """Mark a model as trained on erased images. The time of the first erasure stays."""
    path = project.home / "models" / model / published.TAINTED
    default: dict[str, Any] = {}
    since = read_json(path, default).get("since") or datetime.now(UTC).isoformat(timespec="seconds")
    content = {"since": since, "why": "images it was trained on were erased"}
    replace_file(path, (json.dumps(content) + "\n").encode())
