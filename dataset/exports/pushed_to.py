"""Where versions were pushed to, so that an erasure can say where else a picture may be: pushed.json in the library."""

import json
from collections.abc import Collection
from pathlib import Path

from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json

FILE_NAME = "pushed.json"  # names of versions by target


def remember(home: Path, target: str, versions: Collection[str]) -> None:
    """Note that these versions are at a target. Raises StorageError."""
    known = read_json(home / FILE_NAME, dict[str, list[str]]())
    known[target] = sorted({*known.get(target, ()), *versions})
    with storage_errors(home):
        replace_file(home / FILE_NAME, (json.dumps(known, indent=1) + "\n").encode())


def pushed_to(home: Path, versions: Collection[str]) -> list[str]:
    """The targets that one of these versions was pushed to."""
    known = read_json(home / FILE_NAME, dict[str, list[str]]())
    return sorted(target for target, names in known.items() if set(names) & set(versions))
