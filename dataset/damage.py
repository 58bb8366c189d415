"""A quick look at originals: which of them went missing, or bad?"""

import hashlib
import random
from collections.abc import Iterator
from typing import NamedTuple

from more_itertools import chunked
from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.pictures.originals import LocalBlobs
from dataset.project import Project
from dataset.quarantine import is_whole, listed, wrong_size
from foundation.beside.file_work import FileWork
from foundation.errors import StorageError

FILES_PER_PART = 5000  # that are given to the process beside
SIZED_ORIGINALS = 20_000  # whose size a quick look compares: about 0.2 s on a local disk
SIZED_IN_BUCKET = 20  # there each is a request
HASHED_BYTES = 64 << 20  # of originals that a quick look hashes: about 0.1 s
MOST_LISTED = 1000  # damaged originals that a quick look names


class _Original(NamedTuple):
    sha256: str
    format: str
    size_bytes: int


class QuickLook:
    """Finds originals outside quarantine that are missing or damaged, beside other work where they are on this disk.

    Compares sizes, of all originals with all_sizes on a local disk, otherwise of a random part, and hashes some
    megabytes. In a small library it looks at everything.
    """

    def __init__(self, project: Project, *, all_sizes: bool = False, hashed_bytes: int = HASHED_BYTES) -> None:
        self._project = project
        self._is_local = isinstance(project.blobs, LocalBlobs)
        most = None if all_sizes and self._is_local else SIZED_ORIGINALS if self._is_local else SIZED_IN_BUCKET
        rng = random.Random(random.SystemRandom().getrandbits(64))  # noqa: S311  # which part it sees is no secret
        self._records = list(_records(project, most, f"{rng.getrandbits(256):064x}"))
        self._hashed: set[str] = set()
        for record in rng.sample(self._records, len(self._records)):
            hashed_bytes -= record.size_bytes
            if hashed_bytes < 0:
                break
            self._hashed.add(record.sha256)
        self._work = FileWork("look")

    def __enter__(self) -> "QuickLook":
        if self._is_local:
            for part in chunked(self._records, FILES_PER_PART):
                self._work.give([self._expected(record) for record in part])
        return self

    def __exit__(self, *_: object) -> None:
        self._work.__exit__()

    def found(self) -> dict[str, str]:
        """What is wrong with each original, by SHA-256. Waits for the look; a second call finds nothing."""
        records, self._records = self._records, []
        if not records:
            return {}
        doubtful = [records[number] for number in self._work.failed()] if self._is_local else records
        return {record.sha256: reason for record in doubtful if (reason := self._wrong(record))}

    def _expected(self, record: _Original) -> tuple[str, str, str]:
        address = self._project.blobs.address(record.sha256, record.format)
        return address, str(record.size_bytes), record.sha256 if record.sha256 in self._hashed else ""

    def _wrong(self, record: _Original) -> str:
        """What is wrong with an original, in a few words; empty where nothing is."""
        wrong = wrong_size(self._project, record)
        if wrong or record.sha256 not in self._hashed:
            return wrong
        try:
            content = self._project.blobs.read(record.sha256, record.format)
        except StorageError as error:
            return f"cannot be read ({error})"
        return "" if hashlib.sha256(content).hexdigest() == record.sha256 else "is not what was stored"


def find_damage(project: Project, *, all_sizes: bool = False, hashed_bytes: int = HASHED_BYTES) -> dict[str, str]:
    """What a quick look finds: originals that are missing or damaged, by SHA-256, each with what is wrong."""
    with QuickLook(project, all_sizes=all_sizes, hashed_bytes=hashed_bytes) as look:
        return look.found()


def damaged_originals(project: Project) -> list[str]:
    """Originals that are in quarantine, or that a quick look finds missing or damaged: address and what is wrong."""
    known = listed(project)
    found = {sha256: reason for sha256, reason in find_damage(project).items() if sha256 not in known}
    with project.catalog.read() as connection:
        rows = select(images.c.sha256, images.c.format).where(images.c.sha256.in_(list(found)[:MOST_LISTED]))
        formats = {row.sha256: row.format for row in connection.execute(rows)}
    known |= {sha256: f"{project.blobs.address(sha256, kind)} {found[sha256]}" for sha256, kind in formats.items()}
    return [known[sha256] for sha256 in sorted(known)]


def _records(project: Project, most: int | None, start: str) -> Iterator[_Original]:
    """SHA-256, format and size of images, from `start` on and around; all where most is None."""
    columns = select(*(images.c[name] for name in _Original._fields)).order_by(images.c.sha256)
    columns = columns.where(is_whole(images.c.sha256))
    with project.catalog.read() as connection:
        behind = connection.execute(columns.where(images.c.sha256 >= start).limit(most)).all()
        left = None if most is None else most - len(behind)
        before = connection.execute(columns.where(images.c.sha256 < start).limit(left)).all()
    yield from map(_Original._make, behind)
    yield from map(_Original._make, before)
