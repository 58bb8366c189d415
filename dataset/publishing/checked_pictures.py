"""Find damaged originals and damaged normalised pictures, so that no version gets one."""

import contextlib
import hashlib
import json
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import select

from dataset.catalog.tables import digests, images
from dataset.catalog.writes import upsert
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.pictures.originals import LocalBlobs
from dataset.project import Project
from dataset.quarantine import is_whole, listed, what_is_wrong
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout
from foundation.errors import StorageError
from foundation.files import link_or_copy, replace_file
from foundation.json_files import read_json
from foundation.sharing.machines import is_shared

PICTURES_PER_TASK = 200  # that one thread checks before it takes the next task
SIZED_ORIGINALS = 20_000  # whose size a quick look compares: about 0.2 s on a local disk
SIZED_IN_BUCKET = 20  # there each is a request
HASHED_BYTES = 64 << 20  # of originals that a quick look hashes: about 0.3 s
CHECKED_HERE = "locks/published.json"  # below the library
MOST_LISTED = 1000  # damaged originals that a quick look names


class CheckedPictures:
    """Normalised pictures, checked before they are linked into a version.

    A picture is hashed if its size is not the one in the catalog, or if its file was changed in any way after the
    newest version was published: the time of that (ctime) cannot be set back, unlike the time of writing. If it is
    not what the catalog says, it is made again from its original. repaired: SHA-256s of those.
    """

    def __init__(self, project: Project, newest: Version | None, begun_ns: int) -> None:
        """begun_ns: a time of the file system. What was made after it, this process made itself."""
        self._project = project
        self._newest = newest
        self._begun_ns = begun_ns
        self._trusted_ns = _trusted_ns(project, newest) if newest else 0
        self.repaired: list[str] = []

    def link(self, rows: Sequence[Row], folder: Path | None, pool: Executor) -> list[str]:
        """Check the pictures of rows, and link them into the folder of a version. Returns their SHA-256s in order.

        Raises BrokenOriginals if pictures cannot be made because their originals are gone or damaged.
        """
        names = [row.sha256 for row in rows]
        with self._project.catalog.read() as connection:
            stored = select(digests).where(digests.c.recipe == DERIVED_RECIPE, digests.c.sha256.in_(names))
            known = {row.sha256: (row.digest, row.size_bytes) for row in connection.execute(stored).all()}
        new: list[dict[str, Any]] = []
        broken: dict[str, str] = {}
        root = str(self._project.normalised.root)

        def one(row: Row) -> str:
            source = f"{root}/{row.sha256[:2]}/{row.sha256}.jpg"
            before = known.get(row.sha256, ("", -1))
            try:
                digest, size = self._checked(row, source, before)
            except StorageError:
                if not (wrong := what_is_wrong(self._project, row)):
                    raise
                broken[row.sha256] = wrong
                return ""
            if (digest, size) != before:
                new.append({"sha256": row.sha256, "recipe": DERIVED_RECIPE, "digest": digest, "size_bytes": size})
            if folder is not None:
                picture = f"{folder}/{row.file}"
                try:
                    os.link(source, picture)
                except OSError:  # a file system without hard links
                    link_or_copy(Path(source), Path(picture))
            return digest

        linked = pool.map(lambda part: [one(row) for row in part], chunked(rows, PICTURES_PER_TASK))
        in_order = [digest for part in linked for digest in part]
        if broken:
            raise BrokenOriginals(broken)
        if new:
            with self._project.catalog.write() as connection:
                upsert(connection, digests, new)
        return in_order

    def _checked(self, row: Row, source: str, known: tuple[str, int]) -> tuple[str, int]:
        """Digest and size of a picture that is whole. known: what the catalog has, or ("", -1)."""
        try:
            state = os.stat(source)  # noqa: PTH116  # a million Path objects cost more
        except FileNotFoundError:
            if self._restore_from_newest(row, Path(source), known[0]):
                return known
            path = self._project.normalised.make(row.sha256, row.format)
            return _digest(path.read_bytes())
        if state.st_size == known[1] and state.st_ctime_ns <= self._trusted_ns:
            return known
        found = _digest(Path(source).read_bytes())
        if found == known or (not known[0] and state.st_mtime_ns >= self._begun_ns):
            return found
        made = _digest(self._project.normalised.make_again(row.sha256, row.format))
        if made != found:
            self.repaired.append(row.sha256)
        if made == known:
            self._restore_in_versions(row.sha256, made[0])
        return made

    def _restore_from_newest(self, row: Row, path: Path, known: str) -> bool:
        """Take a picture that is not here from the newest version: another machine made that, or derived/ was removed.

        known: digest in the catalog. Returns whether the version has it, whole.
        """
        if not known or not self._newest or self._newest.layout is not Layout.FOLDER:
            return False
        published_as = self._newest.path / row.file
        if not published_as.is_file() or published.file_digest(published_as) != known:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            link_or_copy(published_as, path)
        return True

    def _restore_in_versions(self, sha256: str, digest: str) -> None:
        """Give older versions the picture back that they published: it was one file, with a link in each."""
        for folder in published.folders(self._project.home):
            for path in folder.glob(f"data/*/*/{sha256[:16]}.jpg"):
                if published.file_digest(path) != digest:
                    beside = path.with_name(f".restoring-{path.name}")
                    beside.unlink(missing_ok=True)
                    link_or_copy(self._project.normalised.path(sha256), beside)
                    beside.replace(path)


