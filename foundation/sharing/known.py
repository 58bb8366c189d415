"""What this machine knows of the shared library: digests of its files, and the units as it gave or took them last.

It is a cache: without it everything is compared anew.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import StorageError

SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    inode, size, mtime_ns, sha256, path, PRIMARY KEY (inode, size, mtime_ns)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_sha256 ON file (sha256);
CREATE INDEX IF NOT EXISTS by_path ON file (path);
CREATE TABLE IF NOT EXISTS unit (name PRIMARY KEY, e_tag, looks) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed (unit, path, sha256, PRIMARY KEY (unit, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listed_by_sha256 ON listed (sha256);
"""


class Known:
    """A SQLite file in the library's cache. Use it inside `open`, by one process at a time."""

    def __init__(self, home: Path, db: sqlite3.Connection) -> None:
        self._home = home
        self._db = db

    @classmethod
    @contextmanager
    def open(cls, home: Path, url: str) -> Iterator["Known"]:
        """Open the file of a library; one that is damaged is made anew. url: of the bucket; another one has its own."""
        path = home / "cache" / f"shared-{hashlib.sha256(url.encode()).hexdigest()[:16]}.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            try:
                db = _connected(path)
            except sqlite3.DatabaseError:
                path.unlink(missing_ok=True)
                db = _connected(path)
            with contextlib.closing(db):
                yield cls(home, db)
        except sqlite3.Error as error:
            raise StorageError(f"{path} cannot be used ({error}); remove it and run this again") from error

    def digest(self, path: str) -> str:
        """SHA-256 of a file of the library, 64 hex digits. One that was not changed is read once, whatever links to it.

        path: relative to the library, as in all methods.
        """
        state = (self._home / path).stat()
        key = (state.st_ino, state.st_size, state.st_mtime_ns)
        row = self._db.execute("SELECT sha256 FROM file WHERE (inode, size, mtime_ns) = (?, ?, ?)", key).fetchone()
        if row:
            return str(row[0])
        sha256 = file_sha256(self._home / path)
        self.remember(path, sha256)
        return sha256

    def remember(self, path: str, sha256: str) -> None:
        """Note the digest of a file."""
        state = (self._home / path).stat()
        row = (state.st_ino, state.st_size, state.st_mtime_ns, sha256, path)
        self._db.execute("DELETE FROM file WHERE path = ?", (path,))
        self._db.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)", row)

    def copy_of(self, sha256: str) -> Path | None:
        """A file of this machine that has these bytes, and was not changed since; None if none is known."""
        found = self._db.execute("SELECT path, inode, size, mtime_ns FROM file WHERE sha256 = ?", (sha256,)).fetchall()
        for path, *before in found:
            copy: Path = self._home / path
            try:
                state = copy.stat()
            except OSError:
                continue
            if [state.st_ino, state.st_size, state.st_mtime_ns] == before:
                return copy
        return None

    def e_tag(self, unit: str) -> str:
        """Of the unit's list in the bucket, as it was given or taken last; empty if it never was."""
        return self._of_unit("e_tag", unit)

    def looks(self, unit: str) -> str:
        """How the unit looked here then."""
        return self._of_unit("looks", unit)

    def listed(self, unit: str) -> dict[str, str]:
        """SHA-256 by path of the unit's files, as they were given or taken last."""
        return dict(self._db.execute("SELECT path, sha256 FROM listed WHERE unit = ?", (unit,)).fetchall())

    def units(self) -> list[str]:
        """Names of all units that were given or taken."""
        return [name for (name,) in self._db.execute("SELECT name FROM unit ORDER BY name").fetchall()]

    def all_listed(self) -> set[str]:
        """SHA-256s of the files of all units."""
        return {sha256 for (sha256,) in self._db.execute("SELECT DISTINCT sha256 FROM listed")}

    def keep(self, unit: str, files: Mapping[str, str], e_tag: str, looks: str) -> None:
        """Note a unit as it was given or taken now. files: SHA-256 by path."""
        with self._db:
            self._db.execute("BEGIN")
            gone = [(path,) for path in self.listed(unit) if path not in files]
            self._db.executemany("DELETE FROM file WHERE path = ?", gone)
            self._db.execute("DELETE FROM listed WHERE unit = ?", (unit,))
            rows = ((unit, path, sha256) for path, sha256 in files.items())
            self._db.executemany("INSERT INTO listed VALUES (?, ?, ?)", rows)
            self._db.execute("INSERT OR REPLACE INTO unit VALUES (?, ?, ?)", (unit, e_tag, looks))

    def forget_others(self, units: Collection[str]) -> None:
        """Forget the units that the bucket has no more, so that they are given again. units: those that it has."""
        for (name,) in self._db.execute("SELECT name FROM unit").fetchall():
            if name not in units:
                with self._db:
                    self._db.execute("BEGIN")
                    self._db.execute("DELETE FROM listed WHERE unit = ?", (name,))
                    self._db.execute("DELETE FROM unit WHERE name = ?", (name,))

    def unlisted(self, digests: Iterable[str]) -> list[str]:
        """Those of the SHA-256s that no unit has any more."""
        one = "SELECT 1 FROM listed WHERE sha256 = ? LIMIT 1"
        return [sha256 for sha256 in digests if not self._db.execute(one, (sha256,)).fetchone()]

    def _of_unit(self, column: str, unit: str) -> str:
        row = self._db.execute(f"SELECT {column} FROM unit WHERE name = ?", (unit,)).fetchone()  # noqa: S608
        return str(row[0]) if row else ""


def file_sha256(path: Path) -> str:
    """64 hex digits. The file is read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")  # a cache
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
