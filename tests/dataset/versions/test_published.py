"""Versions are listed and loaded from their files, those of older releases too. Names dataset/versions/facts.py."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rows import made_row

from dataset.project import Project
from dataset.versions import manifest, published
from dataset.versions.facts import Audit, ErasedRow, ForcedGate, Gate, Shortcut, positions
from dataset.versions.identity import FACTS
from dataset.versions.published import Version
from foundation.errors import UnknownVersion
from isitcake.output import plain

WHOLE: dict[str, Any] = {
    "name": "2026.11.0",
    "id": "ab" * 32,
    "parent": None,
    "created": "2026-11-24T12:00:00+00:00",
    "labels": ["cake", "not_cake"],
    "recipe": "jpeg1024-white-2",
    "counts": {"train": {"cake": 3}, "test": {"not_cake": 2}},
    "gates": [
        {"gate": "shortcut", "limit": 1.0, "value": 0.75, "of": "border"},
        {"gate": "images", "limit": 9, "value": 3, "of": "cake", "forced": "3 images are cake"},
    ],
    "audit": {"images": 9, "wrong": 1, "low": 0.01, "high": 0.4, "by_label": {"cake": [9, 1]}, "by_source": {}},
    "shortcuts": {
        "before": [{"feature": "width", "score": None, "advice": ""}],
        "after": [{"feature": "border", "score": 0.75, "advice": "collect"}],
    },
    "salt": "cd",
    "content": "ef",
}


def write(home: Path, content: dict[str, Any]) -> Path:
    path = home / "versions" / content["name"]
    path.mkdir(parents=True)
    (path / "version.json").write_text(json.dumps(content))
    manifest.write(path / manifest.FILE_NAME, [])
    return path


def test_version_json_becomes_values_and_the_same_json_again(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    version = published.load(tmp_path, "2026.11.0")
    assert version.images == 5
    assert version.gates == [
        Gate("shortcut", 1.0, 0.75, "border"),
        ForcedGate("images", 9, 3, "cake", "3 images are cake"),
    ]
    assert version.audit == Audit(9, 1, 0.01, 0.4, {"cake": (9, 1)})
    assert version.shortcuts["before"] == [Shortcut("width", None)]
    version.write("jpeg1024-white-2")
    assert json.loads((path / "version.json").read_text()) == WHOLE
    shown = plain(version)
    assert {key: shown[key] for key in ("gates", "audit", "shortcuts")} == {
        key: WHOLE[key] for key in ("gates", "audit", "shortcuts")
    }


def test_versions_of_other_releases_are_read(tmp_path: Path) -> None:
    """An older one without shortcuts and audit; a newer one with keys that this release does not know."""
    write(tmp_path, {key: value for key, value in WHOLE.items() if key not in ("shortcuts", "audit", "recipe")})
    newer = {**WHOLE, "name": "2026.12.0", "gates": [{**WHOLE["gates"][0], "colour": "green"}], "weather": "fine"}
    write(tmp_path, newer)
    old, new = published.listing(tmp_path)
    assert (old.shortcuts, old.audit) == ({}, None)
    assert new.gates == [Gate("shortcut", 1.0, 0.75, "border")]


def test_versions_are_listed_by_their_number(tmp_path: Path) -> None:
    """2026.9.0 is before 2026.10.0; unfinished folders and other files are no versions."""
    for name in ("2026.10.0", "2026.9.1", "2026.9.0"):
        write(tmp_path, {**WHOLE, "name": name})
    write(tmp_path, {**WHOLE, "name": ".building-2026.11.0"})
    (tmp_path / "versions" / "2026.12.0").mkdir()
    assert published.names(tmp_path) == ["2026.9.0", "2026.9.1", "2026.10.0"]
    newest = published.newest(tmp_path)
    assert newest is not None
    assert newest.name == "2026.10.0"
    published.clear_unfinished(tmp_path)
    assert not (tmp_path / "versions" / ".building-2026.11.0").exists()


def test_an_unknown_version_names_the_newest(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersion, match="none is published yet"):
        published.load(tmp_path, "2020.1.0")
    path = write(tmp_path, WHOLE)
    with pytest.raises(UnknownVersion, match=r"newest is '2026\.11\.0', see `isitcake versions list`"):
        published.load(tmp_path, "2020.1.0")
    assert published.load(Path("elsewhere"), str(path)).id == WHOLE["id"]


def test_erased_rows_are_read_by_position(tmp_path: Path) -> None:
    """Positions of the rows that are left skip those of erased rows; a damaged file counts as none."""
    rows = [ErasedRow(4, "aa", "train", "cake"), ErasedRow(1, "bb", "test", "cake")]
    assert published.erased(tmp_path) == []
    (tmp_path / published.ERASED).write_text(json.dumps([row.record() for row in rows]))
    assert published.erased(tmp_path) == rows[::-1]
    assert json.loads((tmp_path / published.ERASED).read_text())[0] == {
        "place": 4, "leaf": "aa", "split": "train", "label": "cake",
    }  # fmt: skip
    assert positions(3, rows) == [0, 2, 3]
    (tmp_path / published.ERASED).write_text("[{")
    assert published.erased(tmp_path) == []


def test_a_diff_says_what_changed(published_project: Project) -> None:
    (name,) = published.names(published_project.home)
    version = published.load(published_project.home, name)
    assert version == replace(version)
    diff = published.diff(published_project.home, name, name)
    assert (diff.added, diff.removed, diff.relabelled) == ([], [], [])
    assert isinstance(version, Version)


def test_a_diff_from_newer_to_older_invents_no_reason(published_project: Project) -> None:
    """An image that came later has lost no label: the older version does not have it."""
    (name,) = published.names(published_project.home)
    version = published.load(published_project.home, name)
    older = shutil.copytree(version.path, version.path.with_name("2020.1.0"))
    path = older / FACTS
    path.chmod(0o644)
    path.write_text(path.read_text().replace(name, "2020.1.0"))
    (older / manifest.FILE_NAME).unlink()
    manifest.write(older / manifest.FILE_NAME, version.rows()[1:])
    (later,) = published.diff(published_project.home, name, "2020.1.0").removed
    assert (later["sha256"], later["reason"]) == (version.rows()[0].sha256, "not in 2020.1.0, which is older")
    assert [row["sha256"] for row in published.diff(published_project.home, "2020.1.0", name).added] == [
        later["sha256"]
    ]
    (older / manifest.FILE_NAME).unlink()
    manifest.write(older / manifest.FILE_NAME, [*version.rows(), made_row(1, cluster="of no other image")])
    (gone,) = published.diff(published_project.home, "2020.1.0", name).removed
    assert gone["reason"] == "no longer has one of the project's labels"


def test_a_list_of_versions_loads_neither_arrow_nor_numpy() -> None:
    """`isitcake versions list` reads version.json only."""
    code = "import sys, dataset.versions.published; print({'pyarrow', 'numpy', 'sqlalchemy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "set()"
