"""Write the directory of a version: pictures, manifest, metadata, card, croissant.json, diff, version.json."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from more_itertools import chunked

from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.publishing.checked_pictures import CheckedPictures
from dataset.publishing.croissant import croissant
from dataset.publishing.dataset_card import card
from dataset.publishing.gates import gates_passed
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.publishing.shortcut_measures import PICTURES_MEASURED, shortcuts_of
from dataset.publishing.totals import Totals, totals_of
from dataset.versions import manifest, merkle, published
from dataset.versions.changes import changes
from dataset.versions.facts import Audit
from dataset.versions.published import Version

THREADS = 4
ROWS_PER_BLOCK = 5000  # in memory
DEFAULT_URL = "https://example.org"  # in croissant.json, which must have one, where no contact is configured
TEXT_COLUMNS = ("sha256", "source_label", "label_origin", "site", "licence", "creator")  # of metadata.parquet

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Draft:
    """A version that is about to be written.

    content: digest of its rows. left_out: clusters that are not in it, by reason. parent: the version before it.
    too_few: as in publishing.totals.
    """

    name: str
    created: datetime
    rows: RowsOnDisk
    content: str
    left_out: Mapping[str, int]
    audit: Audit | None
    parent: Version | None
    too_few: int | None = None


@dataclass(frozen=True)
class Written:
    """changes: images by kind of change since the parent: added, removed, relabelled. repaired: normalised pictures
    that were damaged and made again, by SHA-256.
    """

    version: Version
    changes: Counter[str]
    repaired: Sequence[str]


def write_version(
    project: Project,
    draft: Draft,
    folder: Path,
    progress: Progress,
    force: bool = False,
    rows_per_block: int = ROWS_PER_BLOCK,
) -> Written:
    """Write the whole directory and flush it to disk. Raises StageError where a gate refuses, unless forced."""
    rows, parent = draft.rows, draft.parent
    pictures = CheckedPictures(project, parent, rows.path.stat().st_mtime_ns)
    measured = rows.sample(PICTURES_MEASURED)
    with ThreadPoolExecutor(THREADS) as pool:
        pictures.link(measured, None, pool)
    shortcuts = shortcuts_of(project, measured)
    totals = totals_of(rows, rows.repeated_clusters(), draft.too_few)
    gates = gates_passed(project, shortcuts["after"], draft.audit, totals, draft.created, force)
    salt = hashlib.sha256(f"{parent.id if parent else ''}\n{draft.content}".encode()).hexdigest()[:32]
    writer = _RowWriter(project, folder, totals, salt, progress, pictures)
    leaves = writer.write(rows, rows_per_block)
    version = Version(
        path=folder,
        name=draft.name,
        id=merkle.root(leaves),
        salt=salt,
        parent=parent.name if parent else None,
        created=draft.created.isoformat(timespec="seconds"),
        labels=project.settings.project.labels,
        counts=totals.counts(),
        content=draft.content,
        gates=gates,
        shortcuts=shortcuts,
        audit=draft.audit,
    )
    (folder / published.LEAVES).write_bytes(b"".join(bytes.fromhex(leaf) for leaf in leaves))
    version.write(DERIVED_RECIPE)
    title = project.settings.project.name
    (folder / "README.md").write_text(card(title, version, totals, draft.left_out), encoding="utf-8")
    digest = published.file_digest(folder / manifest.FILE_NAME)
    url = project.settings.project.contact or DEFAULT_URL
    (folder / "croissant.json").write_text(croissant(title, version, digest, url), encoding="utf-8")
    diff = changes(parent.path / manifest.FILE_NAME if parent else None, folder / manifest.FILE_NAME)
    manifest.write_table(folder / "diff.parquet", diff)
    for path in [*folder.glob("*"), *folder.glob("data/*/*")]:
        if path.is_file() and path != rows.path:
            flush(path)
    return Written(version, Counter(diff["change"].to_pylist()), pictures.repaired)


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
            schema = _metadata_schema(labels)
            parts = {
                split: open_files.enter_context(
                    manifest.Writer(self.folder / "data" / split / "metadata.parquet", schema)
                )
                for split in dict.fromkeys(split for split, _ in self.totals.by_split)
            }
            numbers = {label: number for number, label in enumerate(labels)}
            for block in chunked(rows, rows_per_block):
                for row, digest in zip(block, self.pictures.link(block, self.folder, pool), strict=True):
                    leaves.append(merkle.leaf(self.salt, row.canonical(), digest))
                    whole.add(vars(row))
                    name = row.file.removeprefix(f"data/{row.split}/")
                    parts[row.split].add({**vars(row), "file_name": name, "label": numbers[row.label]})
                self.progress("pictures", len(leaves), self.totals.images)
        return leaves


def _metadata_schema(labels: Sequence[str]) -> Any:
    """Schema of metadata.parquet, from which Hugging Face's ImageFolder reads labels and columns."""
    import pyarrow as pa

    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(labels), "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in TEXT_COLUMNS},
        "error_probability": {"dtype": "float32", "_type": "Value"},
    }
    columns = [manifest.schema().field(name) for name in (*TEXT_COLUMNS, "error_probability")]
    return pa.schema(
        [("file_name", pa.string()), ("label", pa.int64()), *columns],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
