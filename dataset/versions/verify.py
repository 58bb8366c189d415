"""Prove that a version is what was published."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset.versions import manifest, merkle
from dataset.versions.leaks import leaks
from dataset.versions.published import LEAF_BYTES, LEAVES, Version, erased, file_digest, load, places
from foundation.errors import StageError


@dataclass(frozen=True)
class Verification:
    """problems: one sentence each; none means the version is what it was when it was published."""

    version: str
    id: str
    images: int
    problems: list[str]


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


def require_verified(result: Verification) -> None:
    """Raise StageError naming the first problem."""
    if result.problems:
        more = f" (and {len(result.problems) - 1} more)" if len(result.problems) > 1 else ""
        raise StageError(f"version {result.version} is not what was published: {result.problems[0]}{more}")