def note_publish(project: Project, version: Version) -> None:
    """Note that this machine checked the pictures of a version, where others publish, too."""
    if is_shared(project.settings):
        note = {"name": version.name, "ns": published.end_of_links_ns(version)}
        replace_file(project.home / CHECKED_HERE, json.dumps(note).encode())


def _trusted_ns(project: Project, newest: Version) -> int:
    """Until when pictures of this disk were checked, for the newest version; 0 if another machine published it."""
    if not is_shared(project.settings):
        return published.end_of_links_ns(newest)
    note = read_json(project.home / CHECKED_HERE, dict[str, Any]())
    return int(note["ns"]) if note.get("name") == newest.name else 0


class BrokenOriginals(StorageError):
    """Originals that a version needs are missing or damaged. reasons: what is wrong with each, by SHA-256."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{sha256} {reason}" for sha256, reason in reasons.items()))
        self.reasons = reasons


def damaged_originals(project: Project) -> list[str]:
    """Originals that are in quarantine, or that a quick look finds missing or damaged: address and what is wrong."""
    known = listed(project)
    found = {sha256: reason for sha256, reason in find_damage(project).items() if sha256 not in known}
    with project.catalog.read() as connection:
        rows = select(images.c.sha256, images.c.format).where(images.c.sha256.in_(list(found)[:MOST_LISTED]))
        formats = {row.sha256: row.format for row in connection.execute(rows)}
    known |= {sha256: f"{project.blobs.address(sha256, kind)} {found[sha256]}" for sha256, kind in formats.items()}
    return [known[sha256] for sha256 in sorted(known)]


def find_damage(project: Project, *, all_sizes: bool = False, hashed_bytes: int = HASHED_BYTES) -> dict[str, str]:
    """Originals outside quarantine that are missing or damaged, by SHA-256, each with what is wrong.

    A quick look: compares sizes, of all originals with all_sizes on a local disk, otherwise of a random part, and
    hashes some megabytes. In a small library it looks at everything.
    """
    is_local = isinstance(project.blobs, LocalBlobs)
    most = None if all_sizes and is_local else SIZED_ORIGINALS if is_local else SIZED_IN_BUCKET
    rng = random.Random(random.SystemRandom().getrandbits(64))  # noqa: S311  # which part is looked at is no secret
    records = list(_records(project, most, f"{rng.getrandbits(256):064x}"))
    found: dict[str, str] = {}
    for record in records:
        size = project.blobs.size(record.sha256, record.format)
        if size != record.size_bytes:
            found[record.sha256] = "is missing" if size is None else f"has {size} bytes, not {record.size_bytes}"
    left = hashed_bytes
    for record in rng.sample(records, len(records)):
        if record.sha256 in found:
            continue
        left -= record.size_bytes
        if left < 0:
            break
        if reason := _wrong_content(project, record):
            found[record.sha256] = reason
    return found


def _records(project: Project, most: int | None, start: str) -> Iterator[Any]:
    """SHA-256, format and size of images, from `start` on and around; all where most is None."""
    columns = select(images.c.sha256, images.c.format, images.c.size_bytes).order_by(images.c.sha256)
    columns = columns.where(is_whole(images.c.sha256))
    with project.catalog.read() as connection:
        behind = connection.execute(columns.where(images.c.sha256 >= start).limit(most)).all()
        left = None if most is None else most - len(behind)
        before = connection.execute(columns.where(images.c.sha256 < start).limit(left)).all()
    yield from behind
    yield from before


def _wrong_content(project: Project, record: Any) -> str:
    try:
        content = project.blobs.read(record.sha256, record.format)
    except StorageError as error:
        return f"cannot be read ({error})"
    return "" if hashlib.sha256(content).hexdigest() == record.sha256 else "is not what was stored"


def _digest(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)
