"""Vectors of pictures, kept on disk: each is computed once, and only those that are asked for are in memory.

A folder has the file `names` and one file for each kind of vector. The n-th record of each is about the same picture.
Records are only added at the end, the vectors before their names, so a kill loses what was being added and no more.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from foundation.errors import StorageError
from foundation.files import storage_errors
from foundation.locks import exclusive_file

NAMES = "names"
NAME = np.dtype([("sha256", "S32"), ("crc", "<u4")])  # the checksum is of all vectors of the picture
RECORDS_AT_ONCE = 2000  # in memory
FLOAT = np.dtype("<f4")
Which = slice | NDArray[np.bool_] | NDArray[np.integer[Any]] | Sequence[int]  # an index of NumPy
T = TypeVar("T", bound="np.generic[Any]")


@dataclass(frozen=True)
class Vectors:
    """(n, size) vectors, float32, which are read from `path` when they are asked for.

    places: (n,) number of the record of each.
    """

    path: Path
    size: int
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.places), self.size

    def __getitem__(self, which: Which) -> NDArray[np.float32]:
        """The vectors of some rows, as NumPy's index chooses them, (m, size). Raises StorageError."""
        return _read(self.path, self.size, self.places[which])

    def chosen(self, which: NDArray[np.integer]) -> "Vectors":
        """The vectors of some rows; nothing is read."""
        return replace(self, places=self.places[which])

    def each(self, function: Callable[[NDArray[np.float32]], NDArray[T]]) -> NDArray[T]:
        """What a function makes of the vectors, which it gets RECORDS_AT_ONCE at a time, in order. Raises StorageError.

        function: from (m, size) to (m, …).
        """
        starts = range(0, max(1, len(self)), RECORDS_AT_ONCE)
        return np.concatenate([function(self[start : start + RECORDS_AT_ONCE]) for start in starts])


