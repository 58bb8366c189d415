"""A version in the forms that others read. Each file appears whole; one that is there is not written again."""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.splits import SPLITS
from foundation.errors import StorageError, UsageError
from foundation.files import link_or_copy, replace_file, storage_errors

FORMATS = ("imagefolder", "webdataset", "parquet", "coco", "csv")
MARK = ".isitcake-export.json"  # which version, in which format: half an export is finished, not mixed
SHARD = 1000  # images in a tar of WebDataset
ROWS_PER_FILE = 1000  # of Parquet with pictures in it: some 200 MB
ROWS_PER_GROUP = 100
COLUMNS = ("sha256", "source_label", "label_origin", "site", "page_url", "image_url", "licence", "creator", "cluster")

Progress = Callable[[str, int, int], None]


def export(version: Version, kind: str, to: Path, progress: Progress | None = None) -> int:
    """Write `version` to the folder `to`. Returns how many images. Run again after a crash, it goes on.

    Raises UsageError for an unknown format or a folder that holds something else, StorageError for a disk that is full.
    """
    if kind not in FORMATS:
        raise UsageError(f"no format {kind!r}; use one of {', '.join(FORMATS)}")
    mark = json.dumps({"version": version.name, "id": version.id, "format": kind}) + "\n"
    with storage_errors(to):
        if to.is_dir() and any(to.iterdir()) and not _is_marked(to, mark):
            raise UsageError(f"{to} is not empty, and holds no export of {version.name} as {kind}; name another folder")
        to.mkdir(parents=True, exist_ok=True)
        replace_file(to / MARK, mark.encode())
        rows = version.rows()
        parts = {split: [row for row in rows if row.split == split] for split in SPLITS}
        done = 0
        for written in _WRITERS[kind](version, {split: found for split, found in parts.items() if found}, to):
            done += written
            if progress:
                progress("images", done, len(rows))
    return len(rows)


def _is_marked(to: Path, mark: str) -> bool:
    try:
        return (to / MARK).read_text(encoding="utf-8") == mark
    except OSError:
        return False


def _imagefolder(version: Version, parts: Mapping[str, Sequence[Row]], to: Path) -> Iterator[int]:
    """<split>/<label>/<name>.jpg, as torchvision's ImageFolder walks it."""
    for split, rows in parts.items():
        for row in rows:
            target = to / split / row.label / Path(row.file).name
            _put(version, row, target)
            yield 1
        replace_file(to / f"{split}.csv", _csv(rows, [f"{split}/{row.label}/{Path(row.file).name}" for row in rows]))


def _coco(version: Version, parts: Mapping[str, Sequence[Row]], to: Path) -> Iterator[int]:
    """images/ and a <split>.json each, shaped like COCO's, with a category for a whole image."""
    number = 0
    category_of = {label: place for place, label in enumerate(version.labels, 1)}
    for split, rows in parts.items():
        images, annotations = [], []
        for row in rows:
            number += 1
            name = Path(row.file).name
            _put(version, row, to / "images" / name)
            images.append({"id": number, "file_name": name, "license": row.licence, "coco_url": row.image_url,
                           "sha256": row.sha256, "site": row.site})  # fmt: skip
            annotations.append({"id": number, "image_id": number, "category_id": category_of[row.label]})
            yield 1
        content = {
            "info": {"description": f"{version.path.parent.parent.name} {version.name}", "version": version.id},
            "categories": [{"id": place, "name": label} for label, place in category_of.items()],
            "images": images,
            "annotations": annotations,
        }
        replace_file(to / f"{split}.json", (json.dumps(content, ensure_ascii=False) + "\n").encode())


