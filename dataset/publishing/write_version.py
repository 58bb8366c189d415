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

from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.publishing.certified import Certified
from dataset.publishing.checked_pictures import CheckedPictures
from dataset.publishing.croissant import croissant
from dataset.publishing.dataset_card import card
from dataset.publishing.gates import Measured, gates_passed
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.publishing.shortcut_measures import PICTURES_MEASURED, shortcuts_of
from dataset.publishing.totals import Totals, one_sided
from dataset.versions import certificate_file, identity, manifest, merkle, published
from dataset.versions.changes import changes, other_numbers, renames_in
from dataset.versions.facts import Audit
from dataset.versions.listed_files import listed
from dataset.versions.published import Version

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
        pictures.link(measured, None, pool)
    shortcuts = shortcuts_of(project, measured)
    certificate = draft.certified.published if draft.certified else None
    measured_by = Measured(shortcuts["after"], draft.audit, totals, certificate.certificate if certificate else None)
    gates = gates_passed(project, measured_by, draft.created, force)
    salt = hashlib.sha256(f"{parent.id if parent else ''}\n{draft.content}".encode()).hexdigest()[:32]
    writer = _RowWriter(project, folder, totals, salt, progress, pictures)
    leaves = writer.write(rows, rows_per_block)
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
    )
    version = _write_texts(project, version, totals, draft.left_out, diff, merkle.root(leaves))
    for path in [*folder.glob("*"), *folder.glob("data/*/*")]:
        if path.is_file() and path != rows.path:
            flush(path)
    notes = [*_notes(parent, version, diff), *one_sided(version.counts)]
    return Written(version, Counter(diff["change"].to_pylist()), pictures.repaired, notes)


def _notes(parent: Version | None, version: Version, diff: Any) -> list[str]:
    """What changed about the classes since the version before."""
    if parent is None:
        return []
    renames = renames_in(diff)
    notes = [f"{n} {was} are {label} now" for (was, label), n in renames.items()]
    return [*notes, *filter(None, [other_numbers(parent.labels, version.labels, renames)])]


def _write_texts(
    project: Project, version: Version, totals: Totals, left_out: Mapping[str, int], diff: Any, rows_root: str
) -> Version:
    """Write card, croissant.json and version.json. Returns the version with its id, which covers them."""
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
    version = replace(version, texts={**digests, identity.DIFF: identity.diff_digest(diff.to_pylist())})
    version = replace(version, id=identity.identity(version.facts(DERIVED_RECIPE), rows_root))
    for name, text in texts(version.id).items():
        (version.path / name).write_text(text, encoding="utf-8")
    facts = {**version.facts(DERIVED_RECIPE), "files": listed(version.path)}
    identity.write_facts(version.path, {**facts, identity.SEAL: identity.seal(facts)})
    return version


@dataclass(frozen=True)
class _RowWriter:
    """Writes what each row becomes: a picture, a row of the manifest, a row of its split's metadata, a leaf."""

    project: Project
    folder: Path
    totals: Totals
    salt: str
    progress: Progress
    pictures: CheckedPictures

    def write(self, rows: RowsOnDisk, rows_per_block: int) -> list[str]:
        """Write all rows, block by block. Returns their leaves, in order."""
        labels = self.project.settings.project.labels
        for split, label in self.totals.by_split:
            (self.folder / "data" / split / label).mkdir(parents=True)
        leaves: list[str] = []
        with ExitStack() as open_files, ThreadPoolExecutor(THREADS) as pool:
            whole = open_files.enter_context(manifest.Writer(self.folder / manifest.FILE_NAME, manifest.schema()))
            schema = manifest.metadata_schema(labels)
            parts = {
                split: open_files.enter_context(
                    manifest.Writer(self.folder / "data" / split / "metadata.parquet", schema)
                )
                for split in dict.fromkeys(split for split, _ in self.totals.by_split)
            }
            numbers = {label: number for number, label in enumerate(labels)}
            for block in chunked(rows, rows_per_block):
                for row, digest in zip(block, self.pictures.link(block, self.folder, pool), strict=True):
                    leaves.append(merkle.leaf(self.salt, row.timeless(), digest))
                    whole.add(vars(row))
                    parts[row.split].add(manifest.metadata_row(row, numbers))
                self.progress("pictures", len(leaves), self.totals.images)
        return leaves


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
