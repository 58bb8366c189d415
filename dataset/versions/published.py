"""Published versions, read from their files alone: list, load, compare."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dataset.versions import facts, manifest
from dataset.versions.facts import Audit, ErasedRow, Gate, Shortcut
from dataset.versions.manifest import Row
from foundation.errors import UnknownVersion
from foundation.json_files import read_json

FACTS = "version.json"
LEAVES = "leaves.bin"  # 32 bytes for each row, in the order of the manifest: the id is the root over them
LEAF_BYTES = 32
TAINTED = "tainted.json"  # in the folder of a model that was trained on images that were erased later
ERASED = "erased.json"  # beside version.json, once rows were erased
VERSION_NAME = re.compile(r"\d{4}\.\d{1,2}\.\d+")


@dataclass(frozen=True)
class Version:
    """One version directory. id: Merkle root. counts: images by split and label.

    shortcuts: "before" the recipe (of originals) and "after" it (of published pictures). audit: None without answers.
    """

    path: Path
    name: str
    id: str
    salt: str
    parent: str | None
    created: str
    labels: list[str]
    counts: dict[str, dict[str, int]]
    content: str
    gates: list[Gate]
    shortcuts: dict[str, list[Shortcut]] = field(default_factory=dict)
    audit: Audit | None = None

    @property
    def images(self) -> int:
        return sum(sum(labels.values()) for labels in self.counts.values())

    def rows(self) -> list[Row]:
        return manifest.read(self.path / manifest.FILE_NAME)

    def write(self, recipe: str) -> None:
        """Write version.json. recipe: how the pictures were normalised."""
        content = {
            "name": self.name,
            "id": self.id,
            "parent": self.parent,
            "created": self.created,
            "labels": self.labels,
            "recipe": recipe,
            "counts": self.counts,
            "gates": [asdict(gate) for gate in self.gates],
            "audit": asdict(self.audit) if self.audit else None,
            "shortcuts": {when: [asdict(shortcut) for shortcut in board] for when, board in self.shortcuts.items()},
            "salt": self.salt,
            "content": self.content,
        }
        (self.path / FACTS).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Diff:
    """Images added, removed and relabelled, each with its SHA-256, labels and reason."""

    old: str
    new: str
    added: list[dict[str, str]]
    removed: list[dict[str, str]]
    relabelled: list[dict[str, str]]


def order(name: str) -> tuple[int, ...]:
    """Sort key of a version's name: 2026.9.0 comes before 2026.10.0."""
    return tuple(int(part) for part in name.split("."))


def names(home: Path) -> list[str]:
    """Names of all versions, oldest first."""
    folder = home / "versions"
    if not folder.is_dir():
        return []
    complete = [
        path.name for path in folder.iterdir() if VERSION_NAME.fullmatch(path.name) and (path / FACTS).is_file()
    ]
    return sorted(complete, key=order)


def clear_unfinished(home: Path) -> None:
    """Remove the directories of publishes that were killed or refused."""
    for leftover in (home / "versions").glob(".building-*"):
        shutil.rmtree(leftover)


def listing(home: Path) -> list[Version]:
    return [load(home, name) for name in names(home)]


def newest(home: Path) -> Version | None:
    known = names(home)
    return load(home, known[-1]) if known else None


def load(home: Path, name: str) -> Version:
    """Load a version by its name, or by its path. Raises UnknownVersion."""
    path = home / "versions" / name
    if not VERSION_NAME.fullmatch(name):
        path = Path(name)
    try:
        content = json.loads((path / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = names(home)
        hint = f"newest is {known[-1]!r}, see `isitcake versions list`" if known else "none is published yet"
        raise UnknownVersion(f"no version {name!r}; {hint}") from None
    keys = ("name", "id", "salt", "parent", "created", "labels", "counts", "content")
    return Version(
        path,
        **{key: content[key] for key in keys},
        gates=[facts.gate(record) for record in content["gates"]],
        # Older versions have neither shortcuts nor an audit.
        shortcuts={
            when: [facts.shortcut(record) for record in board] for when, board in content.get("shortcuts", {}).items()
        },
        audit=facts.audit(content["audit"]) if content.get("audit") else None,
    )


def diff(home: Path, old: str, new: str) -> Diff:
    """What changed from version `old` to `new`, in the order of SHA-256."""
    from dataset.versions.changes import changes  # needs Arrow, slow to import

    kinds: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "relabelled": []}
    for change in changes(*(load(home, name).path / manifest.FILE_NAME for name in (old, new))).to_pylist():
        kinds[change.pop("change")].append(change)
    return Diff(old, new, **kinds)


def erased(path: Path) -> list[ErasedRow]:
    """Rows that were erased from the version at `path`, in the order of their positions.

    Empty where erased.json is missing or damaged; then `verify` cannot rebuild the id and reports it.
    """
    default: list[dict[str, object]] = []
    rows = [facts.erased_row(record) for record in read_json(path / ERASED, default)]
    return sorted(rows, key=lambda row: row.position)


def positions(rows: int, gone: Sequence[ErasedRow]) -> list[int]:
    """Position in the manifest as published of each of the `rows` that are left."""
    taken = {row.position for row in gone}
    return [position for position in range(rows + len(gone)) if position not in taken]


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
