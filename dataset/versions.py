"""Published versions, read from their files alone: list, show, diff, verify."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset import manifest, merkle
from dataset.leaks import leaks
from dataset.manifest import Row
from dataset.splits import SPLITS
from isitcake.errors import StageError, UnknownVersion

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
        return manifest.read(self.path / "manifest.parquet")


@dataclass(frozen=True)
class Diff:
    """Images added, removed and relabelled, each with its SHA-256, labels and reason."""

    old: str
    new: str
    added: list[dict[str, str]]
    removed: list[dict[str, str]]
    relabelled: list[dict[str, str]]


@dataclass(frozen=True)
class Verification:
    """problems: one sentence each; none means the version is what it was when it was published."""

    version: str
    id: str
    images: int
    problems: list[str]


def order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))


def names(home: Path) -> list[str]:
    """Names of all versions, oldest first."""
    folder = home / "versions"
    if not folder.is_dir():
        return []
    found = [path.name for path in folder.iterdir() if NAME.fullmatch(path.name) and (path / "version.json").is_file()]
    return sorted(found, key=order)


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
    """What changed from version `old` to `new`."""
    return changes(load(home, old).rows(), load(home, new).rows(), old, new)


def changes(old_rows: list[Row], new_rows: list[Row], old: str, new: str) -> Diff:
    """Images added, removed and relabelled, in the order of their SHA-256."""
    before, after = ({row.sha256: row for row in rows} for rows in (old_rows, new_rows))
    twins = {row.cluster: row.sha256 for row in new_rows}
    removed = []
    for sha256 in sorted(before.keys() - after.keys()):
        twin = twins.get(before[sha256].cluster)
        why = f"the same picture as {twin[:16]}" if twin else "no longer has one of the project's labels"
        removed.append({"sha256": sha256, "label": "", "was": before[sha256].label, "reason": why})
    new_here = [(sha256, "") for sha256 in sorted(after.keys() - before.keys())]
    changed = [
        (sha256, before[sha256].label)
        for sha256 in sorted(before.keys() & after.keys())
        if before[sha256].label != after[sha256].label
    ]
    added, relabelled = (
        [
            {
                "sha256": sha256,
                "label": after[sha256].label,
                "was": was,
                "reason": f"label from {after[sha256].label_origin}",
            }
            for sha256, was in found
        ]
        for found in (new_here, changed)
    )
    return Diff(old, new, added, removed, relabelled)


def verify(
    home: Path, name: str, tell: Callable[[int, int], None] | None = None, *, quick: bool = False
) -> Verification:
    """Hash every file again, rebuild the id, look for leaks between splits. Needs the version's files only.

    Leaks are looked for by cluster and by looks: pictures of two splits with like fingerprints are compared.
    quick: hash no file, so the id is not rebuilt.
    """
    version = load(home, name)
    problems: list[str] = []
    try:
        rows = version.rows()
    except (OSError, ValueError, TypeError) as error:
        return Verification(version.name, version.id, 0, [f"manifest.parquet cannot be read: {error}"])
    leaves: list[str] = []
    for number, row in enumerate(rows, 1):
        path = version.path / row.file
        file_sha256 = "" if quick else file_digest(path)
        if not file_sha256 and not path.is_file():
            problems.append(f"{row.file} is missing")
        if row.file.split("/")[1:3] != [row.split, row.label]:
            problems.append(f"{row.file} does not stand where its split and label say")
        if not quick:
            leaves.append(merkle.leaf(version.salt, row.canonical(), file_sha256))
        if tell:
            tell(number, len(rows))
    gone = erased(version.path)
    if not quick:
        problems += _changed(version, rows, leaves, gone)
    split_of: dict[str, set[str]] = {}
    for row in rows:
        split_of.setdefault(row.cluster, set()).add(row.split)
    problems += [f"cluster {cluster[:16]} stands in {' and '.join(sorted(found))}"
                 for cluster, found in sorted(split_of.items()) if len(found) > 1]  # fmt: skip
    if not quick:
        problems += leaks(version.path, rows)
    listed = {row.file for row in rows}
    there = {path.relative_to(version.path).as_posix() for path in (version.path / "data").rglob("*.jpg")}
    problems += [f"{file} is not in the manifest" for file in sorted(there - listed)]
    left = Counter({(s, label): n for s, found in version.counts.items() for label, n in found.items()})
    left.subtract((entry["split"], entry["label"]) for entry in gone)
    if Counter((row.split, row.label) for row in rows) != +left:
        problems.append("version.json counts other images than the manifest")
    return Verification(version.name, version.id, len(rows), problems)


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


def _changed(version: Version, rows: list[Row], leaves: list[str], gone: list[dict[str, Any]]) -> list[str]:
    """What does not give the version's id, by name where its leaves were kept with it."""
    if merkle.root(_whole(leaves, gone)) == version.id:
        return []
    try:
        content = (version.path / LEAVES).read_bytes()
    except OSError:
        content = b""
    kept = [content[start : start + LEAF_BYTES].hex() for start in range(0, len(content), LEAF_BYTES)]
    told = ["the rows and files do not give the version's id: something was changed"]
    if merkle.root(kept) != version.id:
        return [*told, f"{LEAVES} is not what was published either, so what was changed cannot be named"]
    known = set(kept)
    told += [f"{row.file} or its row was changed" for row, leaf in zip(rows, leaves, strict=True) if leaf not in known]
    if missing := len(kept) - len(rows) - len(gone):
        told.append(f"{abs(missing)} rows {'are missing' if missing > 0 else 'too many are there'}")
    return told


def _whole(leaves: list[str], gone: list[dict[str, Any]]) -> list[str]:
    """Leaves of all rows, those of erased ones in their places."""
    found = dict(zip(places(len(leaves), gone), leaves, strict=True)) | {e["place"]: e["leaf"] for e in gone}
    return [found[place] for place in sorted(found)]


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it is gone."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def require_verified(result: Verification) -> None:
    """Raise StageError naming the first problem."""
    if result.problems:
        more = f" (and {len(result.problems) - 1} more)" if len(result.problems) > 1 else ""
        raise StageError(f"version {result.version} is not what was published: {result.problems[0]}{more}")


def counts(rows: list[Row]) -> dict[str, dict[str, int]]:
    """Images by split and label, in the order of SPLITS."""
    tally = Counter((row.split, row.label) for row in rows)
    labels = sorted({row.label for row in rows})
    return {split: {label: tally[split, label] for label in labels if tally[split, label]} for split in SPLITS}
