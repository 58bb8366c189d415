"""A data set of the `datasets` library as a folder of files: SPLIT/LABEL/ROW.jpg, original bytes.

Rows keep their numbers in the names, so that an owner finds them again.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset.pictures import formats
from foundation.errors import StageError, UsageError
from foundation.files import write_once
from isitcake.auditing.layout import SPLIT_OF

SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` writes
DIGITS = 8  # of a row's number
NO_LABEL = "unlabelled"  # of rows whose label is empty

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Written:
    """folder: has the pictures. missing: rows without a picture, by their place in the folder, each with the reason."""

    folder: Path
    missing: dict[str, str]


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return any((folder / name).is_file() for name in SAVED)


def write_folder(name: str, base: Path, tell: Progress) -> Written:
    """Write the pictures of a data set into a folder of its own in `base`, named by its name and its content.

    name: a folder of `save_to_disk`, or a name on the Hub, with @REVISION or without. What is there already is not
    written again. Raises UsageError without the library, or for a data set without a column of pictures and one of
    labels; StageError if it cannot be loaded.
    """
    tables = _splits(name)
    folder, missing = base / _digest(name, tables), {}
    folder.mkdir(parents=True, exist_ok=True)
    allowed = _allowed(name)
    for split, table in tables:
        picture, label = _columns(name, table)
        names = _label_names(table, label)
        raw = table.cast_column(picture, _undecoded())
        target = folder / (split if split.lower() in SPLIT_OF else "train")
        for number, row in enumerate(raw, 1):
            place = target / names(row[label]) / f"{number - 1:0{DIGITS}}"
            if content := _bytes(row[picture], allowed):
                suffix = formats.READ.get(formats.name_of(content[: formats.HEAD_BYTES]), "bin")
                write_once(place.with_name(f"{place.name}.{suffix}"), content)
            else:
                missing[place.relative_to(folder).as_posix()] = "row without a picture that can be read"
            tell(f"writing {split}", number, len(table))
    return Written(folder, missing)


def _digest(name: str, tables: Sequence[tuple[str, Any]]) -> str:
    """Names the folder: the same for the same data set, whose fingerprint the library changes with the content."""
    said = [name, *(f"{split} {table._fingerprint}" for split, table in tables)]
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _splits(name: str) -> list[tuple[str, Any]]:
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ModuleNotFoundError:
        raise UsageError('this needs the library `datasets`; run `pip install "datasets>=4.0"`') from None
    path = Path(name).expanduser()
    try:
        if path.is_dir() and not is_saved(path):
            raise UsageError(f"{path} is no data set that `save_to_disk` wrote; audit the folder without `hf:`")
        loaded = datasets.load_from_disk(str(path)) if path.is_dir() else _from_hub(name)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise StageError(f"the data set {name} cannot be loaded ({reason}); check its name and the network") from error
    tables = list(loaded.items()) if isinstance(loaded, dict) else [("train", loaded)]
    unknown = [split for split, _ in tables if split.lower() not in SPLIT_OF]
    if unknown and len(tables) > 1:
        raise UsageError(f"{name} has the split {unknown[0]!r}; known are {', '.join(SPLIT_OF)}; rename it")
    return tables


def _from_hub(name: str) -> Any:
    """name: NAME, or NAME@REVISION. The library runs no code of a data set since its version 4."""
    import datasets

    path, _, revision = name.partition("@")
    return datasets.load_dataset(path, revision=revision or None)  # nosec B615  # the user chooses what is read


def _columns(name: str, table: Any) -> tuple[str, str]:
    """Names of the column of pictures and of the column of labels."""
    import datasets

    pictures = [column for column, kind in table.features.items() if isinstance(kind, datasets.Image)]
    classes = [column for column, kind in table.features.items() if isinstance(kind, datasets.ClassLabel)]
    texts = [column for column in ("label", "labels", "class") if column in table.features]
    if not pictures or not (classes or texts):
        columns = ", ".join(table.features)
        raise UsageError(f"{name} needs a column of pictures and one of labels; its columns are {columns}")
    return pictures[0], (classes or texts)[0]


def _label_names(table: Any, column: str) -> Callable[[Any], str]:
    """The name of a folder for each value of the column."""
    import datasets

    feature = table.features[column]

    def named(value: Any) -> str:
        if value is None or value == -1:
            return NO_LABEL
        text = feature.int2str(value) if isinstance(feature, datasets.ClassLabel) else str(value)
        return text.replace("/", "_").lstrip(".") or NO_LABEL

    return named


def _undecoded() -> Any:
    """The kind of a column of pictures that gives bytes."""
    import datasets

    return datasets.Image(decode=False)


def _allowed(name: str) -> list[Path]:
    """Where files of a data set may lie: a row could name any file of this disk, and the report would show it."""
    import datasets
    from huggingface_hub import constants

    path = Path(name).expanduser()
    caches = (datasets.config.HF_DATASETS_CACHE, datasets.config.DOWNLOADED_DATASETS_PATH, constants.HF_HUB_CACHE)
    return [path.resolve()] if path.is_dir() else [Path(cache).resolve() for cache in caches]


def _bytes(value: Any, allowed: Sequence[Path]) -> bytes:
    """The original bytes of a picture that was not decoded; none for a row without, or with a file from elsewhere."""
    if not value or value.get("bytes"):
        return bytes(value["bytes"]) if value else b""
    try:
        path = Path(value.get("path") or "").resolve()
        return path.read_bytes() if any(path.is_relative_to(folder) for folder in allowed) else b""
    except (OSError, ValueError):  # gone, a folder, or no path at all
        return b""
