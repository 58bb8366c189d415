"""Sources of `kind = "folder"`: pictures that are on this disk already.

Every entry of the folder ends in an outcome: pictures, other files, links, devices, and what cannot be read.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from more_itertools import constrained_batches

from crawlers.ledger.claims import Gone
from crawlers.ledger.known_files import KnownFiles
from crawlers.ledger.ledger import Ledger
from crawlers.ledger.reports import SourceReport
from crawlers.ledger.rows import Arrival, Download, OutcomeRow, RunTotals, Shown, Sighting
from crawlers.ledger.sole_run import sole_run
from crawlers.source_health import Note, NoteKind, Outcome
from crawlers.stopping import Stop
from dataset.catalog.folder_addresses import folder_address, printable_path
from dataset.pictures import formats
from dataset.project import Project
from foundation.errors import CrawlError
from foundation.files import pictures_folder_problem
from foundation.safe_text import counted
from foundation.settings import Source
from foundation.threads import ahead, cores, pool

IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini"}
MAX_FILE_BYTES = 250 * 1024 * 1024  # of a picture; of other files the beginning is read
BATCH = 64  # entries whose rows are written together
MAX_BATCH_BYTES = 64 << 20  # of files in one batch, and in the window ahead of it; a larger file is alone
AHEAD = 4  # files for each core that are read and decoded while a batch is written
WRITERS = 4  # files that are written, and waited for, at once
MAX_NAMED = 3  # unreadable folders in a note
KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISDIR, "a folder"),
)


@dataclass(frozen=True)
class _Entry:
    """Something in the folder. path: relative to it. problem: why its content is not read; empty for a file."""

    path: Path
    outcome: Outcome = Outcome.REJECTED
    problem: str = ""
    size_bytes: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether it is a folder that could not be read."""
        return self.problem.startswith(NoteKind.UNREADABLE_FOLDER)


def is_emptied(project: Project, source: Source) -> bool:
    """Whether it is a folder that is there and has nothing to collect."""
    if source.kind != "folder":
        return False
    root = _root(project, source)
    return root.is_dir() and next(_entries(root, _own(project)), None) is None


def collect_folder(
    project: Project,
    source: Source,
    now: datetime,
    progress: Callable[[int, int], None],
    stop: Stop | None = None,
) -> SourceReport:
    """Collect every regular file under the folder, except hidden files and what the program itself writes. Links are
    not followed, only counted.

    Pictures are decoded on all cores, a few ahead of the ones that are written; their rows are written in batches. A
    killed run loses its last batch at most. Files that are as they were at the last run are read and compared, not
    decoded. progress(done, all) is called after each batch. Raises CrawlError where
    there is no such folder, Stopped after `stop` was requested, when the pictures that were decoded are written.
    """
    stop = stop or Stop()
    root = _root(project, source)
    if problem := pictures_folder_problem(root, project.home):
        raise CrawlError(problem)
    with sole_run(project, source):
        ledger = Ledger(project, source, now)
        entries = sorted(stop.until(_entries(root, _own(project))), key=lambda entry: os.fsencode(entry.path))
        stop.check()
        with ThreadPoolExecutor(WRITERS) as writers:
            jobs = (_job(ledger, root, entry) for entry in stop.until(entries))
            look = partial(_look, ledger, KnownFiles.of(project, ledger), root, stop)
            looked = ahead(pool(), look, jobs, AHEAD * cores(), _weigh, MAX_BATCH_BYTES)
            done = 0
            for batch in constrained_batches(looked, MAX_BATCH_BYTES, BATCH, lambda one: _weigh(one[0]), strict=False):
                _write(ledger, batch, writers)
                done += len(batch)
                progress(done, len(entries))
        stop.check()
        gone = ledger.end_missing_claims(
            {_address(source, entry.path) for entry in entries},
            [f"{_address(source, entry.path)}/" for entry in entries if entry.is_closed],
        )
        notes = [*_notes(source, entries), *_notes_of_gone(source, gone)]
        return ledger.finish(RunTotals(pages=0, candidates=len(entries), requests=0), notes)


def _root(project: Project, source: Source) -> Path:
    return project.settings.folder_of(source).resolve()


def _own(project: Project) -> frozenset[str]:
    """Paths that are no candidates: isitcake.toml, and the library, whose pictures are copies of collected ones."""
    return frozenset(map(str, (project.home, project.settings.config_path.resolve())))


def _notes_of_gone(source: Source, gone: Gone) -> list[Note]:
    """Notes about images that were in the folder and are not there any more."""
    notes = []
    if gone.kept:
        text = (
            f"no picture is left in the folder; the next version keeps the {counted(gone.kept, 'image')} from it: "
            "attach the disk that has them, or, if you removed the pictures, run "
            f"`isitcake sources retire {source.name}`"
        )
        notes.append(Note(NoteKind.ALL_GONE, "", text))
    if gone.ended:
        text = f"images that are no longer in the folder: {gone.ended}; versions leave out what no source has any more"
        notes.append(Note(NoteKind.GONE, "", text))
    return notes


@dataclass(frozen=True)
class _Job:
    """An entry to look at. known: it has its outcome, of this run before it was killed, or its file is not read."""

    entry: _Entry
    address: str
    page: str
    known: bool = False
    refusal: OutcomeRow | None = None


