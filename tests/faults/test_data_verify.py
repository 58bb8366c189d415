"""Data F6: what somebody changes in a version, `versions verify` names. One case for each change of the list."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from black_box.library import N, newest, published_once, rows, words
from commands import here
from small_projects import SmallProject

TABLE = "data/train/metadata.parquet"


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # files of versions cannot be written
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def write_table(path: Path, table: pa.Table) -> None:
    path.unlink()
    pq.write_table(table, path)


def flip_labels(version: Path) -> None:
    table = pq.read_table(version / TABLE)
    at = table.schema.get_field_index("label")
    flipped = pa.array([1 - number for number in table["label"].to_pylist()], pa.int64())
    write_table(version / TABLE, table.set_column(at, table.schema.field(at), flipped))


def swap_names(version: Path) -> None:
    table = pq.read_table(version / TABLE)
    info = json.loads(table.schema.metadata[b"huggingface"])
    info["info"]["features"]["label"]["names"].reverse()
    write_table(version / TABLE, table.replace_schema_metadata({"huggingface": json.dumps(info)}))


def drop_row(version: Path) -> None:
    write_table(version / TABLE, pq.read_table(version / TABLE).slice(1))


def says(**changes: Any) -> Callable[[Path], None]:
    """version.json says something else."""

    def change(version: Path) -> None:
        content = json.loads((version / "version.json").read_bytes())
        write(version / "version.json", json.dumps({**content, **changes}, indent=1) + "\n")

    return change


def rewrite_card(version: Path) -> None:
    head, mark, _ = (version / "README.md").read_text(encoding="utf-8").partition("\n---\n")
    write(version / "README.md", f"{head}{mark}\n# Cakes\n\nAll CC0, 0 % wrong\n")


def change_licence(version: Path) -> None:
    content = json.loads((version / "croissant.json").read_bytes())
    write(version / "croissant.json", json.dumps({**content, "license": "MIT"}, indent=1))


def erase_by_hand(version: Path, times: int = 1) -> None:
    """Take a row and its file out, with an erased.json that explains it."""
    first = rows(version)[0]
    leaf = (version / "leaves.bin").read_bytes()[:32].hex()
    entry = {"place": 0, "leaf": leaf, "split": first["split"], "label": first["label"]}
    write(version / "erased.json", json.dumps([entry] * times))
    (version / first["file"]).unlink()
    write_table(version / "manifest.parquet", pq.read_table(version / "manifest.parquet").slice(1))


def a_picture(version: Path) -> Path:
    return min((version / "data/train/cake").glob("*.jpg"))


def link_a_picture(version: Path) -> None:
    path, kept = a_picture(version), version.parents[2] / "elsewhere.jpg"
    path.rename(kept)
    path.symlink_to(kept)


def adds(name: str) -> Callable[[Path], None]:
    """A file more, which a reader of the folder takes for a part of the version."""
    return lambda version: write(version / name, a_picture(version).read_bytes())


def deletes(name: str) -> Callable[[Path], None]:
    return lambda version: (version / name).unlink()


# what is done: (the file that verify has to name, how)
CHANGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "labels of a table flipped": (TABLE, flip_labels),
    "names of classes swapped": (TABLE, swap_names),
    "row of a table dropped": (TABLE, drop_row),
    "table deleted": (TABLE, deletes(TABLE)),
    "labels": ("version.json", says(labels=["not_cake", "cake"])),
    "audit": ("version.json", says(audit={"images": 1000, "wrong": 0, "low": 0.0, "high": 0.01})),
    "gates": ("version.json", says(gates=[])),
    "created": ("version.json", says(created="2020-01-01T00:00:00+00:00")),
    "name": ("version.json", says(name="2020.1.0")),
    "parent": ("version.json", says(parent="2019.1.0")),
    "card rewritten": ("README.md", rewrite_card),
    "Croissant deleted": ("croissant.json", deletes("croissant.json")),
    "licence in Croissant": ("croissant.json", change_licence),
    "diff deleted": ("diff.parquet", deletes("diff.parquet")),
    "PNG added": ("data/train/cake/x.png", adds("data/train/cake/x.png")),
    "JPG added": ("data/train/cake/x.JPG", adds("data/train/cake/x.JPG")),
    "JPEG added": ("data/train/cake/x.jpeg", adds("data/train/cake/x.jpeg")),
    "WebP added": ("data/train/cake/x.webp", adds("data/train/cake/x.webp")),
    "table added": ("metadata.csv", lambda version: write(version / "data/train/metadata.csv", "file_name,label\n")),
    "split added": ("data/extra", adds("data/extra/cake/x.png")),
    "erased by hand": ("erased.json", erase_by_hand),
    "picture is a link": (".jpg", link_a_picture),
    "erased.json is [1]": ("erased.json", lambda version: write(version / "erased.json", "[1]")),
    "erased.json has another key": ("erased.json", lambda version: write(version / "erased.json", '[{"x": 1}]')),
    "erased.json has a place twice": ("erased.json", lambda version: erase_by_hand(version, times=2)),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project with two versions: the second one has a diff."""
    project = SmallProject(tmp_path_factory.mktemp("home"), pictures=3)
    published_once(published_once(project, N))
    project.run(f"versions verify {newest(project).name}")
    return project


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_version_is_named(what: str, home: SmallProject, tmp_path: Path) -> None:
    """Data F6: exit code 1, the file in the message, and no program error."""
    named, change = CHANGES[what]
    project = home.copy(tmp_path)
    version = newest(project)
    change(version)
    ended = here(project.folder, "versions", "verify", version.name)
    assert ended.returncode == 1, words(ended)
    assert named in words(ended)
    assert "--debug" not in words(ended)
