"""Write a version in formats that other tools read. Files appear whole; complete ones are not written again."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dataset.exports import folders, shards, tables
from dataset.exports.folders import YOLO_NAMES
from dataset.exports.job import PARTIAL, Export, by_split
from dataset.splits.assignment import SPLITS
from dataset.versions.published import Version
from foundation.errors import UsageError
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.safe_text import known_names

FORMATS = ("imagefolder", "webdataset", "parquet", "coco", "fiftyone", "yolo", "csv")
MARK = ".isitcake-export.json"  # which version, after how many erasures, in which format
OWN_FILES = {  # patterns of what each format writes: an export made before an erasure is made anew
    "imagefolder": [
        *(f"{split}/*/*.jpg" for split in SPLITS),
        *(f"{split}/metadata.parquet" for split in SPLITS),
        *(f"{split}.csv" for split in SPLITS),
        "README.md",
    ],
    "webdataset": [f"{split}-*.tar" for split in SPLITS],
    "parquet": [*(f"data/{split}-*.parquet" for split in SPLITS), "README.md"],
    "coco": ["images/*.jpg", *(f"{split}.json" for split in SPLITS)],
    "fiftyone": [*(f"{split}/data/*.jpg" for split in SPLITS), *(f"{split}/labels.json" for split in SPLITS)],
    "yolo": [*(f"{YOLO_NAMES.get(split, split)}/*/*.jpg" for split in SPLITS), "labels.txt"],
    "csv": ["manifest.csv"],
}
IMAGES_PER_SHARD = 1000  # in a tar of WebDataset

Progress = Callable[[str, int, int], None]

_WRITERS: dict[str, Callable[[Export], Iterator[int]]] = {
    "imagefolder": folders.imagefolder,
    "webdataset": shards.webdataset,
    "parquet": shards.parquet,
    "coco": folders.coco,
    "fiftyone": folders.fiftyone,
    "yolo": folders.yolo,
    "csv": tables.csv_only,
}


def export(
    version: Version,
    kind: str,
    to: Path,
    progress: Progress | None = None,
    images_per_shard: int = IMAGES_PER_SHARD,
) -> int:
    """Write `version` to the folder `to`. Returns how many images. After a crash, run it again and it goes on.

    Where images were erased from the version since, what the folder has of it is removed and written anew.
    kind: one of FORMATS. images_per_shard: of webdataset. Raises UsageError for an unknown format or a folder that
    holds something else, StorageError for a full disk or a missing picture.
    """
    if kind not in FORMATS:
        raise UsageError(f"no format {kind!r}; {known_names(kind, FORMATS, 'use one of {}')}")
    mark = {"version": version.name, "id": version.id, "format": kind, "erasures": version.erasures}
    with storage_errors(to):
        if to.is_dir() and any(to.iterdir()):
            there = read_json(to / MARK, dict[str, Any]())
            if any(there.get(key) != mark[key] for key in ("version", "id", "format")):
                raise UsageError(
                    f"{to} is not empty, and holds no export of {version.name} as {kind}; name another folder"
                )
            if there.get("erasures", 0) != version.erasures:
                _clear(to, kind)
        to.mkdir(parents=True, exist_ok=True)
        replace_file(to / MARK, (json.dumps(mark) + "\n").encode())
        rows = version.rows()
        done = 0
        for written in _WRITERS[kind](Export(version, by_split(rows), to, images_per_shard)):
            done += written
            if progress:
                progress("images", done, len(rows))
    return len(rows)


def _clear(to: Path, kind: str) -> None:
    """Remove what an export of this format wrote, unfinished files and folders that are empty then, too."""
    for pattern in OWN_FILES[kind]:
        unfinished = pattern.rpartition(".")[0] + PARTIAL
        for path in [*to.glob(pattern), *to.glob(unfinished)]:
            path.unlink()
            with contextlib.suppress(OSError):  # not empty yet
                path.parent.rmdir()