def _job(ledger: Ledger, root: Path, entry: _Entry) -> _Job:
    address, page = _address(ledger.source, entry.path), _address(ledger.source, entry.path.parent)
    if address in ledger.settled:
        return _Job(entry, address, page, known=True)
    refusal = None
    # Before, addresses were paths of this machine: what was erased under such an address stays out.
    if erased := ledger.refused_url((root / entry.path).as_uri()):
        refusal = OutcomeRow(address, page, Outcome.REJECTED, erased)
    elif entry.problem:
        refusal = OutcomeRow(address, page, entry.outcome, entry.problem)
    return _Job(entry, address, page, known=refusal is not None, refusal=refusal)


def _weigh(job: _Job) -> int:
    """Bytes of its file that are in memory until they are written."""
    return 0 if job.known else min(job.entry.size_bytes, MAX_FILE_BYTES)


def _look(ledger: Ledger, known: KnownFiles, root: Path, stop: Stop, job: _Job) -> Arrival | OutcomeRow | None:
    """Read a file and take it in; or why not. None: its outcome is known, or a stop was requested."""
    if job.known:
        return job.refusal
    if stop.is_requested:
        return None
    try:
        body, problem = _read(root / job.entry.path)
    except OSError as error:
        return OutcomeRow(job.address, job.page, Outcome.FAILED, f"unreadable: {error.strerror}")
    if problem:
        return OutcomeRow(job.address, job.page, Outcome.REJECTED, problem)
    if sha256 := known.sha256_of(job.address, body):
        return OutcomeRow(job.address, job.page, Outcome.UNCHANGED, "", sha256, job.address)
    return ledger.arrived(job.address, job.page, Download(body, job.address))


def _write(ledger: Ledger, batch: Sequence[tuple[_Job, Arrival | OutcomeRow | None]], writers: Executor) -> None:
    """Give each entry of a batch its outcome, and record where images were seen."""
    ledger.settle_all([found for _, found in batch if isinstance(found, OutcomeRow)])
    arrivals = [found for _, found in batch if isinstance(found, Arrival)]
    if arrivals:
        ledger.accept_all(arrivals, writers)
    seen = []
    for job, _ in batch:
        if sha256 := ledger.settled.get(job.address):
            folder = job.entry.path.parent
            name = ledger.source.name
            site = name if folder == Path() else f"{name}/{printable_path(os.fsencode(folder))}"
            seen.append(Shown(sha256, [Sighting(job.address, job.page, site)]))
    ledger.sight_all(seen)


def _read(path: Path) -> tuple[bytes, str]:
    """The bytes of a picture, or why the rest of a file is not read. Raises OSError. Never waits for a FIFO."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if problem := _not_regular(state.st_mode):
            return b"", problem
        head = file.read(formats.HEAD_BYTES)
        if not head:
            return b"", "empty"
        if formats.name_of(head) not in formats.READ:
            return b"", formats.refusal(head)
        if state.st_size > MAX_FILE_BYTES:
            return b"", f"too large: {state.st_size >> 20} MB, at most {MAX_FILE_BYTES >> 20} MB are read"
        return head + file.read(MAX_FILE_BYTES - len(head)), ""


def _entries(root: Path, own: frozenset[str]) -> Iterator[_Entry]:
    """Everything under the folder but hidden files, folders that can be read, files of file managers, and `own`."""
    unreadable: list[OSError] = []
    for folder, names, files in os.walk(root, onerror=unreadable.append):
        names[:] = [name for name in names if not name.startswith(".") and str(Path(folder, name)) not in own]
        below = Path(folder).relative_to(root)
        for name in [*names, *files]:
            if name in IGNORED or name.startswith(".") or str(Path(folder, name)) in own:
                continue
            try:
                state = os.lstat(f"{folder}/{name}")
            except OSError as error:
                yield _Entry(below / name, Outcome.FAILED, f"unreadable: {error.strerror}")
                continue
            if not stat.S_ISDIR(state.st_mode):
                yield _Entry(below / name, problem=_not_regular(state.st_mode), size_bytes=state.st_size)
    for closed in unreadable:
        path = Path(os.fsdecode(closed.filename)).relative_to(root)
        yield _Entry(path, Outcome.FAILED, f"{NoteKind.UNREADABLE_FOLDER}: {closed.strerror}")


def _not_regular(mode: int) -> str:
    """Why something that is no regular file is refused; empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "link: not followed"
    kind = next((name for is_kind, name in KINDS if is_kind(mode)), "something else")
    return f"not a file: {kind}"


def _notes(source: Source, entries: list[_Entry]) -> list[Note]:
    """A note about folders that could not be read: nobody knows how much is in them."""
    closed = [entry for entry in entries if entry.is_closed]
    if not closed:
        return []
    named = [f"{_address(source, entry.path)} ({entry.problem.partition(': ')[2]})" for entry in closed[:MAX_NAMED]]
    more = f" and {len(closed) - MAX_NAMED} more" if len(closed) > MAX_NAMED else ""
    count = "a folder" if len(closed) == 1 else f"{len(closed)} folders"
    text = f"{count} could not be read: {', '.join(named)}{more}"
    return [Note(NoteKind.UNREADABLE_FOLDER, source.name, text)]


def _address(source: Source, path: Path) -> str:
    return folder_address(source.name, b"" if path == Path() else os.fsencode(path))
