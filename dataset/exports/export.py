"""Write a version in formats that other tools read. Files appear whole; complete ones are not written again."""

import contextlib
import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from more_itertools import chunked
from PIL import Image

from dataset.splits.assignment import SPLITS
from dataset.versions.manifest import COLUMNS, Row, Writer, metadata_row, metadata_schema, schema
from dataset.versions.published import Version
from foundation.errors import StorageError, UsageError
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.safe_text import csv_cell, known_names

FORMATS = ("imagefolder", "webdataset", "parquet", "coco", "csv")
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
    "csv": ["manifest.csv"],
}
READ_AS_MISSING = {  # by pandas, whose list it is, and by R: such a cell gets an apostrophe, as a formula does
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
}  # fmt: skip
PARTIAL = ".partial"  # ending of a file that is being written
IMAGES_PER_SHARD = 1000  # in a tar of WebDataset
IMAGES_PER_FILE = 1000  # of Parquet with the pictures in it: about 200 MB
IMAGES_PER_GROUP = 100  # in a row group of Parquet
FACTS = (
    "sha256", "source_label", "label_origin", "site", "page_url", "image_url", "licence", "creator", "cluster",
    "usage_preference", "copyright_notice",
)  # fmt: skip

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Export:
    """parts: rows by split, without empty splits. to: the folder."""

    version: Version
    parts: Mapping[str, Sequence[Row]]
    to: Path
    images_per_shard: int


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
        by_split = {split: [row for row in rows if row.split == split] for split in SPLITS}
        parts = {split: part for split, part in by_split.items() if part}
        done = 0
        for written in _WRITERS[kind](_Export(version, parts, to, images_per_shard)):
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


def _imagefolder(job: _Export) -> Iterator[int]:
    """<split>/<label>/<name>.jpg, the folders that torchvision's ImageFolder reads, and what Hugging Face's reads.

    metadata.parquet has the labels in their order; by the folders' names alone they would be in that of the alphabet.
    README.md names the splits: by the folders' names alone, test_unseen_sites would be a part of test.
    """
    numbers = {label: number for number, label in enumerate(job.version.labels)}
    for split, rows in job.parts.items():
        for row in rows:
            _link(job.version, row, job.to / split / row.label / Path(row.file).name)
            yield 1
        path = job.to / split / "metadata.parquet"
        partial = path.with_suffix(PARTIAL)
        with Writer(partial, metadata_schema(job.version.labels)) as metadata:
            for row in rows:
                metadata.add(metadata_row(row, numbers))
        partial.replace(path)
        files = [f"{split}/{row.label}/{Path(row.file).name}" for row in rows]
        replace_file(job.to / f"{split}.csv", _csv(rows, files))
    replace_file(job.to / "README.md", _readme(job, "{}/**").encode())


def _coco(job: _Export) -> Iterator[int]:
    """images/ and one <split>.json each, in the form of COCO, with a category for each whole image."""
    number = 0
    category_of = {label: category for category, label in enumerate(job.version.labels, 1)}
    for split, rows in job.parts.items():
        images, annotations = [], []
        for row in rows:
            number += 1
            name = Path(row.file).name
            _link(job.version, row, job.to / "images" / name)
            width, height = _size(job.to / "images" / name)
            images.append({"id": number, "file_name": name, "width": width, "height": height,
                           "license": row.licence, "coco_url": row.image_url, "sha256": row.sha256,
                           "site": row.site})  # fmt: skip
            annotations.append({"id": number, "image_id": number, "category_id": category_of[row.label]})
            yield 1
        content = {
            "info": {"description": _title(job.version), "version": job.version.id},
            "categories": [{"id": category, "name": label} for label, category in category_of.items()],
            "images": images,
            "annotations": annotations,
        }
        replace_file(job.to / f"{split}.json", (json.dumps(content, ensure_ascii=False) + "\n").encode())


def _webdataset(job: _Export) -> Iterator[int]:
    """<split>-000000.tar and so on: jpg, cls (the label's number) and json of each image."""
    for split, rows in job.parts.items():
        for number, shard in enumerate(chunked(rows, job.images_per_shard)):
            path = job.to / f"{split}-{number:06d}.tar"
            if not path.is_file():
                partial = path.with_suffix(PARTIAL)
                with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
                    for row in shard:
                        _add_sample(tar, job.version, row)
                partial.replace(path)
            yield len(shard)