class KeptVectors:
    """The vectors of one network in one folder, of one or more kinds."""

    def __init__(self, folder: Path, kinds: Sequence[str]) -> None:
        self.folder = folder
        self._kinds = sorted(kinds)

    def places(self, names: Sequence[str]) -> NDArray[np.int64]:
        """(n,) record of each picture; -1 where there is none, or it is damaged. names: SHA-256s, hex."""
        records, sizes = self._records(), self._sizes()
        places = _places(records["sha256"], names)
        found = np.unique(places[places >= 0])
        for start in range(0, len(found), RECORDS_AT_ONCE):
            part = found[start : start + RECORDS_AT_ONCE]
            vectors = [_read(self._path(kind, sizes[kind]), sizes[kind], part) for kind in self._kinds]
            damaged = part[_checksums(vectors) != records["crc"][part]]
            places[np.isin(places, damaged)] = -1
        return places

    def add(self, names: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep the vectors of pictures. names: n SHA-256s. vectors: (n, size) by kind. Raises StorageError."""
        parts = [np.ascontiguousarray(vectors[kind], dtype=FLOAT) for kind in self._kinds]
        new = np.zeros(len(names), dtype=NAME)
        new["sha256"], new["crc"] = _as_bytes(names), _checksums(parts)
        with self._alone(), storage_errors(self.folder):
            if self._sizes().items() - {(kind, part.shape[1]) for kind, part in zip(self._kinds, parts, strict=True)}:
                self._clear()  # of another size
            end = len(self._records())
            for kind, part in zip(self._kinds, parts, strict=True):
                _write(self._path(kind, part.shape[1]), end * part.shape[1] * FLOAT.itemsize, part.tobytes())
            _write(self.folder / NAMES, end * NAME.itemsize, new.tobytes())

    def vectors(self, kind: str, places: NDArray[np.int64]) -> Vectors:
        """The vectors of one kind in these records, which there are."""
        size = self._sizes().get(kind, 0)
        return Vectors(self._path(kind, size), size, places)

    def forget(self, names: Sequence[str]) -> None:
        """Overwrite names and vectors of pictures with zeros."""
        if not self._records().size:
            return
        with self._alone(), storage_errors(self.folder):
            records, sizes = self._records(), self._sizes()
            for place in np.flatnonzero(np.isin(records["sha256"], _as_bytes(names))).tolist():
                _write(self.folder / NAMES, place * NAME.itemsize, bytes(NAME.itemsize))
                for kind, size in sizes.items():
                    width = size * FLOAT.itemsize
                    _write(self._path(kind, size), place * width, bytes(width))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive_file(self.folder / "lock"):
            yield

    def _path(self, kind: str, size: int) -> Path:
        return self.folder / f"{kind}-{size}.f32"

    def _sizes(self) -> dict[str, int]:
        """Numbers in a vector of each kind, as the names of the files say."""
        found = {}
        for kind in self._kinds:
            for path in self.folder.glob(f"{kind}-*.f32"):
                size = path.stem.rpartition("-")[2]
                if size.isdecimal():
                    found[kind] = int(size)
        return found

    def _records(self) -> NDArray[np.void]:
        """Names and checksums of the records that are whole in all files."""
        sizes = self._sizes()
        try:
            content = (self.folder / NAMES).read_bytes()
            whole = [
                (self._path(kind, size).stat().st_size // (size * FLOAT.itemsize)) if size else 0
                for kind, size in sizes.items()
            ]
        except OSError:
            return np.zeros(0, dtype=NAME)
        count = min([len(content) // NAME.itemsize, *whole]) if len(whole) == len(self._kinds) else 0
        return np.frombuffer(content, dtype=NAME, count=count)

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name == NAMES or path.suffix == ".f32":
                path.unlink()


def forget_everywhere(folder: Path, names: Sequence[str]) -> None:
    """Forget pictures in all folders of kept vectors in a folder. names: SHA-256s. Other files there go whole."""
    for path in folder.glob("*"):
        if path.is_dir():
            KeptVectors(path, sorted({file.stem.rpartition("-")[0] for file in path.glob("*.f32")})).forget(names)
        else:
            path.unlink(missing_ok=True)


def _as_bytes(names: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array([bytes.fromhex(name) for name in names], dtype=NAME["sha256"])


def _places(known: NDArray[np.bytes_], names: Sequence[str]) -> NDArray[np.int64]:
    """(n,) where each name is among the known ones; -1 where it is not."""
    if not len(known) or not len(names):
        return np.full(len(names), -1, dtype=np.int64)
    wanted, order = _as_bytes(names), np.argsort(known, kind="stable")
    after = np.searchsorted(known, wanted, side="right", sorter=order) - 1  # the last one of a name counts
    places = order[np.maximum(after, 0)]
    return np.where(known[places] == wanted, places, -1).astype(np.int64)


def _checksums(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.uint32]:
    """(n,) of the vectors of each picture. parts: (n, size) for each kind."""
    sums = [0] * len(parts[0])
    for part in parts:
        sums = [zlib.crc32(vector.tobytes(), start) for vector, start in zip(part, sums, strict=True)]
    return np.array(sums, dtype=np.uint32)


def _read(path: Path, size: int, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, size) the records at these places. Neighbours are read together."""
    vectors = np.empty((len(places), size), dtype=FLOAT)
    if not len(places):
        return vectors
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - 2) != 1).tolist()
    try:
        with path.open("rb") as file:
            for start, end in zip(starts, [*starts[1:], len(places)], strict=True):
                file.seek(int(places[start]) * size * FLOAT.itemsize)
                part = vectors[start:end]
                if file.readinto(part.data) != part.nbytes:
                    raise OSError("the file is cut")
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error}); run the command again, vectors are made anew") from error
    return vectors


def _write(path: Path, offset: int, content: bytes) -> None:
    """Write at a place of a file, and on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.seek(offset)
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())
