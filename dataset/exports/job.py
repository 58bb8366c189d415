"""What every format of an export needs: the version's rows by split, its pictures, and its dataset card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset.splits.assignment import SPLITS
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.errors import StorageError

STAGING = "cache/hub"  # in the library: one Parquet file at a time that is pushed; an erasure removes it
PARTIAL = ".partial"  # ending of a file that is being written
FACTS = (
    "sha256", "source_label", "label_origin", "site", "page_url", "image_url", "licence", "creator", "cluster",
    "usage_preference", "copyright_notice",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """parts: rows by split, without empty splits. to: the folder."""

    version: Version
    parts: Mapping[str, Sequence[Row]]
    to: Path
    images_per_shard: int


def by_split(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each split that has some, in the order of SPLITS."""
    found = {split: [row for row in rows if row.split == split] for split in SPLITS}
    return {split: part for split, part in found.items() if part}


def link(version: Version, row: Row, target: Path) -> None:
    """Put the row's picture at `target`, as a hard link where possible. Raises StorageError if it is missing."""
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        version.pictures.place(row, partial)
    except FileNotFoundError:
        raise _missing(version, row) from None
    partial.replace(target)


def content(version: Version, row: Row) -> bytes:
    """The bytes of the row's picture. Raises StorageError if it is missing."""
    try:
        return version.pictures.content(row)
    except FileNotFoundError:
        raise _missing(version, row) from None


def _missing(version: Version, row: Row) -> StorageError:
    return StorageError(
        f"{version.path / row.file} is missing; `isitcake versions verify {version.name}` lists what else is missing"
    )


def facts(row: Row) -> dict[str, Any]:
    """What formats with pictures say of each one."""
    values = vars(row)
    return {name: values[name] for name in FACTS}


def size_of(row: Row, path: Path) -> tuple[int, int]:
    """Width and height of a published picture, in pixels. path: of the picture; read where the row does not say."""
    if row.published_width and row.published_height:
        return row.published_width, row.published_height
    from PIL import Image

    with Image.open(path) as picture:
        return picture.size


def readme(version: Version, splits: Sequence[str], pattern: str, config: str = "") -> str:
    """The dataset card for Hugging Face. pattern: of the files of a split, with {} for its name.

    config: name of the configuration, by which Hugging Face's cache goes; the version's tag by default.
    """
    head = ["---", *_described(version), "configs:", f"- config_name: {config or version.tag}", "  data_files:"]
    for split in splits:
        head += [f"  - split: {split}", f'    path: "{pattern.format(split)}"']
    return "\n".join([*head, "---", "", _card_body(version)])


def _described(version: Version) -> list[str]:
    """The lines of the card's YAML before its configuration: title, task, size."""
    yaml = _card(version).split("---\n", 2)
    return yaml[1].partition("configs:")[0].splitlines() if len(yaml) == 3 else []


def _card_body(version: Version) -> str:
    """The version's dataset card without its YAML."""
    return _card(version).split("---\n", 2)[-1].lstrip()


def _card(version: Version) -> str:
    return (version.path / "README.md").read_text(encoding="utf-8")


def title(version: Version) -> str:
    """Name of the project and the version, as the dataset card has it."""
    heading = next((line for line in _card_body(version).splitlines() if line.startswith("# ")), "")
    return heading.removeprefix("# ") or version.name
