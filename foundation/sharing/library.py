"""Share a library between machines that have no disk in common: versions, models and reports, through the bucket.

Objects are files under their SHA-256, so versions share what they have in common. A list for each unit says which
files it has; it is written last, so a unit is there whole or not at all. Each machine keeps a copy of everything in its
own library. Who may change what, and when it is brought up to date, is in machines.py. See docs/decisions/0044.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from more_itertools import chunked

from foundation.errors import StorageError
from foundation.files import link_or_copy, storage_errors
from foundation.locks import exclusive_file
from foundation.sharing.bucket import Bucket
from foundation.sharing.known import Known, file_sha256
from foundation.sharing.units import FILES, MODELS, SINGLE_FILES, Changes, Unit, units

LISTS, OBJECTS = "library/lists", "library/objects"
TAKING = ".taking-"  # before the name of a tree that is on its way
ARRIVING = ".arriving"  # a folder beside those of units, on their disk: files that are on their way
TRANSFERS = 8  # at once
TOLD_FROM = 100  # files, of which a download tells its progress
KEYS_PER_REQUEST = 1000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SharedLibrary:
    """home: the library of this machine."""

    home: Path
    bucket: Bucket

    def units(self) -> list[str]:
        """Names of the units in the bucket. Raises StorageError."""
        return sorted(self._there())

    def take(self, progress: Progress | None = None, wait_s: float = -1, repaired: str = "") -> list[str]:
        """Bring what other machines changed to this one. Returns the names of the units that changed.

        wait_s: for another process of this machine that does the same; negative: no limit. repaired: trees whose names
        begin with it are also brought back to what the bucket has, if they look different here. A unit that cannot be
        brought stops no other one. Raises StorageError, and TimeoutError.
        """
        with self._known(wait_s) as known:
            for folder in ("versions", "models", "reports", ""):
                shutil.rmtree(self.home / folder / ARRIVING, ignore_errors=True)  # what a killed process left
            there = self._there()
            known.forget_others(there)
            failed: list[StorageError] = []
            changed = []
            for name in sorted(there):
                unit = Unit(self.home, name)
                if not _is_stale(known, unit, there[name], repaired):
                    continue
                try:
                    self._take_newest(known, unit, there[name], progress)
                except StorageError as error:
                    failed.append(error)
                else:
                    changed.append(name)
            if failed:
                raise failed[0]
            return changed

    def give(self, changes: Changes = SINGLE_FILES) -> list[str]:
        """Bring what this machine changed to the bucket. Returns the names of the units that changed.

        Whoever calls this holds the lock under which machines give, and has taken what others gave. Single files are
        always given. Raises StorageError.
        """
        with self._known() as known:
            given = []
            for unit in [*units(self.home), *(Unit(self.home, name) for name in FILES)]:
                is_listed = bool(known.listed(unit.name))
                allowed = changes.changed if is_listed else (*changes.new, *changes.changed)
                if (not unit.is_tree or unit.name.startswith(allowed)) and self._give(known, unit):
                    given.append(unit.name)
            for name in known.units():
                unit = Unit(self.home, name)
                is_removed = unit.is_tree and known.listed(name) and not unit.is_here
                if is_removed and name.startswith(MODELS) and name.startswith(changes.changed):
                    self._write(known, unit, {}, "")
                    given.append(name)
            return given

    def sweep(self) -> int:
        """Remove objects that no list has. Returns how many. The caller holds the lock under which machines give."""
        self.take()
        with self._known() as known:
            has = known.all_listed()
            gone = [one.key for one in self.bucket.entries(OBJECTS) if one.key[-64:] not in has]
            self._delete(gone)
            return len(gone)

    def unlisted(self) -> list[str]:
        """Names of the versions and models that were never given."""
        with self._known() as known:
            return [unit.name for unit in units(self.home) if unit.is_tree and not known.listed(unit.name)]

    def drop_unlisted(self) -> list[str]:
        """Remove versions, models and reports that were never given. Returns their names.

        For a machine that was away while others erased: what they could not see may hold what they erased.
        """
        with self._known() as known:
            dropped = []
            for unit in units(self.home):
                if unit.is_tree and not known.listed(unit.name):
                    shutil.rmtree(self.home / unit.name)
                    dropped.append(unit.name)
            for path in set(Unit(self.home, "reports").files()) - known.listed("reports").keys():
                (self.home / path).unlink(missing_ok=True)
            return dropped

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
        theirs = self._list(unit)
        with storage_errors(self.home):
            if unit.is_tree and not theirs:  # removed
                shutil.rmtree(self.home / unit.name, ignore_errors=True)
                known.keep(unit.name, {}, e_tag, "")
                return
            before = known.listed(unit.name)
            if unit.is_tree:
                # What this machine never shared and others do not have is left over, from an erasure or a kill.
                wanted, gone = theirs, set(before or unit.files()) - theirs.keys()
            else:
                wanted, gone = _merged(before, theirs, {path: known.digest(path) for path in unit.files()})
            for path in gone:  # first: what was erased goes also where something else cannot arrive
                (self.home / path).unlink(missing_ok=True)
            self._bring(known, unit, wanted, progress)
            is_as_theirs = {path: known.digest(path) for path in unit.files()} == theirs
            known.keep(unit.name, theirs, e_tag, unit.looks() if is_as_theirs or unit.is_tree else "")

    def _bring(self, known: Known, unit: Unit, wanted: Mapping[str, str], progress: Progress | None) -> None:
        """Bring files to their places. wanted: SHA-256 by path."""
        base = Path(unit.name)
        is_new = unit.is_tree and not unit.is_here
        beside = base.with_name(TAKING + base.name)
        # A new tree is made beside its place, so that it is there whole or not at all.
        places = {path: str(beside / Path(path).relative_to(base)) if is_new else path for path in wanted}
        lacking = [path for path, sha256 in wanted.items() if not _has(self.home, known, places[path], sha256)]
        missing = [path for path in lacking if not self._copy(known, wanted[path], places[path])]
        with ThreadPoolExecutor(TRANSFERS) as pool:
            arrived = pool.map(lambda path: self._download(wanted[path], places[path]), missing)
            for number, _ in enumerate(arrived, 1):
                if progress and len(missing) >= TOLD_FROM:
                    progress(f"download {unit.name}", number, len(missing))
        if is_new:
            for path in set(Unit(self.home, str(beside)).files()) - set(places.values()):
                (self.home / path).unlink()  # of an older state, from before a kill
            (self.home / beside).rename(self.home / base)
        for path in wanted if is_new else lacking:
            known.remember(path, wanted[path])

    def _copy(self, known: Known, sha256: str, place: str) -> bool:
        """Put a file of this machine with these bytes to its place. Returns whether there is one."""
        path, arriving = self.home / place, self._arriving(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = known.copy_of(sha256)
        if copy is None:
            return False
        arriving.unlink(missing_ok=True)
        link_or_copy(copy, arriving)
        arriving.replace(path)
        return True

    def _download(self, sha256: str, place: str) -> None:
        arriving = self._arriving(place)
        self.bucket.download(_object(sha256), arriving)
        if file_sha256(arriving) != sha256:
            raise StorageError(f"{self.bucket.url}/{_object(sha256)} is not what was stored; restore it from a backup")
        arriving.replace(self.home / place)

    def _arriving(self, place: str) -> Path:
        """Where a file is until it is whole: not beside its place, where a kill would leave a part of it."""
        top = place.partition("/")[0] if "/" in place else ""
        folder = self.home / top / ARRIVING
        folder.mkdir(parents=True, exist_ok=True)
        return folder / hashlib.sha256(place.encode()).hexdigest()

    def _give(self, known: Known, unit: Unit) -> bool:
        with storage_errors(self.home):
            looks = unit.looks()
            if looks == known.looks(unit.name):
                return False
            now = {path: known.digest(path) for path in unit.files()}
        if now == known.listed(unit.name):
            known.keep(unit.name, now, known.e_tag(unit.name), looks)
            return False
        self._write(known, unit, now, looks)
        return True

    def _write(self, known: Known, unit: Unit, now: Mapping[str, str], looks: str) -> None:
        """Write what a unit has: its new objects, then its list; then remove the objects that no list has any more."""
        before = known.listed(unit.name)
        paths = {sha256: path for path, sha256 in now.items()}
        new = known.unlisted(paths)
        with ThreadPoolExecutor(TRANSFERS) as pool:
            list(pool.map(lambda sha256: self.bucket.put(_object(sha256), self.home / paths[sha256]), new))
        content = json.dumps({"files": dict(now)}, indent=0, sort_keys=True).encode()
        known.keep(unit.name, now, self.bucket.put(_list_key(unit), content), looks)
        self._delete([_object(sha256) for sha256 in known.unlisted(set(before.values()) - set(now.values()))])

    def _list(self, unit: Unit) -> dict[str, str]:
        """SHA-256 by path, as the bucket has it. Raises StorageError for one that is damaged or names other files."""
        try:
            files = json.loads(self.bucket.read(_list_key(unit)))["files"]
            if any(not unit.may_have(path) or len(sha256) != 64 for path, sha256 in files.items()):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StorageError(f"{self.bucket.url}/{_list_key(unit)} is damaged; restore it from a backup") from None
        return dict(files)

    def _delete(self, keys: Sequence[str]) -> None:
        for part in chunked(keys, KEYS_PER_REQUEST):
            self.bucket.delete(part)

    @contextlib.contextmanager
    def _known(self, wait_s: float = -1) -> Iterator[Known]:
        """What this machine knows, for one process at a time."""
        lock = exclusive_file(self.home / "locks" / "shared.lock", wait_s)
        with lock, Known.open(self.home, self.bucket.url) as known:
            yield known


def _is_stale(known: Known, unit: Unit, e_tag: str, repaired: str) -> bool:
    """Whether the bucket has another state of the unit than this machine had last, or the unit is lost here."""
    if known.e_tag(unit.name) != e_tag:
        return True
    if not unit.is_tree or not known.listed(unit.name):  # removed
        return False
    return not unit.is_here or bool(
        repaired and unit.name.startswith(repaired) and unit.looks() != known.looks(unit.name)
    )


def _merged(
    before: Mapping[str, str], theirs: Mapping[str, str], own: Mapping[str, str]
) -> tuple[dict[str, str], set[str]]:
    """Which files to bring, and which to remove, so that both sides' changes since `before` are there.

    All: SHA-256 by path. Where both changed a file, theirs counts, and a removal always does.
    """
    wanted, gone = {}, set()
    for path in {*before, *theirs, *own}:
        first, other, mine = before.get(path), theirs.get(path), own.get(path)
        if other in (mine, first):  # ours is the only change, if there is one
            continue
        if other is None or (mine is None and first is not None):
            gone.add(path)
        else:
            wanted[path] = other
    return wanted, gone


def _has(home: Path, known: Known, path: str, sha256: str) -> bool:
    return (home / path).is_file() and known.digest(path) == sha256


def _object(sha256: str) -> str:
    return f"{OBJECTS}/{sha256[:2]}/{sha256}"


def _list_key(unit: Unit) -> str:
    return f"{LISTS}/{unit.name}.json"


def _unit_of(key: str) -> str:
    return key.removeprefix(f"{LISTS}/").removesuffix(".json")
