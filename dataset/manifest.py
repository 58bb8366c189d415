"""The columns of manifest.parquet, and reading and writing them."""

import io
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataset.atomic import replace_file

SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string()),
        pa.field("file", pa.string()),
        pa.field("label", pa.string()),
        pa.field("split", pa.string()),
        pa.field("source_label", pa.string()),
        pa.field("label_origin", pa.string()),
        pa.field("sources", pa.list_(pa.string())),
        pa.field("site", pa.string()),
        pa.field("page_url", pa.string()),
        pa.field("image_url", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("creator", pa.string()),
        pa.field("first_seen", pa.timestamp("us", tz="UTC")),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("format", pa.string()),
        pa.field("phash", pa.string()),
        pa.field("cluster", pa.string()),
        pa.field("judgements", pa.int32()),
        pa.field("error_probability", pa.float32()),
    ]
)


@dataclass(frozen=True)
class Row:
    """One image of a version. width, height, format: of the original. file: path inside the version."""

    sha256: str
    file: str
    label: str
    split: str
    source_label: str
    label_origin: str
    sources: list[str]
    site: str
    page_url: str
    image_url: str
    licence: str
    creator: str
    first_seen: datetime
    width: int
    height: int
    format: str
    phash: str
    cluster: str
    judgements: int
    error_probability: float

    def canonical(self) -> dict[str, Any]:
        """What the version's id covers: every column, in forms that survive Parquet."""
        values = dict(vars(self))
        values["first_seen"] = self.first_seen.isoformat(timespec="microseconds")
        values["error_probability"] = f"{self.error_probability:.4f}"
        return values


def write(path: Path, rows: Iterable[Row]) -> None:
    pq.write_table(pa.Table.from_pylist([vars(row) for row in rows], SCHEMA), path, compression="zstd")


def read(path: Path) -> list[Row]:
    names = [field.name for field in fields(Row)]
    return [Row(**{name: record[name] for name in names}) for record in pq.read_table(path).to_pylist()]


def drop_rows(path: Path, column: str, values: Set[str]) -> None:
    """Rewrite a Parquet file in one step without the rows whose `column` is one of `values`; schema and order stay."""
    table = pq.read_table(path)
    kept = table.filter(pa.array([value not in values for value in table[column].to_pylist()], pa.bool_()))
    if kept.num_rows < table.num_rows:
        out = io.BytesIO()
        pq.write_table(kept, out, compression="zstd")
        replace_file(path, out.getvalue())


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], schema: Any) -> None:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), path, compression="zstd")