def _add_sample(tar: tarfile.TarFile, version: Version, row: Row) -> None:
    facts = json.dumps({**_facts(row), "label": row.label}, ensure_ascii=False)
    for suffix, content in (
        ("jpg", _content(version, row)),
        ("cls", str(version.labels.index(row.label)).encode()),
        ("json", facts.encode()),
    ):
        # Without owner and time, so that the same version gives the same bytes.
        entry = tarfile.TarInfo(f"{Path(row.file).stem}.{suffix}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def _parquet(job: _Export) -> Iterator[int]:
    """data/<split>-00000-of-00001.parquet with the pictures' bytes, in the form that the Hugging Face Hub shows."""
    columns = _parquet_schema(job.version)
    for split, rows in job.parts.items():
        shards = list(chunked(rows, IMAGES_PER_FILE))
        for number, shard in enumerate(shards):
            path = job.to / "data" / f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
            path.parent.mkdir(exist_ok=True)
            if not path.is_file():
                _write_parquet(path, job.version, shard, columns)
            yield len(shard)
    replace_file(job.to / "README.md", _readme(job, "data/{}-*").encode())


def _parquet_schema(version: Version) -> Any:
    import pyarrow as pa

    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(version.labels), "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in FACTS},
    }
    return pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            *[schema().field(name) for name in FACTS],
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _write_parquet(path: Path, version: Version, rows: Sequence[Row], columns: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    partial = path.with_suffix(PARTIAL)
    with pq.ParquetWriter(partial, columns, compression="none") as writer:  # JPEG does not compress further
        for group in chunked(rows, IMAGES_PER_GROUP):
            records = [
                {
                    "image": {"bytes": _content(version, row), "path": Path(row.file).name},
                    "label": version.labels.index(row.label),
                    **_facts(row),
                }
                for row in group
            ]
            writer.write_table(pa.Table.from_pylist(records, columns))
    partial.replace(path)


def _csv_only(job: _Export) -> Iterator[int]:
    """manifest.csv: one line for each image. The pictures are not copied: `file` is the path inside the version."""
    rows = [row for part in job.parts.values() for row in part]
    replace_file(job.to / "manifest.csv", _csv(rows, [row.file for row in rows]))
    yield len(rows)


_WRITERS: dict[str, Callable[[_Export], Iterator[int]]] = {
    "imagefolder": _imagefolder,
    "webdataset": _webdataset,
    "parquet": _parquet,
    "coco": _coco,
    "csv": _csv_only,
}


def _link(version: Version, row: Row, target: Path) -> None:
    """Put the row's picture at `target`, as a hard link where possible."""
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


def _content(version: Version, row: Row) -> bytes:
    try:
        return version.pictures.content(row)
    except FileNotFoundError:
        raise _missing(version, row) from None


def _missing(version: Version, row: Row) -> StorageError:
    return StorageError(
        f"{version.path / row.file} is missing; `isitcake versions verify {version.name}` lists what else is missing"
    )


def _facts(row: Row) -> dict[str, Any]:
    values = vars(row)
    return {name: values[name] for name in FACTS}


def _csv(rows: Sequence[Row], files: Sequence[str]) -> bytes:
    """All columns of the manifest, with other paths in the column `file`, which comes first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in COLUMNS if name != "file"]
    writer.writerow(["file", *names])
    for row, file in zip(rows, files, strict=True):
        values = vars(row)
        writer.writerow([file, *(_cell(values[name]) for name in names)])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return _cell(" ".join(value))
    if isinstance(value, str) and value in READ_AS_MISSING:
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else csv_cell(value)


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, in pixels."""
    with Image.open(path) as picture:
        return picture.size


def _readme(job: _Export, pattern: str) -> str:
    """The dataset card for Hugging Face. pattern: of the files of a split, with {} for its name."""
    head = ["---", "configs:", f"- config_name: {job.version.tag}", "  data_files:"]
    for split in job.parts:
        head += [f"  - split: {split}", f'    path: "{pattern.format(split)}"']
    return "\n".join([*head, "---", "", _card_body(job.version)])


def _card_body(version: Version) -> str:
    """The version's dataset card without its YAML."""
    text = (version.path / "README.md").read_text(encoding="utf-8")
    return text.split("---\n", 2)[-1].lstrip()


def _title(version: Version) -> str:
    """Name of the project and the version, as the dataset card has it."""
    heading = next((line for line in _card_body(version).splitlines() if line.startswith("# ")), "")
    return heading.removeprefix("# ") or version.name
