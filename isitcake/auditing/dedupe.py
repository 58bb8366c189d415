"""Files of any folder that show the same picture. No labels, no network: fingerprints only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select

from dataset.catalog.tables import fingerprints, images, pairs
from dataset.duplicates.clusters import clusters
from dataset.duplicates.compare_new import compare_new
from dataset.suspicion.evidence import quality_of
from foundation.errors import StorageError, UsageError
from isitcake.auditing.apply import digest_of, move_file
from isitcake.auditing.copies import has_other_colours
from isitcake.auditing.layout import Part, is_version, require_folder
from isitcake.auditing.library import File, Library, Progress, library


@dataclass(frozen=True)
class Same:
    """Files of one picture. kept: the one with most pixels. copies: the others. recoloured: files of the same shapes in
    other colours, which may be another thing; they are never moved.
    """

    kept: File
    copies: Sequence[File]
    recoloured: Sequence[File] = ()


@dataclass(frozen=True)
class Found:
    """What a folder holds. unread: files that are no pictures or cannot be read, each with the reason."""

    root: Path
    files: int
    groups: Sequence[Same]
    unread: Mapping[str, str]

    @property
    def copies(self) -> list[File]:
        return [file for group in self.groups for file in group.copies]

    @property
    def recoloured(self) -> list[File]:
        return [file for group in self.groups for file in group.recoloured]


def find_copies(folder: Path, work: Path | None, tell: Progress) -> Found:
    """Compare all pictures below a folder. work: see library. Raises UsageError, StageError."""
    root = require_folder(folder)
    with library(root, [Part(".", "picture", "")], work) as opened:
        opened.collect(tell)
        compare_new(opened.project, tell)
        files = opened.files()
        return Found(root, len(files), _groups(opened, files), opened.unread())


def move_copies(found: Found, target: Path, tell: Progress) -> None:
    """Move the copies into `target`, under their paths. Raises UsageError if a file changed or `target` is in the way.

    Killed and run again, it goes on with what is left.
    """
    target = require_elsewhere(found.root, target)
    for group in found.groups:
        for file in (group.kept, *group.copies):
            if digest_of(found.root / file.path) != file.sha256:
                raise UsageError(f"{found.root / file.path} was changed meanwhile; run this again")
    copies = found.copies
    for number, file in enumerate(copies, 1):
        move_file(found.root / file.path, _free(target / file.path, file.sha256))
        tell("moving", number, len(copies))


def require_elsewhere(folder: Path, target: Path) -> Path:
    """The absolute path of `target`. Raises UsageError if it lies in the folder, or if the folder is a version."""
    root, target = require_folder(folder), target.absolute().resolve()
    if target.is_relative_to(root):
        raise UsageError(f"--move {target} lies in the folder that is searched; choose a folder elsewhere")
    if is_version(root):
        raise UsageError(f"{root} is a version, which never changes; leave --move out")
    return target


def _free(wanted: Path, sha256: str) -> Path:
    """The wanted place, or one beside it if another file is there."""
    taken = wanted.exists() and digest_of(wanted) != sha256
    return wanted.with_name(f"{wanted.stem}-{sha256[:8]}{wanted.suffix}") if taken else wanted


def _groups(opened: Library, files: Sequence[File]) -> list[Same]:
    with opened.project.catalog.read() as connection:
        statement = select(images, fingerprints).join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        rows = connection.execute(statement.order_by(images.c.sha256)).all()
        confirmed = [(row.a, row.b) for row in connection.execute(select(pairs.c.a, pairs.c.b))]
    index = {row.sha256: number for number, row in enumerate(rows)}
    known = [(index[a], index[b]) for a, b in sorted(confirmed) if a in index and b in index]
    ranks = [quality_of(row) for row in rows]
    cluster_of = clusters(len(rows), np.array(known, dtype=np.int64).reshape(-1, 2), ranks)
    members: dict[int, list[File]] = defaultdict(list)
    for file in files:
        if file.sha256 in index:
            members[int(cluster_of[index[file.sha256]])].append(file)
    found = []
    for same in members.values():
        if len(same) > 1:
            same.sort(key=lambda file: file.path)
            kept = max(same, key=lambda file: ranks[index[file.sha256]])
            others = [file for file in same if file is not kept]
            recoloured = [file for file in others if _is_recoloured(opened, file, kept)]
            found.append(Same(kept, [file for file in others if file not in recoloured], recoloured))
    return sorted(found, key=lambda group: group.kept.path)


def _is_recoloured(opened: Library, file: File, kept: File) -> bool:
    if file.sha256 == kept.sha256:
        return False
    try:
        return has_other_colours(opened.small_picture(file.sha256), opened.small_picture(kept.sha256))
    except StorageError:  # it is gone meanwhile
        return False
