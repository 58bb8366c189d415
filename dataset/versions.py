"""Published versions, read from their files alone: list, show, diff, verify."""

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset import manifest, merkle
from dataset.leaks import leaks
from dataset.manifest import Row
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
        return manifest.read(self.path / manifest.NAME)


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


def verify(
    home: Path, name: str, tell: Callable[[int, int], None] | None = None, *, quick: bool = False
) -> Verification:
    """Hash every file again, rebuild the id, look for leaks between splits. Needs the version's files only.

    Leaks are looked for by cluster and by looks: pictures of two splits with like fingerprints are compared.
    quick: hash no file, so the id is not rebuilt.
    """
    version = load(home, name)
    problems: list[str] = []
    leaves: list[str] = []
    tally: Counter[tuple[str, str]] = Counter()
    listed: dict[str, set[str]] = {}
    try:
        for row in manifest.each(version.path / manifest.NAME):
            path = version.path / row.file
            file_sha256 = "" if quick else file_digest(path)
            if not file_sha256 and not path.is_file():
                problems.append(f"{row.file} is missing")
            if row.file.split("/")[1:3] != [row.split, row.label]:
                problems.append(f"{row.file} does not stand where its split and label say")
            if not quick:
                leaves.append(merkle.leaf(version.salt, row.canonical(), file_sha256))
            tally[row.split, row.label] += 1
            folder, _, file = row.file.rpartition("/")
            listed.setdefault(folder, set()).add(file)
            if tell:
                tell(tally.total(), version.images)
    except (OSError, ValueError, TypeError) as error:
        return Verification(version.name, version.id, 0, [f"{manifest.NAME} cannot be read: {error}"])
    gone = erased(version.path)
    if not quick:
        problems += _changed(version, leaves, gone)
    problems += _in_two_splits(version)
    if not quick:
        problems += leaks(version.path, version.rows())
    problems += _unlisted(version, listed)
    left = Counter({(s, label): n for s, found in version.counts.items() for label, n in found.items()})
    left.subtract((entry["split"], entry["label"]) for entry in gone)
    if tally != +left:
        problems.append("version.json counts other images than the manifest")
    return Verification(version.name, version.id, tally.total(), problems)


def _in_two_splits(version: Version) -> list[str]:
    """Clusters that stand in more than one split."""
    table = pq.read_table(version.path / manifest.NAME, columns=["cluster", "split"])
    found = table.group_by("cluster").aggregate([("split", "distinct")])
    twice = found.filter(pc.greater(pc.list_value_length(found["split_distinct"]), 1)).to_pylist()
    return [
        f"cluster {row['cluster'][:16]} stands in {' and '.join(sorted(row['split_distinct']))}"
        for row in sorted(twice, key=lambda row: row["cluster"])
    ]


def _unlisted(version: Version, listed: Mapping[str, set[str]]) -> list[str]:
    """Pictures that stand in the folder and not in the manifest. listed: names of files, by folder."""
    found = []
    for folder, _, files in os.walk(version.path / "data"):
        name = Path(folder).relative_to(version.path).as_posix()
        known = listed.get(name, set())
        found += [f"{name}/{file}" for file in files if file.endswith(".jpg") and file not in known]
    return [f"{file} is not in the manifest" for file in sorted(found)]


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


def _changed(version: Version, leaves: list[str], gone: list[dict[str, Any]]) -> list[str]:
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
    files = (row.file for row in manifest.each(version.path / manifest.NAME))
    told += [f"{file} or its row was changed" for file, leaf in zip(files, leaves, strict=True) if leaf not in known]
    if missing := len(kept) - len(leaves) - len(gone):
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
