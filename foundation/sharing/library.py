"""Share a library between machines that have no disk in common: versions, models and reports, through the bucket.

Objects are files under their SHA-256, so versions share what they have in common. A list for each unit says which
files it has; it is written last, so a unit is there whole or not at all. Machines with one PostgreSQL catalog and one
bucket share; each keeps a copy of everything in its own library, brought up to date whenever a project is opened or a
lock is taken. See docs/decisions/0044.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from more_itertools import chunked

from foundation.errors import StorageError
from foundation.files import link_or_copy, storage_errors
from foundation.locks import exclusive_file
from foundation.sharing.bucket import Bucket
from foundation.sharing.known import Known, file_sha256
from foundation.sharing.units import Unit, units

LISTS, OBJECTS = "library/lists", "library/objects"
TAKING = ".taking-"  # before the name of a tree that is on its way
ARRIVING = "cache/arriving"  # below the library: files that are on their way
TRANSFERS = 8  # at once
TOLD_FROM = 100  # files, of which a download tells its progress
ABANDONED = timedelta(hours=1)  # an object that no list has for so long belongs to no publish that still runs
KEYS_PER_REQUEST = 1000
SHARED_FOLDERS = ("versions", "models", "reports", "pushed.json")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SharedLibrary:
    """home: the library of this machine."""

    home: Path
    bucket: Bucket

    def units(self) -> list[str]:
        """Names of the units in the bucket. Raises StorageError."""
        return sorted(_unit_of(entry.key) for entry in self.bucket.entries(LISTS))

    def take(self, progress: Progress | None = None) -> list[str]:
        """Bring what other machines changed to this one. Returns the names of the units that changed.

        Raises StorageError. Run again after a crash, it continues.
        """
        with self._known() as known:
            shutil.rmtree(self.home / ARRIVING, ignore_errors=True)  # what a killed process left
            (self.home / ARRIVING).mkdir(parents=True, exist_ok=True)
            there = self._there()
            known.forget_others(there)
            stale = [unit for name in sorted(there) if _is_stale(known, unit := Unit(self.home, name), there[name])]
            for unit in stale:
                self._take_newest(known, unit, there[unit.name], progress)
            return [unit.name for unit in stale]

    def give(self) -> list[str]:
        """Bring what this machine changed to the bucket. Returns the names of the units that changed.

        Whoever calls this holds the lock under which they were changed. Raises StorageError.
        """
        with self._known() as known:
            names = {unit.name: unit for unit in units(self.home)}
            for emptied in ("reports", "pushed", "models"):  # files that are gone were removed; a tree may be lost
                if known.listed(emptied):
                    names.setdefault(emptied, Unit(self.home, emptied))
            return [name for name, unit in names.items() if self._give(known, unit)]

    def sweep(self) -> int:
        """Remove objects that no list has, and that are no longer on their way. Returns how many."""
        self.take()
        with self._known() as known:
            has = known.all_listed()
            before = datetime.now(UTC) - ABANDONED
            entries = self.bucket.entries(OBJECTS)
            gone = [one.key for one in entries if one.modified < before and one.key[-64:] not in has]
            self._delete(gone)
            return len(gone)

    def _there(self) -> dict[str, str]:
        """The units in the bucket, with the tags of their lists."""
        return {_unit_of(entry.key): entry.e_tag for entry in self.bucket.entries(LISTS)}

    def _take_newest(self, known: Known, unit: Unit, e_tag: str, progress: Progress | None) -> None:
        """Take a unit. If another machine changes it meanwhile, which removes objects, take it as it is then."""
        try:
            self._take(known, unit, e_tag, progress)
        except StorageError:
            now = self._there().get(unit.name, e_tag)
            if now == e_tag:
                raise
            self._take_newest(known, unit, now, progress)

    def _take(self, known: Known, unit: Unit, e_tag: str, progress: Progress | None) -> None:
        now = self._list(unit)
        # What this machine never shared and others do not have is left over, from before an erasure or from a kill.
        before = known.listed(unit.name) or dict.fromkeys(unit.files(), "")
        base = Path(unit.name)
        is_new = unit.is_tree and not unit.is_here
        beside = base.with_name(TAKING + base.name)
        # A new tree is made beside its place, so that it is there whole or not at all.
        places = {path: str(beside / Path(path).relative_to(base)) if is_new else path for path in now}
        with storage_errors(self.home):
            wanted = [path for path, sha256 in now.items() if not _has(self.home, known, places[path], sha256)]
            missing = [path for path in wanted if not self._copy(known, now[path], self.home / places[path])]
            with ThreadPoolExecutor(TRANSFERS) as pool:
                arrived = pool.map(lambda path: self._download(now[path], self.home / places[path]), missing)
                for number, _ in enumerate(arrived, 1):
                    if progress and len(missing) >= TOLD_FROM:
                        progress(f"download {unit.name}", number, len(missing))
            if is_new:
                for path in set(Unit(self.home, str(beside)).files()) - set(places.values()):
                    (self.home / path).unlink()  # of an older state, from before a kill
                (self.home / beside).rename(self.home / base)
            for path in before.keys() - now.keys():
                (self.home / path).unlink(missing_ok=True)
            for path in now if is_new else wanted:
                known.remember(path, now[path])
        known.keep(unit.name, now, e_tag, unit.looks())

    def _copy(self, known: Known, sha256: str, path: Path) -> bool:
        """Put a file of this machine with these bytes to its place. Returns whether there is one."""
        copy = known.copy_of(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if copy is None:
            return False
        arrived = self._arrived(path)
        arrived.unlink(missing_ok=True)
        link_or_copy(copy, arrived)
        arrived.replace(path)
        return True

    def _give(self, known: Known, unit: Unit) -> bool:
        with storage_errors(self.home):
            looks = unit.looks()
            if looks == known.looks(unit.name):
                return False
            now = {path: known.digest(path) for path in unit.files()}
        before = known.listed(unit.name)
        if now == before:
            known.keep(unit.name, now, known.e_tag(unit.name), looks)
            return False
        paths = {sha256: path for path, sha256 in now.items()}
        new = known.unlisted(paths)
        with ThreadPoolExecutor(TRANSFERS) as pool:
            list(pool.map(lambda sha256: self.bucket.put(_object(sha256), self.home / paths[sha256]), new))
        key = _list_key(unit)
        self.bucket.put(key, json.dumps({"files": now}, indent=0, sort_keys=True).encode())
        known.keep(unit.name, now, self._e_tag(key), looks)
        self._delete([_object(sha256) for sha256 in known.unlisted(set(before.values()) - set(now.values()))])
        return True

    def _list(self, unit: Unit) -> dict[str, str]:
        """SHA-256 by path, as the bucket has it. Raises StorageError for one that is damaged or names other folders."""
        try:
            files = json.loads(self.bucket.read(_list_key(unit)))["files"]
            if any(not _is_inside(path) or len(sha256) != 64 for path, sha256 in files.items()):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StorageError(f"{self.bucket.url}/{_list_key(unit)} is damaged; restore it from a backup") from None
        return dict(files)

    def _e_tag(self, key: str) -> str:
        return next((entry.e_tag for entry in self.bucket.entries(key.rpartition("/")[0]) if entry.key == key), "")

    def _download(self, sha256: str, path: Path) -> None:
        arrived = self._arrived(path)
        self.bucket.download(_object(sha256), arrived)
        if file_sha256(arrived) != sha256:
            raise StorageError(f"{self.bucket.url}/{_object(sha256)} is not what was stored; restore it from a backup")
        arrived.replace(path)

    def _arrived(self, path: Path) -> Path:
        """Where a file is until it is whole: not beside its place, where a kill would leave a part of it."""
        return self.home / ARRIVING / hashlib.sha256(str(path).encode()).hexdigest()

    def _delete(self, keys: Sequence[str]) -> None:
        for part in chunked(keys, KEYS_PER_REQUEST):
            self.bucket.delete(part)

    @contextlib.contextmanager
    def _known(self) -> Iterator[Known]:
        """What this machine knows, for one process at a time."""
        with exclusive_file(self.home / "locks" / "shared.lock"), Known.open(self.home, self.bucket.url) as known:
            yield known


def _is_stale(known: Known, unit: Unit, e_tag: str) -> bool:
    """Whether the bucket has another state of the unit than this machine had last, or the unit is lost here."""
    return known.e_tag(unit.name) != e_tag or (unit.is_tree and not unit.is_here)


def _has(home: Path, known: Known, path: str, sha256: str) -> bool:
    return (home / path).is_file() and known.digest(path) == sha256


def _is_inside(path: str) -> bool:
    """Whether a path of a list stays below the folders that are shared."""
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts and parts[0] in SHARED_FOLDERS


def _object(sha256: str) -> str:
    return f"{OBJECTS}/{sha256[:2]}/{sha256}"


def _list_key(unit: Unit) -> str:
    return f"{LISTS}/{unit.name}.json"


def _unit_of(key: str) -> str:
    return key.removeprefix(f"{LISTS}/").removesuffix(".json")
