"""A data set of the `datasets` library as a folder of files: SPLIT/LABEL/ROW.jpg, original bytes.

Rows keep their numbers in the names, so that an owner finds them again.
"""

from collections.abc import Callable, Iterator
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


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return any((folder / name).is_file() for name in SAVED)


def write_folder(name: str, folder: Path, tell: Progress) -> Path:
    """Write the pictures of a data set into `folder`.

    name: a folder of `save_to_disk`, or a name on the Hub, with @REVISION or without. What is there already is not
    written again. Returns the folder. Raises UsageError without the library, or for a data set without a column of
    pictures and one of labels; StageError if it cannot be loaded.
    """
    for split, table in _splits(name):
        picture, label = _columns(name, table)
        names = _label_names(table, label)
        raw = table.cast_column(picture, _undecoded())
        target = folder / (split if split.lower() in SPLIT_OF else "train")
        for number, row in enumerate(raw, 1):
            content = _bytes(row[picture])
            place = target / names(row[label])
            suffix = formats.READ.get(formats.name_of(content[: formats.HEAD_BYTES]), "bin")
            write_once(place / f"{number - 1:0{DIGITS}}.{suffix}", content)
            tell(f"writing {split}", number, len(table))
    return folder


def _splits(name: str) -> Iterator[tuple[str, Any]]:
    try:
        import datasets
    except ModuleNotFoundError:
        raise UsageError('this needs the library `datasets`; run `pip install "datasets>=4.0"`') from None
    path = Path(name).expanduser()
    try:
        if path.is_dir() and not is_saved(path):
            raise UsageError(f"{path} is no data set that `save_to_disk` wrote; audit the folder without `hf:`")
        loaded = datasets.load_from_disk(str(path)) if path.is_dir() else _from_hub(name)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise StageError(f"the data set {name} cannot be loaded ({reason}); check its name and the network") from error
    tables = list(loaded.items()) if isinstance(loaded, dict) else [("train", loaded)]
    unknown = [split for split, _ in tables if split.lower() not in SPLIT_OF]
    if unknown and len(tables) > 1:
        raise UsageError(f"{name} has the split {unknown[0]!r}; known are {', '.join(SPLIT_OF)}; rename it")
    yield from tables


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


def _bytes(value: Any) -> bytes:
    """The original bytes of a picture that was not decoded."""
    if value.get("bytes"):
        return bytes(value["bytes"])
    return Path(value["path"]).read_bytes()
