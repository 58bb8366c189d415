"""Published versions, read from their files alone: list, show, diff, verify."""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset.versions import manifest
from dataset.versions.manifest import Row
from foundation.errors import UnknownVersion

LEAVES = "leaves.bin"  # a digest of 32 bytes for each row, in the order of the manifest: the id is their root
LEAF_BYTES = 32
TAINTED = "tainted.json"  # beside a model that was trained on what was erased since
ERASED = "erased.json"  # beside version.json, where rows were erased
NAME = re.compile(r"\d{4}\.\d{1,2}\.\d+")


@dataclass(frozen=True)
class Version:
    """One version directory. id: Merkle root. counts: images by split and label."""

    path: Path
    name: str
    id: str
    salt: str
    parent: str | None
    created: str
    labels: list[str]
    counts: dict[str, dict[str, int]]
    content: str
    gates: list[dict[str, Any]]
    shortcuts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    audit: dict[str, Any] | None = None

    @property
    def images(self) -> int:
        return sum(sum(labels.values()) for labels in self.counts.values())

    def rows(self) -> list[Row]:
        return manifest.read(self.path / manifest.NAME)


@dataclass(frozen=True)
class Diff:
    """Images added, removed and relabelled, each with its SHA-256, labels and reason."""

    old: str
    new: str
    added: list[dict[str, str]]
    removed: list[dict[str, str]]
    relabelled: list[dict[str, str]]


def order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))


def names(home: Path) -> list[str]:
    """Names of all versions, oldest first."""
    folder = home / "versions"
    if not folder.is_dir():
        return []
    found = [path.name for path in folder.iterdir() if NAME.fullmatch(path.name) and (path / "version.json").is_file()]
    return sorted(found, key=order)


def clear_unfinished(home: Path) -> None:
    """Remove what a publish that was killed, or refused, left beside the versions."""
    for leftover in (home / "versions").glob(".building-*"):
        shutil.rmtree(leftover)


def listing(home: Path) -> list[Version]:
    return [load(home, name) for name in names(home)]


def newest(home: Path) -> Version | None:
    known = names(home)
    return load(home, known[-1]) if known else None


def load(home: Path, name: str) -> Version:
    """The version of that name, or at that path. Raises UnknownVersion."""
    path = home / "versions" / name
    if not NAME.fullmatch(name):
        path = Path(name)
    try:
        content = json.loads((path / "version.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = names(home)
        last = f"newest is {known[-1]!r}, see `isitcake versions list`" if known else "none is published yet"
        raise UnknownVersion(f"no version {name!r}; {last}") from None
    keys = ("name", "id", "salt", "parent", "created", "labels", "counts", "content", "gates")
    later = {key: content[key] for key in ("shortcuts", "audit") if key in content}  # older versions have none
    return Version(path, **{key: content[key] for key in keys}, **later)


def diff(home: Path, old: str, new: str) -> Diff:
    """What changed from version `old` to `new`, in the order of SHA-256."""
    kinds: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "relabelled": []}
    for change in manifest.changes(*(load(home, name).path / manifest.NAME for name in (old, new))).to_pylist():
        kinds[change.pop("change")].append(change)
    return Diff(old, new, **kinds)


def erased(path: Path) -> list[dict[str, Any]]:
    """Place, leaf, split and label of each row that was erased from the version at `path`, in order of place."""
    try:
        found: list[dict[str, Any]] = json.loads((path / ERASED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        return []  # the id will not come out, and verify says so
    return sorted(found, key=lambda entry: entry["place"])


def places(rows: int, gone: list[dict[str, Any]]) -> list[int]:
    """Place that each of the rows that are left had when all were there."""
    taken = {entry["place"] for entry in gone}
    return [place for place in range(rows + len(gone)) if place not in taken]


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it is gone."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
