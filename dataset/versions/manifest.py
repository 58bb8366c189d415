"""The columns of manifest.parquet, and reading and writing them."""

import io
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foundation.files import replace_file

NAME = "manifest.parquet"
ROWS_PER_GROUP = 50_000  # of a file
ROWS_PER_BATCH = 5000  # held in memory
DIFF_SCHEMA = pa.schema([(name, pa.string()) for name in ("change", "sha256", "label", "was", "reason")])
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


class Writer:
    """A Parquet file that is written as rows come, a group of them at a time."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._schema = schema
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Columns that the schema does not have are left out."""
        self._rows.append(dict(row))
        if len(self._rows) >= ROWS_PER_GROUP:
            self._write()

    def _write(self) -> None:
        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def write(path: Path, rows: Iterable[Row]) -> None:
    with Writer(path, SCHEMA) as file:
        for row in rows:
            file.add(vars(row))


def read(path: Path) -> list[Row]:
    return list(each(path))


def each(path: Path) -> Iterator[Row]:
    """Rows one by one, in the memory of some."""
    names = [field.name for field in fields(Row)]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_BATCH):
            for record in batch.to_pylist():
                yield Row(**{name: record[name] for name in names})


def changes(old: Path | None, new: Path) -> pa.Table:
    """What changed between two manifests, in the columns of DIFF_SCHEMA; old: None where there was none.

    By kind (added, relabelled, removed), then by SHA-256.
    """
    after = pq.read_table(new, columns=["sha256", "label", "label_origin", "cluster"])
    before = pq.read_table(old, columns=["sha256", "label", "cluster"]) if old else after.select([0, 1, 3]).slice(0, 0)
    both = after.drop_columns(["cluster"]).join(
        before.rename_columns(["sha256", "was", "cluster"]), "sha256", join_type="full outer"
    )
    is_new, is_gone = pc.is_null(both["was"]), pc.is_null(both["label"])
    both = both.filter(pc.or_(pc.or_(is_new, is_gone), pc.fill_null(pc.not_equal(both["label"], both["was"]), True)))
    is_new, is_gone = pc.is_null(both["was"]), pc.is_null(both["label"])
    twins = after.select(["cluster", "sha256"]).rename_columns(["cluster", "twin"])
    removed = both.filter(is_gone).join(twins, "cluster", join_type="left outer")
    text = pa.string()
    because = pc.if_else(
        pc.is_null(removed["twin"]),
        pa.scalar("no longer has one of the project's labels", text),
        pc.binary_join_element_wise("the same picture as", pc.utf8_slice_codeunits(removed["twin"], 0, 16), " "),
    )
    parts = [_diff("removed", removed, because)]
    for kind, table in (
        ("added", both.filter(is_new)),
        ("relabelled", both.filter(pc.invert(pc.or_(is_new, is_gone)))),
    ):
        parts.append(_diff(kind, table, pc.binary_join_element_wise("label from", table["label_origin"], " ")))
    return pa.concat_tables(parts).sort_by([("change", "ascending"), ("sha256", "ascending")])


def _diff(kind: str, table: pa.Table, reason: Any) -> pa.Table:
    columns = [
        pa.array([kind] * len(table), pa.string()), table["sha256"], pc.fill_null(table["label"], ""),
        pc.fill_null(table["was"], ""), reason,
    ]  # fmt: skip
    return pa.table(columns, DIFF_SCHEMA)


def drop_rows(path: Path, column: str, values: Set[str]) -> None:
    """Rewrite a Parquet file in one step without the rows whose `column` is one of `values`; schema and order stay."""
    table = pq.read_table(path)
    kept = table.filter(pa.array([value not in values for value in table[column].to_pylist()], pa.bool_()))
    if kept.num_rows < table.num_rows:
        out = io.BytesIO()
        pq.write_table(kept, out, compression="zstd")
        replace_file(path, out.getvalue())


def write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")
