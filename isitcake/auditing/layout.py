"""The layout of a data set that was not made here: folders of labels, perhaps inside folders of splits."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataset.pictures import formats
from dataset.versions.identity import FACTS
from foundation.errors import UsageError

SPLIT_OF = {  # name of a folder, in lower case → name of the split
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "test_unseen_sites": "test_unseen_sites",
}
PROTECTED_FIRST = ("test_unseen_sites", "test", "validation", "train", "")  # a leak is removed from the later one
WRAPPERS = ("data", "dataset", "images")  # folders that only hold the others
SUFFIXES = (*(f".{extension}" for extension in formats.READ.values()), ".jpeg", ".tiff", ".heif", ".jfif")
SHOWN = 5  # names in a message
TARGETS = "the folder of a data set, hf:NAME, or a version of this project"  # what `audit` takes
LAYOUTS = "the layouts that are read are FOLDER/LABEL/*.jpg and FOLDER/SPLIT/LABEL/*.jpg"


@dataclass(frozen=True)
class Part:
    """The pictures of one label, in one split. folder: relative to the data set. split: empty where there are none."""

    folder: str
    label: str
    split: str


@dataclass(frozen=True)
class Dataset:
    """A data set on this disk. name: to show. others: what is not read, relative to `root`, each with the reason."""

    root: Path
    name: str
    parts: tuple[Part, ...]
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        return sorted({part.label for part in self.parts})

    @property
    def splits(self) -> list[str]:
        """The splits, the most protected one last; none for a data set without."""
        named = {part.split for part in self.parts} - {""}
        return sorted(named, key=PROTECTED_FIRST.index, reverse=True)


def read_layout(root: Path, name: str = "") -> Dataset:
    """The data set in the folder `root`. Raises UsageError, with one sentence, for anything else."""
    root = require_folder(root, TARGETS)
    base = root / "data" if is_version(root) and (root / "data").is_dir() else _unwrapped(root)
    folders = _folders(base)
    if not folders:
        raise UsageError(_why_nothing(base))
    splits = [folder for folder in folders if _is_split(folder)]
    if not splits:
        _refuse_unlabelled_splits(base, folders)
    elif len(splits) < len(folders):
        rest = _named(folder for folder in folders if folder not in splits)
        raise UsageError(
            f"{base} has folders of splits ({_named(splits)}) beside others ({rest}); move the others out of it"
        )
    found: list[Part] = []
    for split in splits or [base]:
        for folder in _folders(split):
            canonical = SPLIT_OF[split.name.lower()] if splits else ""
            found.append(Part(folder.relative_to(root).as_posix(), folder.name, canonical))
    _refuse_one_split_twice(splits)
    others: dict[str, str] = {}
    for folder in (base, *splits):
        loose = {file: "in no folder of a label" for file in _files(folder) if _is_picture(file)}
        others |= {file.relative_to(root).as_posix(): why for file, why in {**loose, **_closed(folder)}.items()}
    return Dataset(root, name or root.name, tuple(found), dict(sorted(others.items())))


def is_version(root: Path) -> bool:
    """Whether a folder is a version of a project of ours, which never changes, or lies in the pictures of one."""
    inside = (place.parent for place in (root, *root.parents) if place.name == "data")
    return any((place / FACTS).is_file() for place in (root, *inside))


def require_folder(root: Path, wanted: str = "a folder that has pictures") -> Path:
    """The absolute path of a folder. Raises UsageError for a file, for nothing, and for what may not be read.

    wanted: what the command takes, for the message.
    """
    if root.is_file():
        raise UsageError(f"{root} is a file; give {wanted}{f'; {LAYOUTS}' if wanted == TARGETS else ''}")
    if not root.is_dir():
        raise UsageError(f"no folder {root}; give {wanted}")
    if not os.access(root, os.R_OK | os.X_OK):
        raise UsageError(f"{root} cannot be read; fix its permissions")
    whole = root.resolve()
    if not whole.name:
        raise UsageError(f"{root} is the whole disk; give {wanted}")
    if wrong := _wrong_name(str(whole)):
        raise UsageError(f"the path {root} {wrong}; rename the folder")
    return whole


def _unwrapped(root: Path) -> Path:
    """The folder that holds the labels or splits: `root`, or the one folder in it that only holds them."""
    folders = _folders(root)
    if len(folders) == 1 and folders[0].name.lower() in WRAPPERS and not _has_pictures(folders[0]):
        return _unwrapped(folders[0])
    return root


def _is_split(folder: Path) -> bool:
    """Whether it is a folder of a split: a label that is called `train` has pictures of its own."""
    return folder.name.lower() in SPLIT_OF and not _has_pictures(folder) and bool(_folders(folder))


def _refuse_unlabelled_splits(base: Path, folders: list[Path]) -> None:
    if all(folder.name.lower() in SPLIT_OF for folder in folders) and len(folders) > 1:
        raise UsageError(
            f"the folders {_named(folders)} of {base} have pictures but no folders of labels; {LAYOUTS}; "
            "`isitcake dedupe` finds copies in any folder"
        )


def _refuse_one_split_twice(splits: list[Path]) -> None:
    names = Counter(SPLIT_OF[folder.name.lower()] for folder in splits)
    twice = [folder for folder in splits if names[SPLIT_OF[folder.name.lower()]] > 1]
    if twice:
        raise UsageError(f"the folders {_named(twice)} of {twice[0].parent} are one split; keep one of them")


def _why_nothing(base: Path) -> str:
    if any(_is_picture(file) for file in _files(base)):
        why = "has pictures but no folders of labels"
    else:
        why = "has no pictures"
    return f"{base} {why}; {LAYOUTS}; `isitcake dedupe` finds copies in any folder"


def _folders(base: Path) -> list[Path]:
    """The visible folders that have a picture somewhere below, by name. Links are not followed."""
    inside = (
        Path(entry.path)
        for entry in _entries(base)
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and not _wrong_name(entry.name)
    )
    return sorted(folder for folder in inside if _holds_pictures(folder))


def _closed(base: Path) -> dict[Path, str]:
    """Folders that may not be read, and links to folders."""
    reasons = {}
    for entry in _entries(base):
        if entry.is_symlink():
            reasons[Path(entry.path)] = "link: not followed"
        elif entry.is_dir() and (wrong := _wrong_name(entry.name)):
            reasons[Path(entry.path)] = f"folder whose name {wrong}; rename it"
        elif entry.is_dir() and not os.access(entry.path, os.R_OK | os.X_OK):
            reasons[Path(entry.path)] = "folder that cannot be read: no permission"
    return reasons


def _wrong_name(name: str) -> str:
    """Why a name cannot be in a configuration or on a screen; empty where it can."""
    try:
        name.encode()
    except UnicodeEncodeError:  # Python reads other bytes as surrogates
        return "is not UTF-8"
    return "has control characters" if any(unicodedata.category(character) == "Cc" for character in name) else ""


def _holds_pictures(folder: Path) -> bool:
    for place, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith(".")]
        if any(_is_picture(Path(place, file)) for file in files):
            return True
    return False


def _has_pictures(folder: Path) -> bool:
    return any(_is_picture(file) for file in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (
        Path(entry.path)
        for entry in _entries(folder)
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
    )


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_picture(file: Path) -> bool:
    """By its name, else by its first bytes."""
    if file.name.startswith("."):
        return False
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        with file.open("rb") as opened:
            return formats.name_of(opened.read(64)) in formats.READ
    except OSError:
        return False


def _named(folders: Iterable[Path]) -> str:
    names = sorted(folder.name for folder in folders)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
