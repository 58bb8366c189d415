"""Faults of a library, and what commands must say about them. A benchmark counts with this table too.

Each fault breaks a copy of a published library. Afterwards every command ends with a result or with one sentence, the
ones in `says` name the fault, and nothing that the fault did not take is lost.
"""

import json
import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commands import Ended, here
from old_catalogs import set_revision

GONE = b"not what it was " * 40
COMMANDS = (
    ("status",),
    ("versions", "list"),
    ("review", "next"),
    ("publish",),
    ("doctor",),
)


@dataclass(frozen=True)
class Fault:
    """break_: breaks the library in a project's folder. says: command → what it must print. takes: globs of files that
    the fault itself takes from the library.
    """

    name: str
    break_: Callable[[Path], None]
    says: dict[str, str]
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tried:
    """problems: one sentence each; empty where the fault was borne."""

    fault: str
    problems: list[str]


def newest(home: Path) -> Path:
    return sorted((home / "versions").glob("[0-9]*"))[-1]


def rewrite(path: Path, content: bytes) -> None:
    """Replace the content of a file, read-only or not, as a failing disk does: links keep pointing to it."""
    path.chmod(0o644)
    path.write_bytes(content)


def some_original(home: Path) -> Path:
    return sorted((home / "blobs").glob("*/*.*"))[0]


def published_picture(home: Path) -> Path:
    return sorted(newest(home).glob("data/*/*/*.jpg"))[0]


def _empty_catalog(home: Path) -> None:
    for path in home.glob("catalog.db*"):
        path.unlink()
    (home / "catalog.db").touch()


def _catalog_is_text(home: Path) -> None:
    _empty_catalog(home)
    (home / "catalog.db").write_text("this is no database, and long enough to be sure of it" * 20)


def _catalog_gone(home: Path) -> None:
    _empty_catalog(home)
    (home / "catalog.db").unlink()


def _other_database(home: Path) -> None:
    _catalog_gone(home)
    connection = sqlite3.connect(home / "catalog.db")
    connection.execute("CREATE TABLE other (a INTEGER)")
    connection.commit()
    connection.close()


def _cut_catalog(home: Path) -> None:
    for path in home.glob("catalog.db-*"):
        path.unlink()
    os.truncate(home / "catalog.db", (home / "catalog.db").stat().st_size // 3)


def _facts(content: bytes) -> Callable[[Path], None]:
    return lambda home: rewrite(newest(home) / "version.json", content)


def _cut(name: str) -> Callable[[Path], None]:
    return lambda home: os.truncate(newest(home) / name, (newest(home) / name).stat().st_size // 2)


DAMAGED_VERSION = dict.fromkeys(("status", "publish", "doctor"), r"version\S* 20\d\d\.\d+\.\d+|20\d\d\.\d+\.\d+: ")

FAULTS = (
    Fault("catalog of 0 bytes", _empty_catalog, dict.fromkeys(("status", "publish", "doctor"), "is empty, but")),
    Fault("catalog is gone", _catalog_gone, dict.fromkeys(("status", "publish", "doctor"), "is missing, but")),
    Fault("catalog is text", _catalog_is_text, dict.fromkeys(("status", "publish", "doctor"), "is damaged")),
    Fault("catalog is another database", _other_database, dict.fromkeys(("status", "doctor"), "restore the catalog")),
    Fault("catalog is cut", _cut_catalog, {"doctor": "damaged"}),
    Fault("newer catalog", lambda home: set_revision(home, "0099"), dict.fromkeys(("status", "doctor"), "update the")),
    Fault("version without manifest", lambda home: (newest(home) / "manifest.parquet").unlink(), DAMAGED_VERSION),
    Fault("manifest is cut", _cut("manifest.parquet"), DAMAGED_VERSION),
    Fault("version.json is empty", _facts(b""), DAMAGED_VERSION),
    Fault("version.json is cut", _cut("version.json"), DAMAGED_VERSION),
    Fault("version.json is a list", _facts(b"[1]"), DAMAGED_VERSION),
    Fault("version.json lacks keys", _facts(json.dumps({"name": "2026.1.0"}).encode()), DAMAGED_VERSION),
    Fault("version.json is gone", lambda home: (newest(home) / "version.json").unlink(), DAMAGED_VERSION),
    Fault(
        "original is garbage", lambda home: rewrite(some_original(home), GONE),
        dict.fromkeys(("status", "publish", "doctor"), "bytes, not"), ("blobs/*/*",),
    ),
    Fault(
        "original is gone", lambda home: some_original(home).unlink(),
        dict.fromkeys(("status", "publish", "doctor"), "is missing"), ("blobs/*/*",),
    ),
)  # fmt: skip


def try_fault(fault: Fault, folder: Path) -> Tried:
    """Break the project in `folder`, run the commands, and look at what they said and left."""
    home = folder / "library"
    fault.break_(home)
    before = _facts_on_disk(home)
    problems = []
    for command in COMMANDS:
        ended, name = here(folder, *command), " ".join(command)
        problems += [f"{name}: {problem}" for problem in _problems(ended, fault.says.get(name, ""))]
    after = _facts_on_disk(home)
    problems += [f"{path} was changed or lost" for path, content in before.items() if after.get(path) != content]
    return Tried(fault.name, problems)


def _problems(ended: Ended, expected: str) -> list[str]:
    text = ended.stdout + ended.stderr
    found = []
    if "Traceback" in text or "--debug" in text:
        found.append(f"no clear sentence: {ended.stderr[-300:]}")
    if ended.returncode and ended.stderr.count("error: ") > 1:
        found.append(f"more than one sentence: {ended.stderr[-300:]}")
    if expected and not re.search(expected, " ".join(text.split())):
        found.append(f"does not say {expected!r}: {text[-300:]}")
    return found


def _facts_on_disk(home: Path) -> dict[str, bytes]:
    """Files that no command may change: originals, versions, a broken catalog's own file."""
    kept = [*home.glob("blobs/*/*"), *home.glob("versions/[0-9]*/*.*"), *home.glob("versions/[0-9]*/data/*/*/*.jpg")]
    return {str(path.relative_to(home)): path.read_bytes() for path in kept if path.is_file()}
