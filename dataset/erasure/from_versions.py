"""Remove images from published versions, so that each version keeps its id and still verifies."""

import json
from collections.abc import Callable, Collection, Sequence

from dataset.project import Project
from dataset.publishing.croissant import with_manifest_digest
from dataset.publishing.dataset_card import with_credits
from dataset.publishing.totals import totals_of
from dataset.versions import manifest, merkle, published
from dataset.versions.facts import ErasedRow
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.files import replace_file


def versions_with(project: Project, names: Collection[str]) -> list[str]:
    """Versions whose manifest or diff has one of the images. names: SHA-256s."""
    import pyarrow.parquet as pq

    wanted = set(names)
    affected = []
    for version in published.names(project.home):
        path = project.home / "versions" / version
        files = [file for file in (path / manifest.FILE_NAME, path / "diff.parquet") if file.is_file()]
        if any(wanted.intersection(pq.read_table(file, columns=["sha256"])["sha256"].to_pylist()) for file in files):
            affected.append(version)
    return affected


def remove_rows(version: Version, names: set[str], before: Callable[[str], None]) -> None:
    """Remove rows of images from a version. The files of the pictures stay, for `remove_pictures`.

    names: SHA-256s. before: called before each change of a file, with what changes. Each change may be repeated, so
    after a kill all of them are made again.
    """
    rows = version.rows()
    leaving = [row for row in rows if row.sha256 in names]
    if leaving:
        before(f"{version.name}: {published.ERASED}")
        _record_erased(version, rows, leaving)
        for split in sorted({row.split for row in leaving}):
            metadata = version.path / "data" / split / "metadata.parquet"
            if metadata.is_file():
                before(f"{version.name}: metadata of {split}")
                manifest.drop_rows(metadata, "sha256", names)
    if (version.path / "diff.parquet").is_file():
        before(f"{version.name}: diff.parquet")
        manifest.drop_rows(version.path / "diff.parquet", "sha256", names)
    if leaving:
        before(f"{version.name}: {manifest.FILE_NAME}")
        manifest.drop_rows(version.path / manifest.FILE_NAME, "sha256", names)
    before(f"{version.name}: README.md")
    _update_card(version)
    before(f"{version.name}: croissant.json")
    _update_croissant(version)


def remove_pictures(project: Project, names: Sequence[str]) -> None:
    """Remove the images' files from all versions. names: SHA-256s."""
    for version in published.names(project.home):
        folder = project.home / "versions" / version
        for part in (path for path in folder.glob("data/*/*") if path.is_dir()):
            for name in names:
                (part / f"{name[:16]}.jpg").unlink(missing_ok=True)


def _record_erased(version: Version, rows: Sequence[Row], leaving: Sequence[Row]) -> None:
    """Add the leaves of the rows that leave to erased.json."""
    leaves = {
        row.sha256: merkle.leaf(version.salt, row.canonical(), published.file_digest(version.path / row.file))
        for row in leaving
    }
    # A row that is still in the manifest and already in erased.json: we were killed between the two. It is added anew.
    before = [row for row in published.erased(version.path) if row.leaf not in set(leaves.values())]
    positions = published.positions(len(rows), before)
    added = [
        ErasedRow(positions[index], leaves[row.sha256], row.split, row.label)
        for index, row in enumerate(rows)
        if row.sha256 in leaves
    ]
    entries = [row.record() for row in sorted([*before, *added], key=lambda row: row.position)]
    replace_file(version.path / published.ERASED, (json.dumps(entries, indent=1) + "\n").encode())


def _update_card(version: Version) -> None:
    """Credit only the creators of images that are left."""
    path = version.path / "README.md"
    if path.is_file():
        text = path.read_text(encoding="utf-8")
        updated = with_credits(text, totals_of(manifest.each(version.path / manifest.FILE_NAME)).credits)
        if updated != text:
            replace_file(path, updated.encode())


def _update_croissant(version: Version) -> None:
    path = version.path / "croissant.json"
    if path.is_file():
        digest = published.file_digest(version.path / manifest.FILE_NAME)
        replace_file(path, with_manifest_digest(path.read_text(encoding="utf-8"), digest).encode())
