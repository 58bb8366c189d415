"""Where versions were pushed to, so that an erasure can say where else a picture may be: pushed.json in the library."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dataset.versions import published
from dataset.versions.published import Version
from foundation.errors import DamagedVersion, UnknownVersion
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json

FILE_NAME = "pushed.json"  # by target and version: how many erasures the version had when it was pushed

Known = dict[str, dict[str, int]]


def push_again(target: str) -> str:
    """What to do about a repository that holds erased pictures."""
    return f"run `isitcake versions push {target}` to remove the erased pictures there, too"


def push_begins(home: Path, target: str, version: Version) -> dict[str, int]:
    """Note that a version may be at a target from now on. Returns what `push_ended` needs. Raises StorageError."""
    known = _known(home)
    before = known.get(target, {})
    _write(home, known, {**known, target: {version.name: version.erasures, **before}})
    return {**{name: _erasures(home, name) for name in before}, version.name: version.erasures}


def push_ended(home: Path, target: str, now: dict[str, int]) -> None:
    """Note that a target has nothing that was erased before the push began. Raises StorageError."""
    known = _known(home)
    _write(home, known, {**known, target: now})


def pushed_to(home: Path, versions: Collection[str]) -> list[str]:
    """The targets that one of these versions was pushed to."""
    return sorted(target for target, there in _known(home).items() if set(there) & set(versions))


def outdated(home: Path) -> list[str]:
    """The targets with a version that images were erased from since: they hold these until the next push."""
    known = _known(home)
    here = {name: _erasures(home, name) for there in known.values() for name in there}
    return sorted(target for target, there in known.items() if any(here[name] > there[name] for name in there))


def _write(home: Path, before: Known, after: Known) -> None:
    if after != before:
        with storage_errors(home):
            replace_file(home / FILE_NAME, (json.dumps(after, indent=1) + "\n").encode())


def _known(home: Path) -> Known:
    """What is noted; a damaged file does not stop an erasure."""
    content = read_json(home / FILE_NAME, dict[str, Any]())
    return {target: there for target, there in content.items() if isinstance(there, dict)}


def _erasures(home: Path, name: str) -> int:
    """How many erasures a version had; 0 for one that is damaged or not here, because it cannot be pushed."""
    try:
        return published.load(home, name).erasures
    except (UnknownVersion, DamagedVersion):
        return 0
