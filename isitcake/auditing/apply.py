"""Apply a diff file to a data set: move what is decided. Nothing is ever deleted.

Everything is checked before the first file moves. What was done is read from the folders, so that a run that was
killed goes on, and a second run changes nothing.
"""

import errno
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from foundation.errors import StageError, UsageError
from foundation.files import storage_errors
from isitcake.auditing.fixes import Fix, Fixes, Named
from isitcake.auditing.layout import is_version, require_folder

REMOVED = ".removed"  # suffix of the folder beside the data set
DIGITS = 8  # of the SHA-256, in the name of a file whose own name is taken


@dataclass(frozen=True)
class Move:
    """One file and where it goes. is_done: an earlier run moved it."""

    fix: Fix
    source: Path
    target: Path
    is_done: bool


@dataclass(frozen=True)
class Plan:
    """moves: of what is decided. undecided: how many proposals wait for a person."""

    moves: list[Move] = field(default_factory=list)
    undecided: int = 0

    @property
    def waiting(self) -> list[Move]:
        return [move for move in self.moves if not move.is_done]


def plan(root: Path, fixes: Fixes, tell: Callable[[str, int, int], None]) -> Plan:
    """Check every decided fix against the files. Raises UsageError, with the first reason, if any does not fit."""
    root = require_folder(root, "the folder of the data set")
    if is_version(root):
        raise UsageError(f"{root} is a version, which never changes; correct labels by review, and publish again")
    decided = [fix for fix in fixes.fixes if fix.decided]
    _refuse_contradictions(decided)
    targets = _targets(root, decided)
    moves = []
    for number, fix in enumerate(decided, 1):
        moves.append(_move(root, fix, targets))
        tell("checking", number, len(decided))
    return Plan(moves, len(fixes.fixes) - len(decided))


def carry_out(planned: Plan, tell: Callable[[str, int, int], None]) -> None:
    """Move the files. Raises StorageError, or StageError if a file changed since it was checked."""
    waiting = planned.waiting
    for number, move in enumerate(waiting, 1):
        if digest_of(move.source) != move.fix.sha256:
            raise StageError(f"{move.source} was changed meanwhile; audit the folder again")
        move_file(move.source, move.target)
        tell("moving", number, len(waiting))


def move_file(source: Path, target: Path) -> None:
    """Move one file, also to another disk: there it is whole before the source goes. Never replaces a file.

    Raises StorageError, or StageError if `target` exists.
    """
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            if not _is_same_file(source, target):
                raise StageError(f"{target} exists; nothing is replaced; move it away and run this again") from None
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise
            _copy(source, target)
        source.unlink()


def _copy(source: Path, target: Path) -> None:
    if target.exists():
        raise StageError(f"{target} exists; nothing is replaced; move it away and run this again")
    beside = target.with_name(f".moving-{target.name}")
    shutil.copy2(source, beside, follow_symlinks=False)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(target)


def digest_of(path: Path) -> str:
    """SHA-256 of a file; empty where there is no regular file."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_contradictions(decided: list[Fix]) -> None:
    removed = {fix.path for fix in decided if fix.action == "remove"}
    paths = Counter(fix.path for fix in decided)
    twice = next((path for path, count in paths.items() if count > 1), "")
    if twice:
        raise UsageError(f"two decided fixes are about {twice}; set `decided` to false in one of them, and sign it")
    lost = next((fix for fix in decided if fix.keeps and fix.keeps.path in removed), None)
    if lost and lost.keeps:
        raise UsageError(
            f"{lost.path} would be removed because {lost.keeps.path} stays, but that is removed too; "
            "set `decided` to false in one of them, and sign it"
        )


def _targets(root: Path, decided: Sequence[Fix]) -> dict[str, Path]:
    """Where each file goes, by its path. Raises UsageError if two would go to one place, or a folder cannot be made."""
    used = {root / fix.path for fix in decided}  # a name that becomes free is not used again: the next run finds both
    targets = {}
    for fix in decided:
        target = _target(root, fix, used)
        if target in used:
            raise UsageError(f"{target} would be the place of two files; set `decided` to false in one of them")
        used.add(target)
        targets[fix.path] = target
    for path, target in targets.items():
        _require_folders(root.parent, target)
        if not used.isdisjoint(target.parents):
            raise UsageError(f"{path} would go into a folder that has the name of a file; rename one of them")
    return targets


def _target(root: Path, fix: Fix, used: Set[Path]) -> Path:
    """Where a file goes: the same place in the folder beside the data set, or in the folder of its new label.

    There it has another name if its own is taken. used: places of other files.
    """
    if fix.action == "remove":
        return root.with_name(f"{root.name}{REMOVED}") / fix.path
    wanted = (
        root / PurePosixPath(fix.label_folder).parent / fix.to / PurePosixPath(fix.path).relative_to(fix.label_folder)
    )
    beside = wanted.with_name(f"{wanted.stem}-{fix.sha256[:DIGITS]}{wanted.suffix}")
    source = root / fix.path
    if not source.exists():
        moved = (place for place in (beside, wanted) if place not in used and digest_of(place) == fix.sha256)
        return next(moved, wanted)
    is_linked = wanted.exists() and not wanted.is_symlink() and wanted.samefile(source)  # a killed run did it
    return wanted if wanted not in used and (is_linked or not os.path.lexists(wanted)) else beside


def _move(root: Path, fix: Fix, targets: Mapping[str, Path]) -> Move:
    source, target = root / fix.path, targets[fix.path]
    _refuse_links(root, fix.path)
    here, there = digest_of(source), digest_of(target)
    if here and here != fix.sha256:
        raise UsageError(f"{source} is not the file that was audited: its SHA-256 differs; audit the folder again")
    if not here and there != fix.sha256:
        raise UsageError(f"{source} is gone; audit the folder again")
    if here and os.path.lexists(target) and there != fix.sha256:
        raise UsageError(f"{target} exists and is another file; nothing is replaced; move it away")
    if fix.keeps:
        _require_kept(root, fix, fix.keeps, targets)
    return Move(fix, source, target, is_done=not here)


def _require_kept(root: Path, fix: Fix, kept: Named, targets: Mapping[str, Path]) -> None:
    """The file that stays must be there, as it was audited, or where a new label moves it."""
    _refuse_links(root, kept.path)
    places = [root / kept.path, *([targets[kept.path]] if kept.path in targets else [])]
    if all(digest_of(place) != kept.sha256 for place in places):
        raise UsageError(
            f"{fix.path} is not removed: {kept.path}, which should stay in its place, is gone or changed; "
            "audit the folder again"
        )


def _refuse_links(root: Path, path: str) -> None:
    """A link in the way could lead out of the data set."""
    place = root
    for part in PurePosixPath(path).parts[:-1]:
        place /= part
        if place.is_symlink():
            raise UsageError(f"{place} is a link; links are not followed")


def _require_folders(base: Path, target: Path) -> None:
    """The folders on the way to a target are no links, and no files."""
    inside = target.relative_to(base)
    _refuse_links(base, inside.as_posix())
    for folder in list(inside.parents)[:-1]:
        if (base / folder).exists() and not (base / folder).is_dir():
            raise UsageError(f"{base / folder} is a file, but {target.name} would go into a folder there; rename it")


def _is_same_file(source: Path, target: Path) -> bool:
    """Whether an earlier run linked the file and was killed before it removed the old name, or copied it."""
    if source.samefile(target):
        return source.stat().st_nlink > 1  # else both are one name, where upper and lower case are the same
    return digest_of(source) == digest_of(target)