def _webdataset(version: Version, parts: Mapping[str, Sequence[Row]], to: Path) -> Iterator[int]:
    """<split>-000000.tar and so on: jpg, cls (place of the label) and json of each image."""
    for split, rows in parts.items():
        for number, shard in enumerate(_shards(rows, SHARD)):
            path = to / f"{split}-{number:06d}.tar"
            if not path.is_file():
                partial = path.with_suffix(".partial")
                with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
                    for row in shard:
                        key = Path(row.file).stem
                        facts = json.dumps({**_facts(row), "label": row.label}, ensure_ascii=False)
                        for suffix, content in (
                            ("jpg", _content(version, row)),
                            ("cls", str(version.labels.index(row.label)).encode()),
                            ("json", facts.encode()),
                        ):
                            entry = tarfile.TarInfo(f"{key}.{suffix}")  # owner and time are nobody's business
                            entry.size = len(content)
                            tar.addfile(entry, io.BytesIO(content))
                partial.replace(path)
            yield len(shard)


def _parquet(version: Version, parts: Mapping[str, Sequence[Row]], to: Path) -> Iterator[int]:
    """data/<split>-00000-of-00001.parquet with the pictures' bytes, as the Hugging Face Hub shows them."""
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(version.labels), "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in COLUMNS},
    }
    schema = pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            *[(name, pa.string()) for name in COLUMNS],
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    for split, rows in parts.items():
        shards = list(_shards(rows, ROWS_PER_FILE))
        for number, shard in enumerate(shards):
            path = to / "data" / f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
            path.parent.mkdir(exist_ok=True)
            if not path.is_file():
                partial = path.with_suffix(".partial")
                with pq.ParquetWriter(partial, schema, compression="none") as writer:  # pictures are packed already
                    for group in _shards(shard, ROWS_PER_GROUP):
                        table = [
                            {
                                "image": {"bytes": _content(version, row), "path": Path(row.file).name},
                                "label": version.labels.index(row.label),
                                **_facts(row),
                            }
                            for row in group
                        ]
                        writer.write_table(pa.Table.from_pylist(table, schema))
                partial.replace(path)
            yield len(shard)
    card = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in parts:
        card += [f"  - split: {split}", f"    path: data/{split}-*"]
    replace_file(to / "README.md", ("\n".join([*card, "---", "", _body(version)])).encode())


def _csv_only(version: Version, parts: Mapping[str, Sequence[Row]], to: Path) -> Iterator[int]:
    """manifest.csv: a line for each image; pictures stay where they are."""
    rows = [row for found in parts.values() for row in found]
    replace_file(to / "manifest.csv", _csv(rows, [str((version.path / row.file).resolve()) for row in rows]))
    yield len(rows)


_WRITERS: dict[str, Callable[[Version, Mapping[str, Sequence[Row]], Path], Iterator[int]]] = {
    "imagefolder": _imagefolder,
    "webdataset": _webdataset,
    "parquet": _parquet,
    "coco": _coco,
    "csv": _csv_only,
}


def _put(version: Version, row: Row, target: Path) -> None:
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    try:
        link_or_copy(version.path / row.file, partial)
    except FileNotFoundError:
        raise StorageError(_gone(version, row)) from None
    partial.replace(target)


def _content(version: Version, row: Row) -> bytes:
    try:
        return (version.path / row.file).read_bytes()
    except FileNotFoundError:
        raise StorageError(_gone(version, row)) from None


def _gone(version: Version, row: Row) -> str:
    return f"{version.path / row.file} is gone; `isitcake versions verify {version.name}` says what else is"


def _facts(row: Row) -> dict[str, Any]:
    values = vars(row)
    return {name: values[name] for name in COLUMNS}


def _csv(rows: Sequence[Row], files: Sequence[str]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in vars(rows[0]) if name != "file"]
    writer.writerow(["file", *names])
    for row, file in zip(rows, files, strict=True):
        values = vars(row)
        writer.writerow([file, *(_plain(values[name]) for name in names)])
    return out.getvalue().encode()


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _shards(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _body(version: Version) -> str:
    """The version's card without its own heading for machines."""
    text = (version.path / "README.md").read_text(encoding="utf-8")
    return text.split("---\n", 2)[-1].lstrip()
