"""Formats whose pictures are inside larger files: tar shards of WebDataset, and Parquet."""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from more_itertools import chunked

from dataset.exports.job import FACTS, PARTIAL, Export, content, facts, readme
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored.shard_file import shard_schema
from foundation.files import replace_file

IMAGES_PER_FILE = 1000  # of Parquet with the pictures in it: about 200 MB
IMAGES_PER_GROUP = 100  # in a row group of Parquet


def webdataset(job: Export) -> Iterator[int]:
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
    said = json.dumps({**facts(row), "label": row.label}, ensure_ascii=False)
    for suffix, part in (
        ("jpg", content(version, row)),
        ("cls", str(version.labels.index(row.label)).encode()),
        ("json", said.encode()),
    ):
        # Without owner and time, so that the same version gives the same bytes.
        entry = tarfile.TarInfo(f"{Path(row.file).stem}.{suffix}")
        entry.size = len(part)
        tar.addfile(entry, io.BytesIO(part))


def parquet(job: Export) -> Iterator[int]:
    """data/<split>-00000-of-00001.parquet with the pictures' bytes, in the form that the Hugging Face Hub shows."""
    for split, rows in job.parts.items():
        for name, shard in parquet_files(split, rows):
            path = job.to / name
            path.parent.mkdir(exist_ok=True)
            if not path.is_file():
                partial = path.with_suffix(PARTIAL)
                write_parquet(partial, job.version, shard)
                partial.replace(path)
            yield len(shard)
    replace_file(job.to / "README.md", readme(job.version, list(job.parts), "data/{}-*").encode())


def parquet_files(split: str, rows: Sequence[Row]) -> list[tuple[str, Sequence[Row]]]:
    """Name of each Parquet file of a split, and its rows."""
    shards = list(chunked(rows, IMAGES_PER_FILE))
    return [(f"data/{split}-{number:05d}-of-{len(shards):05d}.parquet", shard) for number, shard in enumerate(shards)]


def write_parquet(path: Path, version: Version, rows: Sequence[Row]) -> None:
    """Write a Parquet file with these pictures. The same rows and pictures give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = shard_schema(version.labels, FACTS)
    with pq.ParquetWriter(path, columns, compression="none") as writer:  # JPEG does not compress further
        for group in chunked(rows, IMAGES_PER_GROUP):
            records = [
                {
                    "image": {"bytes": content(version, row), "path": Path(row.file).name},
                    "label": version.labels.index(row.label),
                    **facts(row),
                }
                for row in group
            ]
            writer.write_table(pa.Table.from_pylist(records, columns))
