"""Change every file of a version in turn, as a person or a program might, and ask `verify` whether it names the file.

`tamper_all` works on copies, so the version stays as it is. The benchmark of trust counts with it, too.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataset.versions import identity, manifest, merkle
from dataset.versions.listed_files import listed
from dataset.versions.published import file_digest
from dataset.versions.stored.shard_file import PATTERN
from dataset.versions.verify import verify

ADDED = (
    "x.png",
    "x.JPG",
    "x.jpeg",
    "x.webp",
    "x.jpg",
    "metadata.csv",
    "x.txt",
    "no-ending",
    ".hidden.jpg",
    ".DS_Store",
)


@dataclass(frozen=True)
class Tampering:
    """A change of a version. name: the file that verify has to name. change: is given the version's folder."""

    name: str
    what: str
    change: Callable[[Path], None]


def tamper_all(version: Path, only: str = "") -> tuple[int, list[str]]:
    """Try every tampering on a copy of the version. Returns how many, and those that verify did not name.

    only: first letters of the names of what is changed.
    """
    missed = []
    tried = 0
    for tampering in (one for one in tamperings(version) if one.name.startswith(only)):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / version.name
            shutil.copytree(version, copy, copy_function=_linked)
            tampering.change(copy)
            tried += 1
            if not any(tampering.name in problem for problem in problems(copy)):
                missed.append(f"{tampering.name}: {tampering.what}")
    return tried, missed


def _linked(source: str, target: str) -> None:
    """Copy a file; a picture as a hard link, because no tampering writes into one."""
    (os.link if source.endswith(".jpg") else shutil.copy2)(source, target)


def as_earlier_release(version: Path) -> str:
    """Turn a version into what an earlier release published: its id covers rows and pictures. Returns the id."""
    facts = json.loads((version / "version.json").read_bytes())
    leaves = [
        merkle.leaf(facts["salt"], row.canonical(), file_digest(version / row.file))
        for row in manifest.read(version / manifest.FILE_NAME)
    ]
    for key in ("texts", "files", "seal", "erasures"):
        del facts[key]
    facts["id"] = merkle.root(leaves)
    (version / "leaves.bin").write_bytes(bytes.fromhex("".join(leaves)))
    (version / "version.json").write_text(json.dumps(facts, indent=1) + "\n")
    _replace(version / "README.md", "config_name: v", "config_name: default #")
    return str(facts["id"])


def reseal(version: Path) -> None:
    """Make list and seal of version.json fit the files: what somebody does who knows the format."""
    facts = json.loads((version / "version.json").read_bytes())
    facts["files"] = listed(version)
    facts["seal"] = identity.seal(facts)
    (version / "version.json").write_bytes(identity.facts_bytes(facts))


def problems(version: Path) -> list[str]:
    """What verify says about a version that is a folder by itself."""
    return verify(version.parent, str(version)).problems


def tamperings(version: Path) -> Iterator[Tampering]:
    """Every file of a version changed, removed and replaced; files added; and what each file can be made to say."""
    files = sorted(path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file())
    pictures = [name for name in files if name.endswith(".jpg") or PurePath(name).match(PATTERN)]
    for name in [*(name for name in files if name not in pictures), *pictures[:2], *pictures[-2:]]:
        if name not in ("version.json", "manifest.parquet"):  # without them there is no version to check
            yield Tampering(name, "removed", lambda folder, name=name: (folder / name).unlink())  # type: ignore[misc]
            yield Tampering(name, "a byte more", lambda folder, name=name: _append(folder / name))  # type: ignore[misc]
        yield Tampering(name, "a link", lambda folder, name=name: _link(folder, name))  # type: ignore[misc]
    part = Path(next(name for name in files if name.startswith("data/"))).parent
    for place in dict.fromkeys((Path(), Path(*part.parts[:2]), part)):
        for added in ADDED:
            name = (place / added).as_posix()
            yield Tampering(name, "added", lambda folder, name=name: _write(folder / name))  # type: ignore[misc]
    yield Tampering("data/extra", "split added", lambda folder: _write(folder / "data/extra/cake/x.jpg"))
    yield Tampering("data/extra", "empty split added", lambda folder: (folder / "data/extra").mkdir())
    yield from _facts()
    yield from _texts()
    yield from _tables(version)


def _facts() -> Iterator[Tampering]:
    for key, value in (
        ("labels", ["not_cake", "cake"]), ("created", "2020-01-01T00:00:00+00:00"), ("name", "2020.1.0"),
        ("parent", "2019.1.0"), ("gates", []), ("id", "0" * 64), ("salt", "0" * 32), ("erasures", 7),
        ("recipe", "other"),
        ("audit", {"images": 1000, "wrong": 0, "low": 0.0, "high": 0.01}), ("shortcuts", {}), ("content", "0" * 64),
        ("texts", {"README.md": "0" * 64}), ("files", {}), ("seal", "0" * 64), ("note", "all is right"),
    ):  # fmt: skip
        yield Tampering(
            "version.json",
            key,
            lambda folder, key=key, value=value: _rewrite(folder, {key: value}),  # type: ignore[misc]
        )
    yield Tampering("version.json", "a space", lambda folder: _append(folder / "version.json"))


