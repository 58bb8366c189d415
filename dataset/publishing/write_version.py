"""Write the directory of a version: pictures, manifest, metadata, card, croissant.json, diff, version.json."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import select

from dataset.catalog.tables import digests
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.publishing.certified import Certified
from dataset.publishing.checked_pictures import CheckedPictures
from dataset.publishing.croissant import croissant
from dataset.publishing.dataset_card import card
from dataset.publishing.gates import Measured, gates_passed
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.publishing.shortcut_measures import PICTURES_MEASURED, shortcuts_of
from dataset.publishing.totals import Totals, one_sided, why_none_unseen
from dataset.versions import certificate_file, identity, manifest, merkle, published
from dataset.versions.changes import as_rows, changes, n_changes, new_names, other_numbers, renamed_sources, renames_in
from dataset.versions.facts import Audit
from dataset.versions.listed_files import listed
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored.pictures import Layout
from dataset.versions.stored.ranges import MOST_PICTURES, ranges
from dataset.versions.stored.shard_writer import KnownShards, ShardWriter
from foundation.beside.file_work import Linking

THREADS = 4
ROWS_PER_BLOCK = 5000  # in memory
DEFAULT_URL = "https://example.org"  # in croissant.json, which must have one, where no contact is configured
NO_ID = "0" * 64

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Draft:
    """A version that is about to be written.

    content: digest of its rows. left_out: clusters that are not in it, by reason. parent: the version before it.
    kept_out: why images stay out, by SHA-256. certified: its certificate; None where no design was looked through.
    layout: how it keeps its pictures. most_in_shard: pictures of a shard.
    """

    name: str
    created: datetime
    rows: RowsOnDisk
    totals: Totals
    content: str
    left_out: Mapping[str, int]
    audit: Audit | None
    parent: Version | None
    kept_out: Mapping[str, str] = field(default_factory=dict)
    certified: Certified | None = None
    layout: Layout = Layout.FOLDER
    most_in_shard: int = MOST_PICTURES


@dataclass(frozen=True)
class Written:
    """changes: images by kind of change since the parent: added, removed, relabelled, renamed. repaired: normalised
    pictures that were damaged and made again, by SHA-256. notes: warnings, and what changed about the classes.
    """

    version: Version
    changes: Counter[str]
    repaired: Sequence[str]
    notes: Sequence[str] = ()


def write_version(
    project: Project,
    draft: Draft,
    folder: Path,
    progress: Progress,
    force: bool = False,
    rows_per_block: int = ROWS_PER_BLOCK,
) -> Written:
    """Write the whole directory and flush it to disk. Raises StageError where a gate refuses, unless forced."""
    rows, totals, parent = draft.rows, draft.totals, draft.parent
    pictures = CheckedPictures(project, parent, rows.path.stat().st_mtime_ns)
    measured = rows.sample(PICTURES_MEASURED)
    with ThreadPoolExecutor(THREADS) as pool:
        pictures.check(measured, pool)
    shortcuts = shortcuts_of(project, measured)
    certificate = draft.certified.published if draft.certified else None
    measured_by = Measured(shortcuts["after"], draft.audit, totals, certificate.certificate if certificate else None)
    gates = gates_passed(project, measured_by, draft.created, force)
    salt = hashlib.sha256(f"{parent.id if parent else ''}\n{draft.content}".encode()).hexdigest()[:32]
    writer = _RowWriter(project, folder, totals, salt, progress, pictures)
    leaves = writer.write(rows, rows_per_block, draft.layout)
    shards = writer.write_shards(rows, draft.most_in_shard) if draft.layout is Layout.SHARDS else None
    (folder / published.LEAVES).write_bytes(b"".join(bytes.fromhex(leaf) for leaf in leaves))
    before = parent.path / manifest.FILE_NAME if parent else None
    diff = changes(before, folder / manifest.FILE_NAME, draft.kept_out)
    manifest.write_table(folder / identity.DIFF, diff)
    if draft.certified:
        certificate_file.write(folder / certificate_file.FILE_NAME, draft.certified.entries)
    version = Version(
        path=folder,
        name=draft.name,
        id="",
        salt=salt,
        parent=parent.name if parent else None,
        created=draft.created.isoformat(timespec="seconds"),
        labels=project.settings.project.labels,
        counts=totals.counts(),
        content=draft.content,
        gates=gates,
        shortcuts=shortcuts,
        audit=draft.audit,
        certificate=certificate,
        layout=draft.layout,
    )
    version = _sealed(_with_texts(project, version, draft, diff, merkle.root(leaves)), shards.files if shards else {})
    for path in [*folder.glob("*"), *folder.glob("data/*/*")]:
        if path.is_file() and path != rows.path:
            flush(path)
    notes = [*_notes(parent, version, diff), *one_sided(version.counts, version.labels)]
    notes += filter(None, [why_none_unseen(version.counts)])
    if shards and shards.restored:
        notes.append(f"shards of earlier versions were damaged and were written again ({shards.restored})")
    return Written(version, n_changes(diff), pictures.repaired, notes)


def _notes(parent: Version | None, version: Version, diff: Any) -> list[str]:
    """What changed about the classes since the version before."""
    if parent is None:
        return []
    renames = renames_in(diff)
    sources = renamed_sources(*(one.path / manifest.FILE_NAME for one in (parent, version)))
    notes = new_names(as_rows(renames, "label"), as_rows(sources, "source"))
    return [*notes, *filter(None, [other_numbers(parent.labels, version.labels, renames)])]


def _with_texts(project: Project, version: Version, draft: Draft, diff: Any, rows_root: str) -> Version:
    """Write card and croissant.json. Returns the version with its id, which covers them."""
    totals, left_out = draft.totals, draft.left_out
    title, url = project.settings.project.name, project.settings.project.contact or DEFAULT_URL
    manifest_sha256 = published.file_digest(version.path / manifest.FILE_NAME)

    def texts(id_: str) -> dict[str, str]:
        named = replace(version, id=id_)
        return {
            "README.md": card(title, named, totals, left_out),
            "croissant.json": croissant(title, named, manifest_sha256, url, totals),
        }

    # The texts name the id, and the id covers the texts: it is computed from them without it.
    replaced = identity.not_in_texts(NO_ID, manifest_sha256, version.facts(DERIVED_RECIPE))
    digests = {name: identity.timeless(text, replaced) for name, text in texts(NO_ID).items()}
    version = replace(version, texts={**digests, identity.DIFF: identity.diff_digest(diff)})
    version = replace(version, id=identity.identity(version.facts(DERIVED_RECIPE), rows_root))
    for name, text in texts(version.id).items():
        (version.path / name).write_text(text, encoding="utf-8")
    return version


def _sealed(version: Version, known: Mapping[str, str]) -> Version:
    """Write version.json. known: digests of files by path, which are not computed again. Returns the version."""
    facts = {**version.facts(DERIVED_RECIPE), "files": listed(version.path, known)}
    identity.write_facts(version.path, {**facts, identity.SEAL: identity.seal(facts)})
    return version


@dataclass(frozen=True)
class _RowWriter:
    """Writes what each row becomes: a picture, a row of the manifest, a row of its split's metadata, a leaf.

    In shards, picture and metadata are one.
    """

    project: Project
    folder: Path
    totals: Totals
    salt: str
    progress: Progress
    pictures: CheckedPictures

    def write(self, rows: RowsOnDisk, rows_per_block: int, layout: Layout) -> list[str]:
        """Write all rows, block by block, and in folders their pictures. Returns their leaves, in order."""
        labels = self.project.settings.project.labels
        in_folders = layout is Layout.FOLDER
        for split, label in self.totals.by_split:
            (self.folder / "data" / split / (label if in_folders else "")).mkdir(parents=True, exist_ok=True)
        leaves: list[str] = []
        with Linking() as linking, ExitStack() as open_files, ThreadPoolExecutor(THREADS) as pool:
            whole = open_files.enter_context(manifest.Writer(self.folder / manifest.FILE_NAME, manifest.schema()))
            schema = manifest.metadata_schema(labels)
            metadata = {
                split: open_files.enter_context(
                    manifest.Writer(self.folder / "data" / split / "metadata.parquet", schema)
                )
                for split in (self._splits() if in_folders else ())
            }
            numbers = {label: number for number, label in enumerate(labels)}
            for block in chunked(rows, rows_per_block):
                found = self.pictures.check(block, pool)
                if in_folders:
                    linking.add([(self.pictures.source(row.sha256), f"{self.folder}/{row.file}") for row in block])
                for row, digest in zip(block, found, strict=True):
                    leaves.append(merkle.leaf(self.salt, row.timeless(), digest))
                    whole.add(vars(row))
                    if in_folders:
                        metadata[row.split].add(manifest.metadata_row(row, numbers))
                self.progress("pictures", len(leaves), self.totals.images)
        return leaves

    def write_shards(self, rows: RowsOnDisk, most_in_shard: int) -> ShardWriter:
        """Write the shards, once all pictures were checked."""
        done = 0
        with ThreadPoolExecutor(THREADS) as pool:
            labels, normalised = self.project.settings.project.labels, self.project.normalised
            known = KnownShards(self.project.home)
            writer = ShardWriter(self.folder, labels, known, lambda row: normalised.path(row.sha256), pool)
            for split in self._splits():
                for part in ranges(rows.names(split), most_in_shard):
                    block = rows.between(split, part.start, part.end)
                    writer.write(part.start, block, self._digests(block))
                    done += len(block)
                    self.progress("pictures in shards", done, self.totals.images)
        return writer

    def _splits(self) -> list[str]:
        return list(dict.fromkeys(split for split, _ in self.totals.by_split))

    def _digests(self, rows: Sequence[Row]) -> list[str]:
        """Of the rows' pictures, which were checked."""
        known = select(digests.c.sha256, digests.c.digest).where(digests.c.recipe == DERIVED_RECIPE)
        with self.project.catalog.read() as connection:
            found = connection.execute(known.where(digests.c.sha256.in_([row.sha256 for row in rows])))
            digest_of = {row.sha256: row.digest for row in found}
        return [digest_of[row.sha256] for row in rows]


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
