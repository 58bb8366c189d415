"""Remove images from published versions, so that each version keeps its id and still verifies.

Works on folders, not on loaded versions: also a damaged version gives up what can be removed from it.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from more_itertools import sliced

from dataset.erasure.from_shards import FromShards
from dataset.project import Project
from dataset.publishing.croissant import after_erasure
from dataset.publishing.dataset_card import with_counts, with_credits, with_tag
from dataset.publishing.totals import Totals, totals_of
from dataset.versions import certificate_file, identity, manifest, published
from dataset.versions.facts import ErasedRow, positions
from dataset.versions.manifest import Row
from dataset.versions.stored.pictures import NAME_DIGITS, pictures_at
from foundation.errors import DamagedVersion

TEMPORARY = ".writing-*"  # what a killed process leaves of a file that it was replacing


def versions_with(project: Project, names: Collection[str]) -> list[str]:
    """Versions whose manifest or diff has one of the images. names: SHA-256s."""
    return [folder.name for folder in search(project, names) if not unsearchable(folder)]


def search(project: Project, names: Collection[str]) -> list[Path]:
    """Folders of versions that have one of the images, or that cannot be searched, the oldest first.

    Also those in which an erasure was interrupted after it removed the rows.
    """
    return [
        folder
        for folder in published.folders(project.home)
        if unsearchable(folder) or _has_rows(folder, names) or _is_unfinished(folder)
    ]


def _is_unfinished(folder: Path) -> bool:
    """Whether rows were erased, and card and version.json do not have the new state yet."""
    return not published.damage(folder) and published.load(folder, str(folder)).erasures < _erasures(folder)


def has_pictures(folder: Path, names: Collection[str]) -> bool:
    """Whether the folder of a version has files of the images."""
    pictures = pictures_at(folder)
    with contextlib.suppress(OSError, DamagedVersion):
        return any(True for name in names for _ in pictures.copies(name))
    return True


def unsearchable(folder: Path) -> str:
    """Why the rows of a version cannot be searched; empty where they can."""
    try:
        if not (folder / manifest.FILE_NAME).is_file():
            return f"{manifest.FILE_NAME} is missing"
        _has_rows(folder, ())
    except DamagedVersion as error:
        return str(error)
    return ""


def _has_rows(folder: Path, names: Collection[str]) -> bool:
    """Whether the manifest or the diff of a version has one of the images. Raises DamagedVersion."""
    import pyarrow.parquet as pq

    wanted = set(names)
    for file in (folder / manifest.FILE_NAME, folder / identity.DIFF):
        if file.is_file():
            with manifest.unreadable(file):
                if wanted.intersection(pq.read_table(file, columns=["sha256"])["sha256"].to_pylist()):
                    return True
    return not wanted.isdisjoint(certificate_file.names_in(folder / certificate_file.FILE_NAME))


def record_leaves(folder: Path, names: set[str], before: Callable[[str], None]) -> None:
    """Write the leaves of the rows that leave a version to erased.json, while pictures and rows are still there.

    names: SHA-256s. Raises DamagedVersion if manifest.parquet cannot be read.
    """
    rows = manifest.read(folder / manifest.FILE_NAME)
    entries = published.erased(folder)
    kept = _published_leaves(folder)
    total = len(kept) or _published_count(folder)
    if total and len(rows) + len(entries) > total:
        # Recorded, and not yet removed from the manifest: a row whose picture is gone was recorded before that.
        pictures = pictures_at(folder)
        rows = [row for row in rows if row.sha256 not in names or pictures.has(row)]
    if any(row.sha256 in names for row in rows):
        before(f"{folder.name}: {published.ERASED}")
        is_exact = len(rows) + len(entries) == len(kept)
        _record(folder, rows, [row.sha256 in names for row in rows], kept if is_exact else [])


def remove_rows(folder: Path, names: set[str], before: Callable[[str], None]) -> None:
    """Remove rows of images from a version. names: SHA-256s. before: called before each change of a file.

    Each change may be repeated, so after a kill all of them are made again. Raises DamagedVersion, after it removed
    what it could, if a file cannot be read.
    """
    damage: list[DamagedVersion] = []
    for leftover in [*folder.glob(TEMPORARY), *folder.glob(f"data/*/{TEMPORARY}")]:
        leftover.unlink()
    if _is_named_beside(folder, names):
        before(f"{folder.name}: {published.FACTS}, of an erasure beside the rows")
        facts = identity.read_facts(folder)
        identity.change_facts(folder, facts, {"erasures": published.load(folder, str(folder)).erasures + 1})
    metadata = sorted(folder.glob("data/*/metadata.parquet"))
    for path in [*metadata, folder / identity.DIFF, folder / manifest.FILE_NAME]:
        before(f"{folder.name}: {f'metadata of {path.parent.name}' if path in metadata else path.name}")
        try:
            if path.is_file() or path.name == manifest.FILE_NAME:
                with manifest.unreadable(path):
                    manifest.drop_rows(path, "sha256", names, _replace_in(folder))
        except DamagedVersion as error:
            damage.append(error)
    certificate = folder / certificate_file.FILE_NAME
    before(f"{folder.name}: {certificate.name}")
    try:
        if certificate.is_file():
            certificate_file.drop_names(certificate, names, _replace_in(folder))
    except DamagedVersion as error:
        damage.append(error)
    if damage:
        raise damage[-1]
    totals = totals_of(manifest.each(folder / manifest.FILE_NAME))
    before(f"{folder.name}: README.md")
    _update_card(folder, totals)
    before(f"{folder.name}: croissant.json")
    _update_croissant(folder, totals)
    before(f"{folder.name}: {published.FACTS}")
    _count_erasure(folder)


def _is_named_beside(folder: Path, names: set[str]) -> bool:
    """Whether the diff or the certificate of a version has one of the images, and none of them is among its rows.

    After a kill, the erasure of such names may be counted twice. It is counted first: a diff that was changed is not as
    published, and `verify` takes that from versions with an erasure only.
    """
    if published.damage(folder):
        return False
    with contextlib.suppress(DamagedVersion):
        rows = {row.sha256 for row in manifest.each(folder / manifest.FILE_NAME)}
        return names.isdisjoint(rows) and _has_rows(folder, names)
    return False


def _replace_in(folder: Path) -> Callable[[Path, bytes], None]:
    return lambda path, content: identity.replace_listed(folder, path.relative_to(folder).as_posix(), content)


def _count_erasure(folder: Path) -> None:
    """Write how many erasures removed rows of the version into version.json."""
    if not published.damage(folder):
        facts = identity.read_facts(folder)
        if facts.get("erasures", 0) < (count := _erasures(folder)):
            identity.change_facts(folder, facts, {"erasures": count})


def _erasures(folder: Path) -> int:
    """How many erasures removed rows of a version: also the one that is going on."""
    before = published.load(folder, str(folder)).erasures
    return max([before, *(row.erasure for row in published.erased(folder))])


def remove_pictures(project: Project, names: Sequence[str], before: Callable[[str], None]) -> dict[str, str]:
    """Remove the images' files from all versions, damaged ones too, and the images from shards. names: SHA-256s.

    Returns what could not be read in versions, and was removed as a whole, by the version's name.
    """
    shards = FromShards(set(names), before)
    for folder in published.folders(project.home):
        shards.remove(folder)
        for part in (path for path in folder.glob("data/*/*") if path.is_dir()):
            for name in names:
                (part / f"{name[:NAME_DIGITS]}.jpg").unlink(missing_ok=True)
    return shards.damage


def _published_leaves(folder: Path) -> list[str]:
    """Leaves of all rows as published; none where the file is missing or cut."""
    try:
        content = (folder / published.LEAVES).read_bytes()
    except OSError:
        return []
    whole = len(content) % published.LEAF_BYTES == 0
    return [leaf.hex() for leaf in sliced(content, published.LEAF_BYTES)] if whole else []


def _published_count(folder: Path) -> int:
    if published.damage(folder):
        return 0
    version = published.load(folder, str(folder))
    return version.images + version.erased_images


def _record(folder: Path, rows: Sequence[Row], is_leaving: Sequence[bool], kept: Sequence[str]) -> None:
    """Add the rows that leave to erased.json. kept: leaves as published, by position; empty: rebuilt from the files."""
    before = published.erased(folder)
    # A damaged version.json has neither salt nor count; then the leaves have to be kept ones.
    version = None if published.damage(folder) and kept else published.load(folder, str(folder))
    number = version.erasures + 1 if version else 1
    if kept or version is None:
        left = positions(len(rows), before)
        leaves = [kept[position] for position in left]
    else:
        pictures = pictures_at(folder)
        leaves = [
            version.leaf(row, pictures.digest(row)) if leaving else ""
            for row, leaving in zip(rows, is_leaving, strict=True)
        ]
        # A row still in the manifest and already in erased.json: we were killed between the two. It is added anew.
        before = [entry for entry in before if entry.leaf not in set(leaves)]
        left = positions(len(rows), before)
    added = [
        ErasedRow(position, leaf, row.split, row.label, number)
        for position, leaf, row, leaving in zip(left, leaves, rows, is_leaving, strict=True)
        if leaving
    ]
    entries = [row.record() for row in sorted([*before, *added], key=lambda row: row.position)]
    identity.replace_listed(folder, published.ERASED, (json.dumps(entries, indent=1) + "\n").encode())


def _update_card(folder: Path, totals: Totals) -> None:
    """Count and credit only images that are left, and name the new state: caches must not serve the old one."""
    path = folder / "README.md"
    if path.is_file():
        text = path.read_text("utf-8", "surrogateescape")
        updated = with_credits(text, totals.credits)
        if not published.damage(folder) and (count := _erasures(folder)):
            version = published.load(folder, str(folder))
            updated = with_counts(with_tag(updated, identity.tag(version.id, count)), version, totals, count)
        if updated != text:
            identity.replace_listed(folder, path.name, updated.encode("utf-8", "surrogateescape"))


def _update_croissant(folder: Path, totals: Totals) -> None:
    """Name no site and count no image that is gone."""
    path = folder / "croissant.json"
    if path.is_file():
        version = None if published.damage(folder) else published.load(folder, str(folder))
        digest = published.file_digest(folder / manifest.FILE_NAME)
        try:
            content = after_erasure(path.read_text("utf-8"), digest, version, totals)
        except (ValueError, LookupError, TypeError):
            raise DamagedVersion(f"{folder.name} is damaged: {path.name} cannot be read") from None
        identity.replace_listed(folder, path.name, content.encode())
