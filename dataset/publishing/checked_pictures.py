"""Find damaged normalised pictures, so that no version gets one."""

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import select

from dataset.catalog.tables import digests
from dataset.catalog.writes import upsert
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.quarantine import what_is_wrong
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout
from foundation.errors import StorageError
from foundation.files import link_or_copy, replace_file
from foundation.json_files import read_json
from foundation.sharing.machines import is_shared

NOT_KNOWN = ("", -1)  # digest and size of a picture that the catalog has none of
PICTURES_PER_TASK = 200  # that one thread checks before it takes the next task
CHECKED_HERE = "locks/published.json"  # below the library


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
        self._root = str(project.normalised.root)
        self.repaired: list[str] = []

    def check(self, rows: Sequence[Row], pool: Executor) -> list[str]:
        """Check the pictures of rows. Returns their SHA-256s in order.

        Raises BrokenOriginals if pictures cannot be made because their originals are gone or damaged.
        """
        names = [row.sha256 for row in rows]
        with self._project.catalog.read() as connection:
            stored = select(digests.c.sha256, digests.c.digest, digests.c.size_bytes)
            stored = stored.where(digests.c.recipe == DERIVED_RECIPE, digests.c.sha256.in_(names))
            known = {sha256: (digest, size) for sha256, digest, size in connection.execute(stored).all()}
        doubtful = [row for row in rows if not self._is_trusted(row.sha256, known)]
        broken: dict[str, str] = {}

        def one(row: Row) -> tuple[str, int]:
            try:
                return self._checked(row, self.source(row.sha256), known.get(row.sha256, NOT_KNOWN))
            except StorageError:
                if not (wrong := what_is_wrong(self._project, row)):
                    raise
                broken[row.sha256] = wrong
                return NOT_KNOWN

        checked = pool.map(lambda part: [one(row) for row in part], chunked(doubtful, PICTURES_PER_TASK))
        found = {row.sha256: one for row, one in zip(doubtful, itertools.chain(*checked), strict=True)}
        if broken:
            raise BrokenOriginals(broken)
        if new := [
            {"sha256": sha256, "recipe": DERIVED_RECIPE, "digest": digest, "size_bytes": size}
            for sha256, (digest, size) in found.items()
            if known.get(sha256) != (digest, size)
        ]:
            with self._project.catalog.write() as connection:
                upsert(connection, digests, new)
        return [(found.get(name) or known[name])[0] for name in names]

    def source(self, sha256: str) -> str:
        """The file of a normalised picture."""
        return f"{self._root}/{sha256[:2]}/{sha256}.jpg"

    def _is_trusted(self, sha256: str, known: Mapping[str, tuple[str, int]]) -> bool:
        """Whether a picture is as it was when the newest version was published."""
        try:
            state = os.stat(self.source(sha256))  # noqa: PTH116  # a million Path objects cost more
        except OSError:
            return False
        return state.st_ctime_ns <= self._trusted_ns and state.st_size == known.get(sha256, NOT_KNOWN)[1]

    def _checked(self, row: Row, source: str, known: tuple[str, int]) -> tuple[str, int]:
        """Digest and size of a picture that is whole. known: what the catalog has, or NOT_KNOWN."""
        try:
            state = os.stat(source)  # noqa: PTH116  # a million Path objects cost more
        except FileNotFoundError:
            if self._restore_from_newest(row, Path(source), known[0]):
                return known
            path = self._project.normalised.make(row.sha256, row.format)
            return _digest(path.read_bytes())
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


def _digest(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)
