"""Numbers about many pictures: features on disk, a block of them in memory at a time; probabilities in one table."""

import itertools
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foundation.files import storage_errors

BLOCK = 1000  # pictures whose features are in memory at a time: 5 MB of the default network's


class Vectors(Protocol):
    """(n, d) features. An array is one, too. [slice or (m,) indices]: (m, d) float32, a copy or a view."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> NDArray[np.float32]: ...


class StoredVectors:
    """(n, d) features as float16 in a temporary file, which ends with this object, or with the process.

    folder: of the file; it must have room for all. Threads may read together.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with storage_errors(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # as long as this object
        weakref.finalize(self, self._file.close)
        self._count = self._width = 0

    def add(self, vectors: Sequence[bytes]) -> None:
        """Append features, float16 each, all of one length. Raises StorageError where the disk is full."""
        if vectors:
            self._width = len(vectors[0])
            self._count += len(vectors)
            with storage_errors(self._folder):
                self._file.write(b"".join(vectors))
                self._file.flush()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, which: Any, /) -> NDArray[np.float32]:
        if isinstance(which, slice):
            start, stop, step = which.indices(self._count)
            if step == 1:
                return self._run(start, max(0, stop - start))
            which = range(start, stop, step)
        rows = np.empty((len(which), self._width // 2), dtype=np.float32)
        place = 0
        for first, count in _runs(list(map(int, which))):
            rows[place : place + count] = self._run(first, count)
            place += count
        return rows

    def _run(self, first: int, count: int) -> NDArray[np.float32]:
        content = os.pread(self._file.fileno(), count * self._width, first * self._width)
        return np.frombuffer(content, dtype=np.float16).reshape(count, self._width // 2).astype(np.float32)


class Chosen:
    """Some rows of features, in this order. indices: (m,)."""

    def __init__(self, vectors: Vectors, indices: NDArray[np.int64]) -> None:
        self._vectors, self._indices = vectors, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, which: Any, /) -> NDArray[np.float32]:
        return self._vectors[self._indices[which]]


class Chances(Sequence[dict[str, float]]):
    """Probability of each answer for n images: a dict each, made when it is asked for; empty where nothing is known.

    answers: k. table: (n, k); a row of zeros where nothing is known.
    """

    def __init__(self, answers: Sequence[str], table: NDArray[np.float64]) -> None:
        self.answers, self._table = tuple(answers), table

    @classmethod
    def none(cls, count: int) -> "Chances":
        """Nothing is known of so many images."""
        return cls((), np.empty((count, 0)))

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            return [self[image] for image in range(*which.indices(len(self)))]
        row = self._table[which]
        return dict(zip(self.answers, row.tolist(), strict=True)) if row.any() else {}

    def chosen(self, images: Sequence[int]) -> "Chances":
        """Those of these images, in this order."""
        return Chances(self.answers, self._table[np.asarray(images, dtype=np.int64)])

    def spread(self, indices: NDArray[np.int64], count: int) -> "Chances":
        """Those of `count` images, among which these are; indices: (n,). Nothing is known of the others."""
        table = np.zeros((count, len(self.answers)))
        table[indices] = self._table
        return Chances(self.answers, table)


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of `size` that cover `count` rows."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def moments(vectors: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(d,) mean and standard deviation of each feature: to the bit what NumPy makes of all rows at once."""
    count = np.float32(len(vectors))
    mean: NDArray[Any] = summed(vectors, np.float32, lambda rows: rows) / count
    variance = summed(vectors, np.float32, lambda rows: np.square(rows - mean)) / count
    return mean, np.sqrt(variance)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows, each with length 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def summed(
    vectors: Vectors, kind: type[np.floating[Any]], made: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[Any]:
    """(d,) sum over what is made of rows, one row after the other: blocks do not change it. kind: that it is added in.

    There is at least one row.
    """
    total: NDArray[Any] | None = None
    for block in blocks(len(vectors)):
        rows = made(vectors[block].astype(kind, copy=False))
        total = rows.sum(axis=0) if total is None else np.concatenate([total[None], rows]).sum(axis=0)
    assert total is not None  # noqa: S101
    return total


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First index and length of each run of indices that follow each other."""
    for _, run in itertools.groupby(enumerate(indices), lambda pair: pair[1] - pair[0]):
        listed = list(run)
        yield listed[0][1], len(listed)
