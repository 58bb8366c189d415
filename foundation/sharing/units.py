"""What machines share of a library, in units. Each unit is some files below one folder.

The names are those of the library's folders: versions/<name>, models/<attempt>/<version>, and single files. What
begins with a dot is unfinished, and not shared.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

VERSIONS, MODELS = "versions/", "models/"
TREES = (f"{VERSIONS}*", f"{MODELS}*/*")  # a unit each, with all that is below
FILES = {"models": "models/*.json", "reports": "reports/*", "pushed": "pushed.json"}  # unit → its files
WATCHED_DEPTH = 3  # below it only folders are looked at, not their files: data/<split>/<label> of a version


@dataclass(frozen=True)
class Changes:
    """Which trees somebody may give: new ones, and changed or removed ones, by what their names begin with. Others stay
    as they are in the bucket, so that a loss or a damage on one machine reaches no other.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


SINGLE_FILES = Changes()  # these may always be given


@dataclass(frozen=True)
class Unit:
    """home: the library. name: "versions/2026.11.0", or a key of FILES."""

    home: Path
    name: str

    @property
    def is_tree(self) -> bool:
        return self.name not in FILES

    @property
    def is_here(self) -> bool:
        return (self.home / self.name).is_dir() if self.is_tree else any(self.home.glob(FILES[self.name]))

    def may_have(self, path: str) -> bool:
        """Whether a file with this path may belong to the unit: nothing outside it does."""
        parts = Path(path).parts
        if ".." in parts or Path(path).is_absolute() or not parts or parts[-1].startswith("."):
            return False
        return path.startswith(f"{self.name}/") if self.is_tree else Path(path).match(FILES[self.name])

    def files(self) -> list[str]:
        """Its files as they are here: paths relative to the library, sorted."""
        if not self.is_tree:
            found = (path for path in self.home.glob(FILES[self.name]) if path.is_file() and path.name[0] != ".")
            return sorted(str(path.relative_to(self.home)) for path in found)
        return sorted(str(Path(path).relative_to(self.home)) for path in _files_below(self.home / self.name))

    def looks(self) -> str:
        """A digest of sizes and times that changes when a file is added, removed or replaced. Reads no file."""
        lines = sorted(self._lines())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _lines(self) -> Iterator[str]:
        if not self.is_tree:
            yield from _lines(self.home / name for name in self.files())
            return
        for path, _, files in os.walk(self.home / self.name):
            folder = Path(path)
            yield from _lines([folder])
            if len(folder.relative_to(self.home / self.name).parts) < WATCHED_DEPTH:
                yield from _lines(folder / name for name in files if name[0] != ".")


def units(home: Path) -> list[Unit]:
    """The units that are here. What is unfinished is in none."""
    trees = (path for pattern in TREES for path in home.glob(pattern) if path.is_dir() and path.name[0] != ".")
    found = [Unit(home, str(path.relative_to(home))) for path in sorted(trees)]
    return [*found, *(unit for name in FILES if (unit := Unit(home, name)).is_here)]


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    """A line for each that is still there: others may be replaced at the same moment."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            yield f"{path} {state.st_mtime_ns} {0 if path.is_dir() else state.st_size}"


def _files_below(folder: Path) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        yield from (f"{path}/{name}" for name in files if name[0] != ".")
