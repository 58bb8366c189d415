"""A shard: a Parquet file with pictures and their rows, `data/<split>/<start>-<digest>.parquet`.

start: first digits of the SHA-256s that it may hold. digest: of what the shard says, whatever wrote it. So a shard is
found again by its name, and a version shares it with the version before.

The manifest's column error_probability is not in it: it changes by itself with every answer, and no shard would be as
it was before.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from more_itertools import chunked

from dataset.versions.manifest import SIZES, TEXT_COLUMNS, Row, schema
from dataset.versions.stored.ranges import START_DIGITS
from foundation.errors import DamagedVersion

FORMAT = "shard 1"  # part of the digest: the number goes up with any change of the columns or their order
DIGEST_DIGITS = 32
PATTERN = f"data/*/{'[0-9a-f]' * START_DIGITS}-{'[0-9a-f]' * DIGEST_DIGITS}.parquet"
ROWS_PER_GROUP = 50  # of a row group, which is read as a whole to get one picture: 5 to 10 MB
COLUMNS = (*TEXT_COLUMNS, *SIZES)  # beside picture and label
_COMPRESSION = dict.fromkeys(("image.path", "label", *COLUMNS), "zstd") | {"image.bytes": "none"}  # JPEG
_REPEATED = [name for name in TEXT_COLUMNS if name != "sha256"]  # values that many rows share
_PLAIN = [name for name in _COMPRESSION if name != "image.bytes"]
_UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError)  # Arrow's own errors are among these


def shard_schema(labels: Sequence[str], columns: Sequence[str] = COLUMNS, *, with_bytes: bool = True) -> Any:
    """The Arrow schema of a shard, from which Hugging Face's datasets reads pictures, class names and columns.

    columns: of the manifest, beside picture and label. with_bytes: of the pictures.
    """
    import pyarrow as pa

    stated = [schema().field(name) for name in columns]
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(labels), "_type": "ClassLabel"},
        **{field.name: {"dtype": str(field.type), "_type": "Value"} for field in stated},
    }
    picture = [("bytes", pa.binary())] if with_bytes else []
    return pa.schema(
        [
            ("image", pa.struct([*picture, ("path", pa.string())])),
            ("label", pa.int64()),
            *stated,
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def values(row: Row, numbers: Mapping[str, int]) -> dict[str, Any]:
    """What a shard says of a row, without the bytes of its picture. numbers: of the labels."""
    stated = {name: getattr(row, name) for name in COLUMNS}
    return {"image": {"path": row.file.rpartition("/")[2]}, "label": numbers.get(row.label), **stated}


def digest(labels: Sequence[str], split: str, said: Iterable[tuple[Mapping[str, Any], str]]) -> str:
    """Digest of a shard's content. said: values and the picture's SHA-256 of each row, in order."""
    found = hashlib.sha256(json.dumps([FORMAT, list(labels), split]).encode())
    for value, picture in said:
        line = [value["image"]["path"], value["label"], *(value[name] for name in COLUMNS), picture]
        found.update(json.dumps(line).encode() + b"\n")
    return found.hexdigest()[:DIGEST_DIGITS]


def file_name(start: str, content: str) -> str:
    """Name of a shard. start: first digits of its SHA-256s. content: its digest."""
    return f"{start}-{content}.parquet"


def start_of(path: Path) -> str:
    """First digits of the SHA-256s that a shard may hold."""
    return path.name.partition("-")[0]


def shards_in(folder: Path) -> list[Path]:
    """All shards of a version, by split and range."""
    return sorted(folder.glob(PATTERN))


def write(path: Path, columns: Any, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a shard. columns: its schema. records: values with the bytes of the picture, in order.

    The same records give the same bytes, with one version of Arrow.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(
        path, columns, compression=_COMPRESSION, use_dictionary=_REPEATED, write_statistics=_PLAIN
    ) as writer:
        for group in chunked(records, ROWS_PER_GROUP):
            writer.write_table(pa.Table.from_pylist(group, columns))


def columns_of(path: Path) -> Any:
    """The schema of a shard as it was written. Raises DamagedVersion, FileNotFoundError."""
    with _opened(path) as file:
        return file.schema_arrow


def labels_of(columns: Any) -> list[str]:
    """Class names in their order. columns: schema of a shard. Raises DamagedVersion where it has none."""
    try:
        return list(json.loads(columns.metadata[b"huggingface"])["info"]["features"]["label"]["names"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedVersion("a shard has no class names") from error


def each(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a shard, one by one. Raises DamagedVersion, FileNotFoundError."""
    with _opened(path) as file:
        for number in range(file.num_row_groups):
            yield from file.read_row_group(number).to_pylist()


def said_by(path: Path) -> Any:
    """Everything in a shard but the bytes of pictures, as an Arrow table. Raises DamagedVersion, FileNotFoundError."""
    with _opened(path) as file:
        return file.read(columns=_PLAIN)


def positions(path: Path) -> dict[str, tuple[int, int]]:
    """Row group, and index in it, of each SHA-256 in a shard. Raises DamagedVersion, FileNotFoundError."""
    with _opened(path) as file:
        groups = (file.read_row_group(number, columns=["sha256"]) for number in range(file.num_row_groups))
        return {
            name: (number, index)
            for number, group in enumerate(groups)
            for index, name in enumerate(group["sha256"].to_pylist())
        }


def pictures(path: Path, group: int) -> list[bytes]:
    """The pictures of one row group. Raises DamagedVersion, FileNotFoundError."""
    with _opened(path) as file:
        column = file.read_row_group(group, columns=["image.bytes"])["image"].combine_chunks()
        return [content or b"" for content in column.field("bytes").to_pylist()]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open shard; errors of a damaged one become DamagedVersion."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        folder = path.parents[2]
        fix = f"restore {folder} from a backup, or remove it"
        raise DamagedVersion(
            f"{folder.name} is damaged: data/{path.parent.name}/{path.name} cannot be read ({reason}); {fix}"
        ) from error
