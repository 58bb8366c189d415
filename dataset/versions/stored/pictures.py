"""The pictures of a version, wherever its layout keeps them: as files in folders, or inside shards.

Whoever needs a picture of a version asks here, and does not know the layout.
"""

import contextlib
import hashlib
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dataset.versions.stored import shard_file
from dataset.versions.stored.ranges import START_DIGITS
from foundation.errors import DamagedVersion
from foundation.files import link_or_copy

if TYPE_CHECKING:
    from dataset.versions.manifest import Row

NAME_DIGITS = 16  # of a SHA-256, in the name of a picture
GROUPS_KEPT = 4  # row groups in memory, 5 to 10 MB each
SHARDS_KNOWN = 256  # of which it is known where each picture is: 100 KB each


class Layout(StrEnum):
    """How a version keeps its pictures."""

    FOLDER = "folder"  # data/<split>/<label>/<name>.jpg
    SHARDS = "shards"  # inside data/<split>/<start>-<digest>.parquet


class Pictures(ABC):
    """The pictures of the version in `folder`. What an erasure removes meanwhile is gone for the next call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def content(self, row: "Row") -> bytes:
        """The bytes of a row's picture. Raises FileNotFoundError, and DamagedVersion where its shard is damaged."""

    @abstractmethod
    def has(self, row: "Row") -> bool:
        """Whether a row's picture is there."""

    @abstractmethod
    def where(self, row: "Row") -> Path:
        """The file that has, or would have, a row's picture."""

    @abstractmethod
    def place(self, row: "Row", target: Path) -> None:
        """Make `target` a file with a row's picture, as cheaply as the file system allows. Raises as `content`."""

    @abstractmethod
    def copies(self, sha256: str) -> Iterator[bytes]:
        """The bytes of an image in every split that has it, also where rows cannot be read."""

    @abstractmethod
    def holds(self, sha256: str) -> bool:
        """Whether an image is in any split, without reading its bytes."""

    def digest(self, row: "Row") -> str:
        """SHA-256 of a row's picture; empty where it cannot be read. A symbolic link to a picture is none."""
        try:
            return hashlib.sha256(self.content(row)).hexdigest()
        except (OSError, DamagedVersion):
            return ""


class _Files(Pictures):
    def digest(self, row: "Row") -> str:
        return "" if self.where(row).is_symlink() else super().digest(row)

    def content(self, row: "Row") -> bytes:
        return self.where(row).read_bytes()

    def has(self, row: "Row") -> bool:
        return self.where(row).is_file()

    def where(self, row: "Row") -> Path:
        return self.folder / row.file

    def place(self, row: "Row", target: Path) -> None:
        link_or_copy(self.where(row), target)

    def copies(self, sha256: str) -> Iterator[bytes]:
        for path in self._of(sha256):
            yield path.read_bytes()

    def holds(self, sha256: str) -> bool:
        return any(True for _ in self._of(sha256))

    def _of(self, sha256: str) -> Iterator[Path]:
        return self.folder.glob(f"data/*/*/{sha256[:NAME_DIGITS]}.jpg")


class _Shards(Pictures):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._groups: OrderedDict[tuple[Path, int], list[bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._known = self._listed()

    def content(self, row: "Row") -> bytes:
        try:
            return self._read(*self._found(row))
        except FileNotFoundError:  # an erasure replaced the shard between the two
            return self._read(*self._found(row))

    def has(self, row: "Row") -> bool:
        try:
            self._found(row)
        except (FileNotFoundError, DamagedVersion):
            return False
        return True

    def where(self, row: "Row") -> Path:
        shards = holding(self._known.get(row.split, []), row.sha256)
        return shards[0] if shards else self.folder / "data" / row.split / row.sha256[:START_DIGITS]

    def place(self, row: "Row", target: Path) -> None:
        target.write_bytes(self.content(row))

    def copies(self, sha256: str) -> Iterator[bytes]:
        for shard, place in self._of(sha256):
            yield self._read(shard, place)

    def holds(self, sha256: str) -> bool:
        try:
            return any(True for _ in self._of(sha256))
        except (FileNotFoundError, DamagedVersion):
            return False

    def _of(self, sha256: str) -> Iterator[tuple[Path, tuple[int, int]]]:
        """Every shard that has an image, and where. Raises FileNotFoundError, DamagedVersion."""
        self._known = self._listed()
        for shards in self._known.values():
            for shard in holding(shards, sha256):
                if place := _positions_now(shard).get(sha256):
                    yield shard, place

    def _found(self, row: "Row") -> tuple[Path, tuple[int, int]]:
        """The shard that has a row's picture, and where. An erasure may have replaced it: then it is looked up again.

        Raises FileNotFoundError, DamagedVersion.
        """
        for _ in range(2):
            for shard in holding(self._known.get(row.split, []), row.sha256):
                with contextlib.suppress(FileNotFoundError):
                    if place := _positions_now(shard).get(row.sha256):
                        return shard, place
            self._known = self._listed()
        raise FileNotFoundError(f"{self.folder / row.file} is in no shard")

    def _read(self, path: Path, place: tuple[int, int]) -> bytes:
        group, index = place
        with self._lock:  # of several threads, one reads the group
            key = (path, group)
            if key not in self._groups:
                self._groups[key] = shard_file.pictures(path, group)
                while len(self._groups) > GROUPS_KEPT:
                    self._groups.popitem(last=False)
            self._groups.move_to_end(key)
            return self._groups[key][index]

    def _listed(self) -> dict[str, list[Path]]:
        """Shards by split, in the order of their ranges."""
        found: dict[str, list[Path]] = {}
        for path in shard_file.shards_in(self.folder):
            found.setdefault(path.parent.name, []).append(path)
        return found


def pictures_of(folder: Path, layout: Layout) -> Pictures:
    """The pictures of a version with this layout."""
    return _Shards(folder) if layout is Layout.SHARDS else _Files(folder)


def pictures_at(folder: Path) -> Pictures:
    """The pictures of a version whose version.json may be damaged: its files tell the layout."""
    return pictures_of(folder, Layout.SHARDS if shard_file.shards_in(folder) else Layout.FOLDER)


def holding(shards: list[Path], sha256: str) -> list[Path]:
    """The shards whose range has the image: one, or more while erasures replace it. shards: of one split, sorted."""
    last = bisect_right(shards, sha256, key=shard_file.start_of)
    if not last:
        return []
    return shards[bisect_left(shards, shard_file.start_of(shards[last - 1]), key=shard_file.start_of) : last]


def _positions_now(path: Path) -> dict[str, tuple[int, int]]:
    """Where each image is in a shard. Raises FileNotFoundError, also where the shard was read before and is gone."""
    state = path.stat()
    return _positions(path, state.st_ino, state.st_mtime_ns)


@lru_cache(SHARDS_KNOWN)
def _positions(path: Path, _inode: int, _modified_ns: int) -> dict[str, tuple[int, int]]:
    return shard_file.positions(path)
