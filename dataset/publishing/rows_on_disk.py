"""Rows of the version that is being built: added in any order, read in the order of their files."""

import contextlib
import functools
import heapq
import json
import operator
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dataset.versions.manifest import COLUMNS, Row
from foundation.errors import StorageError

KEPT_ROWS = 50_000  # in memory: 100 MB
LISTS_REMEMBERED = 1000  # images have few different lists of sources
# SQLite keeps text and numbers as they are. The other types are stored as text: (write, read) by type.
_AS_TEXT: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    list[str]: (json.dumps, functools.lru_cache(LISTS_REMEMBERED)(json.loads)),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    datetime | None: (
        lambda moment: moment and moment.isoformat(),
        lambda text: text and datetime.fromisoformat(text),
    ),
}
_NAMES = ", ".join(COLUMNS)
_CONVERTED = [(index, *_AS_TEXT[kind]) for index, kind in enumerate(COLUMNS.values()) if kind in _AS_TEXT]


class RowsOnDisk:
    """A table of rows: the first ones in memory, and all of them in a SQLite file once there are more than KEPT_ROWS.

    So a version may have more rows than memory holds. path: the file, of this object's own; `close` removes it.
    """

    def __init__(self, path: Path, kept_rows: int = KEPT_ROWS) -> None:
        self.path = path
        self._most_kept = kept_rows
        self._kept: list[Row] | None = []
        self._is_sorted = True
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        columns = ", ".join(f"{name} PRIMARY KEY" if name == "file" else name for name in COLUMNS)
        with self._storage_errors():
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=OFF")  # after a crash the file is made anew
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute("PRAGMA temp_store=MEMORY")  # a full disk elsewhere does not matter
            self._db.execute(f"CREATE TABLE row ({columns}) WITHOUT ROWID")

    def add(self, rows: Iterable[Row]) -> None:
        if self._kept is None:
            self._insert(rows)
            return
        self._kept.extend(rows)
        self._is_sorted = False
        if len(self._kept) > self._most_kept:
            self._insert(self._kept)
            self._kept = None

    def __len__(self) -> int:
        if self._kept is not None:
            return len(self._kept)
        (count,) = self._db.execute("SELECT COUNT(*) FROM row").fetchone()
        return int(count)

    def __iter__(self) -> Iterator[Row]:
        if self._kept is None:
            return self._rows("ORDER BY file")
        if not self._is_sorted:
            self._kept.sort(key=operator.attrgetter("file"))
            self._is_sorted = True
        return iter(self._kept)

    def sample(self, count: int) -> list[Row]:
        """Rows with the lowest SHA-256: a random sample that hardly changes when rows are added."""
        if self._kept is not None:
            return heapq.nsmallest(count, self._kept, key=operator.attrgetter("sha256"))
        return list(self._rows(f"ORDER BY sha256 LIMIT {count:d}"))

    def repeated_clusters(self) -> int:
        """How many rows there are beyond one for each cluster."""
        if self._kept is not None:
            return len(self._kept) - len({row.cluster for row in self._kept})
        (count,) = self._db.execute("SELECT COUNT(*) - COUNT(DISTINCT cluster) FROM row").fetchone()
        return int(count)

    def names(self, split: str) -> list[str]:
        """SHA-256s of the images of a split, sorted."""
        if self._kept is not None:
            return sorted(row.sha256 for row in self._kept if row.split == split)
        self._db.execute("CREATE INDEX IF NOT EXISTS by_sha256 ON row (split, sha256)")
        found = self._db.execute("SELECT sha256 FROM row WHERE split = ? ORDER BY sha256", (split,))
        return [name for (name,) in found]

    def between(self, split: str, start: str, end: str) -> list[Row]:
        """Rows of a split whose SHA-256 is start or later and before end, in the order of their files."""
        if self._kept is not None:
            return [row for row in self if row.split == split and start <= row.sha256 < end]
        where = "WHERE split = ? AND sha256 >= ? AND sha256 < ? ORDER BY file"
        return list(self._rows(where, (split, start, end)))

    def splits(self) -> Iterator[tuple[str, str]]:
        """Cluster and split of each row."""
        if self._kept is not None:
            return ((row.cluster, row.split) for row in self._kept)
        return iter(self._db.execute("SELECT cluster, split FROM row"))

    def close(self) -> None:
        self._db.close()
        self.path.unlink(missing_ok=True)

    def _insert(self, rows: Iterable[Row]) -> None:
        marks = ", ".join("?" * len(COLUMNS))
        with self._storage_errors():
            self._db.execute("BEGIN")
            self._db.executemany(f"INSERT INTO row ({_NAMES}) VALUES ({marks})", map(_values, rows))  # noqa: S608
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        """SQLite has errors of its own for a disk that is full or fails."""
        try:
            yield
        except sqlite3.Error as error:
            reason = f"no room left on the disk of {self.path}" if "full" in str(error) else f"{self.path}: {error}"
            raise StorageError(f"{reason}; free some space and run this again; nothing is lost") from error

    def _rows(self, ending: str, given: Sequence[str] = ()) -> Iterator[Row]:
        """given: the question marks of the ending."""
        found = self._db.execute(f"SELECT {_NAMES} FROM row {ending}", given)  # noqa: S608  # names of columns only
        for record in found:
            values = list(record)
            for index, _, read in _CONVERTED:
                values[index] = read(values[index])
            yield Row.of(values)


def _values(row: Row) -> list[Any]:
    values = list(vars(row).values())
    for index, write, _ in _CONVERTED:
        values[index] = write(values[index])
    return values
