"""Sources of `kind = "folder"`: pictures that are on this disk already."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from crawlers.ledger.ledger import Download, Ledger, OutcomeRow, RunTotals, Sighting
from crawlers.ledger.reports import SourceReport
from crawlers.ledger.sole_run import sole_run
from crawlers.source_health import Note, NoteKind, Outcome
from dataset.project import Project
from foundation.errors import CrawlError
from foundation.settings import Source

IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini"}


def collect_folder(
    project: Project, source: Source, now: datetime, progress: Callable[[int, int], None]
) -> SourceReport:
    """Collect every file under the folder, except hidden files and links.

    progress(done, all) is called after each file. Raises CrawlError where there is no folder.
    """
    root = (project.settings.root / Path(source.path).expanduser()).resolve()
    if not root.is_dir():
        raise CrawlError(f"source {source.name!r}: no folder {root}; create it, or correct `path` of the source")
    with sole_run(project, source):
        ledger = Ledger(project, source, now)
        unreadable: list[str] = []
        files = sorted(_files(root, unreadable))
        addresses = {path.as_uri() for path in files}
        for number, path in enumerate(files, 1):
            address = path.as_uri()
            if address not in ledger.settled:
                _take(ledger, path, address, root)
            elif sha256 := ledger.settled[address]:  # by this run, before it was killed
                _sight(ledger, path, address, root, sha256)
            progress(number, len(files))
        gone = ledger.end_missing_claims(addresses, unreadable)
        notes = [Note(NoteKind.GONE, "", _gone(gone))] if gone else []
        return ledger.finish(RunTotals(pages=0, candidates=len(files), requests=0), notes)


def _take(ledger: Ledger, path: Path, address: str, root: Path) -> None:
    page = path.parent.as_uri()
    try:
        body = path.read_bytes()
    except OSError as error:
        ledger.settle(OutcomeRow(address, page, Outcome.FAILED, f"unreadable: {error.strerror}"))
        return
    sha256 = ledger.accept(address, page, Download(body, address))
    if sha256:
        _sight(ledger, path, address, root, sha256)


def _sight(ledger: Ledger, path: Path, address: str, root: Path, sha256: str) -> None:
    folder = path.parent.relative_to(root).as_posix()
    site = ledger.source.name if folder == "." else f"{ledger.source.name}/{folder}"
    ledger.sight(sha256, [Sighting(address, path.parent.as_uri(), site)])


def _gone(images: int) -> str:
    return f"images that are no longer in the folder: {images}; versions leave out what no source has any more"


def _files(root: Path, unreadable: list[str]) -> Iterator[Path]:
    """Regular files, but for hidden ones. Addresses of folders that cannot be read are added to `unreadable`."""

    def note(error: OSError) -> None:
        unreadable.append(Path(error.filename).as_uri() + "/")

    for folder, names, files in os.walk(root, onerror=note):
        names[:] = [name for name in names if not name.startswith(".")]
        for name in files:
            path = Path(folder) / name
            if name not in IGNORED and not name.startswith(".") and not path.is_symlink():
                yield path
