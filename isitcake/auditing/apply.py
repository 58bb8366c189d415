"""Apply a diff file to a data set: move what is decided. Nothing is ever deleted.

Everything is checked before the first file moves. What was done is read from the folders, so that a run that was
killed goes on, and a second run changes nothing.
"""

import errno
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from foundation.errors import StageError, UsageError
from foundation.files import storage_errors
from isitcake.auditing.fixes import Fix, Fixes, Named
from isitcake.auditing.layout import FACTS, require_folder

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

    root: Path
    moves: list[Move] = field(default_factory=list)
    undecided: int = 0

    @property
    def waiting(self) -> list[Move]:
        return [move for move in self.moves if not move.is_done]

    def counts(self) -> dict[str, int]:
        """How many files are to be moved, by what is done with them."""
        return dict(Counter(f"{move.fix.action}: {move.fix.reason}" for move in self.waiting))


def plan(root: Path, fixes: Fixes, tell: Callable[[str, int, int], None]) -> Plan:
    """Check every decided fix against the files. Raises UsageError, with the first reason, if any does not fit."""
    root = require_folder(root)
    if (root / FACTS).is_file():
        raise UsageError(f"{root} is a version, which never changes; correct labels by review, and publish again")
    decided = [fix for fix in fixes.fixes if fix.decided]
    _refuse_contradictions(decided)
    targets = {fix.path: _target(root, fix) for fix in decided}
    moves = []
    for number, fix in enumerate(decided, 1):
        moves.append(_move(root, fix, targets))
        tell("checking", number, len(decided))
    return Plan(root, moves, len(fixes.fixes) - len(decided))


def carry_out(planned: Plan, tell: Callable[[str, int, int], None]) -> None:
    """Move the files. Raises StorageError, or StageError if a file changed since it was checked."""
    waiting = planned.waiting
    for number, move in enumerate(waiting, 1):
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


def _target(root: Path, fix: Fix) -> Path:
    """Where a file goes: the same place in the folder beside the data set, or in the folder of its new label."""
    if fix.action == "remove":
        return root.with_name(f"{root.name}{REMOVED}") / fix.path
    inside = PurePosixPath(fix.path).relative_to(fix.label_folder)
    folder = PurePosixPath(fix.label_folder).parent / fix.to
    _refuse_links(root, (folder / inside).as_posix())
    source, wanted = root / fix.path, root / folder / inside
    is_other = source.exists() and wanted.exists() and not source.samefile(wanted)
    if is_other or (wanted.exists() and digest_of(wanted) != fix.sha256):
        return wanted.with_name(f"{wanted.stem}-{fix.sha256[:DIGITS]}{wanted.suffix}")
    return wanted


def _move(root: Path, fix: Fix, targets: Mapping[str, Path]) -> Move:
    source, target = root / fix.path, targets[fix.path]
    _refuse_links(root, fix.path)
    here, there = digest_of(source), digest_of(target)
    if here and here != fix.sha256:
        raise UsageError(f"{source} is not the file that was audited: its SHA-256 differs; audit the folder again")
    if not here and there != fix.sha256:
        raise UsageError(f"{source} is gone; audit the folder again")
    if here and target.exists() and there != fix.sha256:
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


def _is_same_file(source: Path, target: Path) -> bool:
    """Whether an earlier run linked the file and was killed before it removed the old name, or copied it."""
    return source.samefile(target) or digest_of(source) == digest_of(target)
