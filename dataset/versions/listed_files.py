"""Check the files of a version beside its pictures, and that the folder holds nothing else."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataset.versions import certificate_file, identity, manifest
from dataset.versions.published import FACTS, LEAVES, Version
from dataset.versions.stored import shard_file
from dataset.versions.stored.pictures import Layout
from foundation.errors import DamagedVersion

METADATA = "metadata.parquet"
PICTURE = ".jpg"


def rows_id(version: Version, rows_root: str) -> str:
    """The id that a version with these rows and pictures has. rows_root: root of the tree over them."""
    if not version.texts:
        return rows_root
    try:
        return identity.identity(identity.read_facts(version.path), rows_root)
    except (DamagedVersion, KeyError, TypeError, AttributeError):
        return ""


def listed(folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Digest of each file of a version that is being written, beside pictures and version.json, by its path.

    known: digests that are not computed again, of shards.
    """
    shards = [path.relative_to(folder).as_posix() for path in shard_file.shards_in(folder)]
    metadata = [path.relative_to(folder).as_posix() for path in folder.glob(f"data/*/{METADATA}")]
    certificate = [certificate_file.FILE_NAME] if (folder / certificate_file.FILE_NAME).is_file() else []
    names = [*identity.TEXTS, identity.DIFF, manifest.FILE_NAME, LEAVES, *metadata, *shards, *certificate]
    return {name: known.get(name) or identity.file_digest(folder / name) for name in sorted(names)}


def changed_files(version: Version, *, quick: bool) -> list[str]:
    """One sentence for each file that is not as published, or as the last erasure wrote it. quick: hash nothing."""
    facts = identity.read_facts(version.path)
    files = facts.get("files")
    problems = []
    if not _is_sealed(version.path, facts) or not isinstance(files, dict):
        problems.append(f"{FACTS} was changed")
    files = files if isinstance(files, dict) else {}
    for name, digest in files.items():
        path = version.path / name
        if path.is_symlink():
            problems.append(f"{name} is a symbolic link")
        elif not path.is_file():
            problems.append(f"{name} is missing")
        elif not quick and identity.file_digest(path) != digest:
            problems.append(f"{name} was changed")
    if problems or quick:
        return problems
    differs = _shards_differ if version.layout is Layout.SHARDS else _metadata_differs
    return [*_not_published(version, facts), *differs(version)]


def _is_sealed(folder: Path, facts: Mapping[str, Any]) -> bool:
    is_file = not (folder / FACTS).is_symlink()
    is_plain = (folder / FACTS).read_bytes() == identity.facts_bytes(facts)
    return is_file and is_plain and facts.get(identity.SEAL) == identity.seal(facts)


def _not_published(version: Version, facts: Mapping[str, Any]) -> Iterator[str]:
    """Texts that the seal fits, but not the id: somebody made a seal of their own. After an erasure nobody can tell."""
    import pyarrow.parquet as pq

    if version.erasures:
        return
    replaced = identity.not_in_texts(version.id, facts["files"].get(manifest.FILE_NAME, ""), facts)
    for name in identity.TEXTS:
        text = (version.path / name).read_text("utf-8", "surrogateescape")
        if identity.timeless(text, replaced) != version.texts.get(name):
            yield f"{name} was changed"
    path = version.path / identity.DIFF
    try:
        with manifest.unreadable(path):
            digest = identity.diff_digest(pq.read_table(path))
    except DamagedVersion as error:
        yield str(error)
    else:
        if digest != version.texts.get(identity.DIFF):
            yield f"{identity.DIFF} was changed"


def _metadata_differs(version: Version) -> Iterator[str]:
    """Metadata, which Hugging Face reads instead of the manifest, that does not say what the manifest says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = version.path / manifest.FILE_NAME
    schema = manifest.metadata_schema(version.labels, sized=manifest.is_sized(path))
    numbers = {label: number for number, label in enumerate(version.labels)}
    expected: dict[str, list[dict[str, Any]]] = {split: [] for split, labels in version.counts.items() if labels}
    for row in manifest.each(path):
        values = manifest.metadata_row(row, numbers)
        expected.setdefault(row.split, []).append({name: values[name] for name in schema.names})
    for split, rows in expected.items():
        path = version.path / "data" / split / METADATA
        try:
            with manifest.unreadable(path):
                table = pq.read_table(path)
        except DamagedVersion:
            table = None
        if table is None or not table.schema.equals(schema, check_metadata=True):
            yield f"data/{split}/{METADATA} was changed: its columns or class names are others"
        elif not table.equals(pa.Table.from_pylist(rows, schema)):
            yield f"data/{split}/{METADATA} was changed: it differs from the manifest"


def _shards_differ(version: Version) -> Iterator[str]:
    """Shards whose rows do not say what the manifest says."""
    import pyarrow as pa

    columns, plain = (shard_file.shard_schema(version.labels, with_bytes=is_whole) for is_whole in (True, False))
    numbers = {label: number for number, label in enumerate(version.labels)}
    expected: dict[Path, list[dict[str, Any]]] = {path: [] for path in shard_file.shards_in(version.path)}
    for row in manifest.each(version.path / manifest.FILE_NAME):
        expected.setdefault(version.pictures.where(row), []).append(shard_file.values(row, numbers))
    for path, rows in expected.items():
        name = path.relative_to(version.path).as_posix()
        try:
            if not shard_file.columns_of(path).equals(columns, check_metadata=True):
                yield f"{name} was changed: its columns or class names are others"
            elif not shard_file.said_by(path).equals(pa.Table.from_pylist(rows, plain)):
                yield f"{name} was changed: it differs from the manifest"
        except (FileNotFoundError, DamagedVersion):
            yield f"{name} is missing or cannot be read"


def unlisted(version: Version, pictures: Mapping[str, set[str]]) -> list[str]:
    """Files, links and folders that do not belong to the version. pictures: file names by folder, from the manifest.

    Of a version of an earlier release: pictures that are not in the manifest.
    """
    if not version.texts:
        folder = version.path / "data"
        return [problem for name, problem in _strange(version.path, folder, pictures, set()) if name.endswith(PICTURE)]
    files = identity.read_facts(version.path).get("files")
    others = {FACTS, *(files if isinstance(files, dict) else ())}
    folders = {"data"}
    for split, labels in version.counts.items():
        inside = labels if version.layout is Layout.FOLDER else ()
        folders |= {f"data/{split}", *(f"data/{split}/{label}" for label in inside)} if labels else set()
    found = _strange(version.path, version.path, pictures, others, folders)
    return [problem for _, problem in found]


def _strange(
    root: Path, start: Path, pictures: Mapping[str, set[str]], others: set[str], folders: set[str] | None = None
) -> list[tuple[str, str]]:
    """Name and problem of everything below `start` that is not listed. folders: that may be there; None: any."""
    strange = []
    for folder, subfolders, files in os.walk(start):
        here = Path(folder).relative_to(root).as_posix()
        prefix = "" if here == "." else f"{here}/"
        known = pictures.get(here, set())
        added = (f"{prefix}{file}" for file in files if file not in known and f"{prefix}{file}" not in others)
        strange += [(name, f"{name} is not in the manifest" if prefix else f"{name} was added") for name in added]
        for name in (f"{prefix}{subfolder}" for subfolder in subfolders):
            if folders is not None and (name not in folders or (root / name).is_symlink()):
                strange.append((name, f"{name}/ was added"))
    return sorted(strange)
