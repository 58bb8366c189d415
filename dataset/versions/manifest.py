"""The columns of manifest.parquet, and reading and writing it.

The fields of `Row` are the one list of columns. The Arrow schema, croissant.json and rows_on_disk follow it.
"""

import contextlib
import io
import json
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from foundation.errors import DamagedVersion
from foundation.files import replace_file

FILE_NAME = "manifest.parquet"
TEXT_COLUMNS = ("sha256", "source_label", "label_origin", "site", "licence", "creator")  # of metadata.parquet
ADDRESSES = ("page_url", "image_url")
SIZES = ("published_width", "published_height")
STATED_IF_THERE = ("usage_preference", "copyright_notice", *SIZES)  # in the id
ROWS_PER_GROUP = 50_000  # of a Parquet file
ROWS_PER_BATCH = 5000  # read into memory together
NOT_STATED = "not stated"  # name of an empty licence, wherever licences are listed
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Url = Annotated[str, "URL"]


@dataclass(frozen=True)
class Row:
    """One image of a version. width, height, format: of the original. file: path inside the version.

    usage_preference: what its owner says of training: train-ai=y, train-ai=n, or empty. copyright_notice: of the
    original's bytes. checked_at: when the owner was asked last. published_width, published_height: of the picture in
    the version, in pixels; 0 where it was not recorded. Versions of earlier releases lack what has a default here.
    """

    sha256: str
    file: str
    label: str
    split: str
    source_label: str
    label_origin: str
    sources: list[str]
    site: str
    page_url: Url
    image_url: Url
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
    usage_preference: str = ""
    copyright_notice: str = ""
    checked_at: datetime | None = None
    published_width: int = 0
    published_height: int = 0

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Row":
        """A row of all values, in the order of the columns."""
        return cls.from_columns(dict(zip(COLUMNS, values, strict=True)))

    @classmethod
    def from_columns(cls, values: dict[str, Any]) -> "Row":
        """A row of all columns, which are given in their order. Twice as fast as the constructor."""
        row = cls.__new__(cls)
        vars(row).update(values)
        return row

    def canonical(self) -> dict[str, Any]:
        """All columns, in forms that Parquet does not change: ids of earlier releases are computed from them."""
        values = self._stated()
        values["first_seen"] = self.first_seen.isoformat(timespec="microseconds")
        values["error_probability"] = f"{self.error_probability:.4f}"
        return values

    def timeless(self) -> dict[str, Any]:
        """The columns that the version's id is computed from: no time, and no path of a machine."""
        values = self._stated()
        del values["first_seen"]
        values["error_probability"] = f"{self.error_probability:.4f}"
        for name in ADDRESSES:
            if values[name].startswith("file:"):
                values[name] = "file:"
        return values

    def _stated(self) -> dict[str, Any]:
        """All columns but the time of asking, and without what is empty of those that earlier releases had not."""
        values = dict(vars(self))
        del values["checked_at"]
        for name in STATED_IF_THERE:
            if not values[name]:
                del values[name]
        return values


COLUMNS: dict[str, Any] = get_type_hints(Row, include_extras=True)  # Python type by name, in order
ADDED = {each.name: each.default for each in fields(Row) if each.default is not MISSING}  # since the first release


