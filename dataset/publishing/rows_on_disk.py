"""Rows of the version to be, on disk: added in any order, read in the order of their files, as often as needed."""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from dataset.versions.manifest import Row

NAMES = tuple(Row.__dataclass_fields__)


class Spool:
    """As many rows as the disk holds, in the memory of a few. path: a file of its own, removed by `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")  # made anew after a crash
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE row (file TEXT PRIMARY KEY, sha256 TEXT, cluster TEXT, body BLOB) WITHOUT ROWID")

    def add(self, rows: Iterable[Row]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO row VALUES (?, ?, ?, ?)",
            ((row.file, row.sha256, row.cluster, pickle.dumps(tuple(vars(row).values()), 5)) for row in rows),
        )
        self._db.execute("COMMIT")

    def __len__(self) -> int:
        (count,) = self._db.execute("SELECT COUNT(*) FROM row").fetchone()
        return int(count)

    def __iter__(self) -> Iterator[Row]:
        return self._rows("SELECT body FROM row ORDER BY file")

    def sample(self, count: int) -> list[Row]:
        """Rows with the lowest SHA-256: a random sample, and of a set that grew mostly the same one."""
        return list(islice(self._rows("SELECT body FROM row ORDER BY sha256"), count))

    def doubled(self) -> int:
        """Clusters that have more than one row."""
        (count,) = self._db.execute("SELECT COUNT(*) - COUNT(DISTINCT cluster) FROM row").fetchone()
        return int(count)

    def close(self) -> None:
        self._db.close()
        self.path.unlink(missing_ok=True)

    def _rows(self, query: str) -> Iterator[Row]:
        for (body,) in self._db.execute(query):
            yield Row(*pickle.loads(body))  # noqa: S301  # our own bytes, of this very run