def _texts() -> Iterator[Tampering]:
    for name, old, new in (
        ("README.md", "not stated", "CC0"), ("README.md", "published 2", "published 1"),
        ("README.md", "config_name: v", "config_name: w"), ("croissant.json", "Web Scraping", "MIT"),
        ("croissant.json", '"datePublished": "2', '"datePublished": "1'),
    ):  # fmt: skip
        yield Tampering(
            name,
            new,
            lambda folder, name=name, old=old, new=new: _replace(folder / name, old, new),  # type: ignore[misc]
        )


def _tables(version: Path) -> Iterator[Tampering]:
    tables = sorted(path.relative_to(version).as_posix() for path in version.glob("data/*/*.parquet"))
    for name in [*tables[:2], *tables[-2:]]:
        yield Tampering(name, "labels flipped", lambda folder, name=name: _flip(folder / name))  # type: ignore[misc]
        yield Tampering(name, "names swapped", lambda folder, name=name: _swap(folder / name))  # type: ignore[misc]
        yield Tampering(name, "row dropped", lambda folder, name=name: _drop(folder / name))  # type: ignore[misc]
        yield Tampering(name, "row moved", lambda folder, name=name: _move(folder / name))  # type: ignore[misc]
    yield Tampering("diff.parquet", "row dropped", lambda folder: _drop(folder / "diff.parquet"))
    yield Tampering("manifest.parquet", "row dropped", lambda folder: _drop(folder / "manifest.parquet"))
    yield Tampering("manifest.parquet", "licence changed", _free_all)
    for text in ("[1]", '[{"x": 1}]', "[{", "{}", "null", "[" * 100_000, '[{"place": -1, "leaf": "aa"}]'):
        yield Tampering(
            "erased.json",
            text[:20],
            lambda folder, text=text: _write(folder / "erased.json", text.encode()),  # type: ignore[misc]
        )
    yield Tampering("erased.json", "made by hand", _erase_by_hand)
    yield Tampering("erased.json", "made by hand, twice", lambda folder: _erase_by_hand(folder, times=2))


def _append(path: Path) -> None:
    _write(path, path.read_bytes() + b" ")


def _write(path: Path, content: bytes = b"added") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _link(folder: Path, name: str) -> None:
    """Put a symbolic link to the same bytes where the file was."""
    kept = folder.parent / "elsewhere"
    shutil.move(folder / name, kept)
    (folder / name).symlink_to(kept)


def _rewrite(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "version.json"
    _write(path, (json.dumps({**json.loads(path.read_bytes()), **change}, indent=1) + "\n").encode())


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    changed = text.replace(old, new) if old in text else text + new
    _write(path, changed.encode())


def _flip(path: Path) -> None:
    table = pq.read_table(path)
    at = table.schema.get_field_index("label")
    flipped = pa.array([1 - number for number in table["label"].to_pylist()], pa.int64())
    _write_table(path, table.set_column(at, table.schema.field(at), flipped))


def _swap(path: Path) -> None:
    table = pq.read_table(path)
    info = json.loads(table.schema.metadata[b"huggingface"])
    info["info"]["features"]["label"]["names"].reverse()
    _write_table(path, table.replace_schema_metadata({"huggingface": json.dumps(info)}))


def _drop(path: Path) -> None:
    _write_table(path, pq.read_table(path).slice(1))


def _move(path: Path) -> None:
    table = pq.read_table(path)
    _write_table(path, pa.concat_tables([table.slice(1), table.slice(0, 1)]) if len(table) > 1 else table.slice(1))


def _write_table(path: Path, table: pa.Table) -> None:
    path.unlink()  # versions share files that cannot be written
    pq.write_table(table, path)


def _free_all(folder: Path) -> None:
    path = folder / manifest.FILE_NAME
    manifest.write(path, [replace(row, licence="CC0-1.0", creator="") for row in manifest.read(path)])


def _erase_by_hand(folder: Path, times: int = 1) -> None:
    """Remove a row and its picture, with an erased.json that explains it."""
    rows = manifest.read(folder / manifest.FILE_NAME)
    leaf = (folder / "leaves.bin").read_bytes()[:32].hex()
    entry = {"place": 0, "leaf": leaf, "split": rows[0].split, "label": rows[0].label}
    _write(folder / "erased.json", json.dumps([entry] * times).encode())
    (folder / rows[0].file).unlink(missing_ok=True)
    manifest.write(folder / manifest.FILE_NAME, rows[1:])