@cache
def schema() -> Any:
    """The Arrow schema of manifest.parquet."""
    import pyarrow as pa  # costs 0.2 s; commands that read version.json only do without

    types = {
        str: pa.string(),
        Url: pa.string(),
        list[str]: pa.list_(pa.string()),
        datetime: pa.timestamp("us", tz="UTC"),
        datetime | None: pa.timestamp("us", tz="UTC"),
        int: pa.int32(),
        float: pa.float32(),
    }
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def metadata_schema(labels: Sequence[str], *, sized: bool = True) -> Any:
    """Schema of metadata.parquet, from which Hugging Face's ImageFolder reads labels and columns.

    sized: with the sizes of the published pictures, which versions of earlier releases lack.
    """
    import pyarrow as pa

    sizes = SIZES if sized else ()
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(labels), "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in TEXT_COLUMNS},
        "error_probability": {"dtype": "float32", "_type": "Value"},
        **{name: {"dtype": "int32", "_type": "Value"} for name in sizes},
    }
    columns = [schema().field(name) for name in (*TEXT_COLUMNS, "error_probability", *sizes)]
    return pa.schema(
        [("file_name", pa.string()), ("label", pa.int64()), *columns],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def is_sized(path: Path) -> bool:
    """Whether a manifest has the sizes of the published pictures. Raises DamagedVersion."""
    import pyarrow.parquet as pq

    with unreadable(path):
        return set(SIZES) <= set(pq.read_schema(path).names)


def metadata_row(row: Row, numbers: Mapping[str, int]) -> dict[str, Any]:
    """The row's values for metadata.parquet. numbers: of the labels."""
    name = row.file.removeprefix(f"data/{row.split}/")
    return {**vars(row), "file_name": name, "label": numbers.get(row.label)}


class Writer:
    """A Parquet file that is written row group by row group, as rows are added."""

    def __init__(self, path: Path, schema: Any) -> None:
        import pyarrow.parquet as pq

        self._schema = schema
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row, which stays as it is. Values of columns that the schema does not have are dropped."""
        self._rows.append(row)
        if len(self._rows) >= ROWS_PER_GROUP:
            self._write()

    def _write(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns = zip(*map(operator.itemgetter(*self._schema.names), self._rows), strict=True)
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


def write(path: Path, rows: Iterable[Row]) -> None:
    with Writer(path, schema()) as file:
        for row in rows:
            file.add(vars(row))


def read(path: Path) -> list[Row]:
    return list(each(path))


def each(path: Path) -> Iterator[Row]:
    """Read the rows one by one; only ROWS_PER_BATCH of them are in memory. Raises DamagedVersion."""
    import pyarrow.parquet as pq

    with unreadable(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_BATCH):
            known = _plain(batch)
            missing = {name: [default] * batch.num_rows for name, default in ADDED.items() if name not in known}
            yield from map(Row.of, zip(*((known | missing)[name] for name in COLUMNS), strict=True))


def columns(path: Path, names: Sequence[str], sha256s: Sequence[str] | None = None) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row: much faster than whole rows. sha256s: only of these images.

    Raises DamagedVersion.
    """
    import pyarrow.parquet as pq

    with unreadable(path):
        only = None if sha256s is None else [("sha256", "in", list(sha256s))]
        table = pq.read_table(path, columns=list(names), filters=only)
        return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _plain(batch: Any) -> dict[str, list[Any]]:
    """The columns of a batch. Times are read as numbers: Arrow imports pandas for a time, which costs half a second."""
    import pyarrow as pa

    times = [field.name for field in batch.schema if pa.types.is_timestamp(field.type)]
    for kind in (pa.timestamp("us", tz="UTC"), pa.int64()):
        batch = batch.cast(pa.schema([pa.field(f.name, kind) if f.name in times else f for f in batch.schema]))
    columns: dict[str, list[Any]] = batch.to_pydict()
    for name in times:
        columns[name] = [n if n is None else EPOCH + timedelta(microseconds=n) for n in columns[name]]
    return columns


@contextlib.contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Turn the errors of a Parquet file that is missing, cut or of another shape into DamagedVersion."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's own errors are among these
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({_first_line(error)})"
        fix = f"restore {path.parent} from a backup, or remove it"
        raise DamagedVersion(f"{path.parent.name} is damaged: {path.name} {reason}; {fix}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def drop_rows(path: Path, column: str, values: Set[str], replace: Callable[[Path, bytes], None] = replace_file) -> None:
    """Rewrite a Parquet file in one step without the rows whose `column` is one of `values`; schema and order stay."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    kept = table.filter(pa.array([value not in values for value in table[column].to_pylist()], pa.bool_()))
    if kept.num_rows < table.num_rows:
        out = io.BytesIO()
        pq.write_table(kept, out, compression="zstd")
        replace(path, out.getvalue())


def write_table(path: Path | io.BytesIO, table: Any) -> None:
    """Write an Arrow table as Parquet, compressed like the manifest. path: of the file, or a buffer."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def counted_licences(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Images by licence, the one of most images first. counts: licences as rows have them, with numbers of images."""
    found: Counter[str] = Counter()
    for licence, images in counts:
        found[licence.strip() or NOT_STATED] += images
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))
