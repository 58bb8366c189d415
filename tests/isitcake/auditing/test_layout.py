"""Which folders are labels, and which are splits."""

from pathlib import Path

import pytest
from small_projects import put

from foundation.errors import UsageError
from isitcake.auditing.layout import Part, is_version, read_layout

JPEG = b"\xff\xd8\xff\xe0"

LAYOUTS = {
    "labels": (["a/1.jpg", "b/2.png"], {("a", "a", ""), ("b", "b", "")}),
    "deep labels": (["a/x/1.jpg", "b/2.jpg"], {("a", "a", ""), ("b", "b", "")}),
    "splits": (
        ["train/a/1.jpg", "val/a/2.jpg", "Test/b/3.jpg"],
        {("train/a", "a", "train"), ("val/a", "a", "validation"), ("Test/b", "b", "test")},
    ),
    "a wrapper": (["data/train/a/1.jpg"], {("data/train/a", "a", "train")}),
    "a label called train": (["train/1.jpg", "bus/2.jpg"], {("bus", "bus", ""), ("train", "train", "")}),
    "no suffix": (["a/1", "b/2.jpg"], {("a", "a", ""), ("b", "b", "")}),
    "hidden and empty folders": (["a/1.jpg", ".git/2.jpg", "notes/x.txt"], {("a", "a", "")}),
}

REFUSED = {
    "nothing": ([], "has no pictures"),
    "loose pictures": (["1.jpg"], "has pictures but no folders of labels"),
    "splits without labels": (["train/1.jpg", "val/2.jpg"], "no folders of labels"),
    "splits beside labels": (["train/a/1.jpg", "cake/2.jpg"], r"splits \(train\) beside others \(cake\)"),
    "one split twice": (["val/a/1.jpg", "valid/a/2.jpg"], "val, valid .*are one split"),
    "boxes, not classes": (["images/train/1.jpg", "images/val/2.jpg", "labels/train/1.txt"], "no folders of labels"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_known(name: str, tmp_path: Path) -> None:
    files, parts = LAYOUTS[name]
    for file in files:
        put(tmp_path, file, b"text" if file.endswith(".txt") else JPEG)
    assert set(read_layout(tmp_path).parts) == {Part(*part) for part in parts}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_one_sentence(name: str, tmp_path: Path) -> None:
    files, message = REFUSED[name]
    for file in files:
        put(tmp_path, file, b"text" if file.endswith(".txt") else JPEG)
    with pytest.raises(UsageError, match=message):
        read_layout(tmp_path)


def test_a_file_and_nothing_are_refused(tmp_path: Path) -> None:
    file = put(tmp_path, "a.jpg", JPEG)
    with pytest.raises(UsageError, match="is a file"):
        read_layout(file)
    with pytest.raises(UsageError, match="no folder"):
        read_layout(tmp_path / "gone")


def test_a_version_is_known_by_its_facts(tmp_path: Path) -> None:
    """Its pictures are below `data`, with a split of whole sites."""
    put(tmp_path, "version.json", b"{}")
    put(tmp_path, "data/train/a/1.jpg", JPEG)
    put(tmp_path, "data/test_unseen_sites/a/2.jpg", JPEG)
    found = read_layout(tmp_path)
    assert found.splits == ["train", "test_unseen_sites"]
    assert all(is_version(tmp_path / place) for place in ("", "data", "data/train"))
    assert not any(is_version(tmp_path / place) for place in ("notes", "notes/train"))
    assert {part.folder for part in found.parts} == {"data/train/a", "data/test_unseen_sites/a"}


def test_what_is_in_no_label_is_listed(tmp_path: Path) -> None:
    """Loose pictures, and links, which could lead anywhere."""
    put(tmp_path, "a/1.jpg", JPEG)
    put(tmp_path, "loose.jpg", JPEG)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_layout(tmp_path).others == {"b": "link: not followed", "loose.jpg": "in no folder of a label"}


@pytest.mark.parametrize("label", ["\u3000", "\U0001f469\u200d\U0001f373", "a\u00a0b"])
def test_a_label_may_have_any_characters_of_a_text(label: str, tmp_path: Path) -> None:
    """A wide space, and an emoji of several characters."""
    root = tmp_path / label
    put(root, f"{label}/1.jpg", JPEG)
    assert [part.label for part in read_layout(root).parts] == [label]


@pytest.mark.parametrize(("name", "why"), [("a\nb", "has control characters"), ("a\udcff", "is not UTF-8")])
def test_names_that_cannot_be_shown_are_refused(name: str, why: str, tmp_path: Path) -> None:
    put(tmp_path / "set", "a/1.jpg", JPEG)
    put(tmp_path / "set", f"{name}/1.jpg", JPEG)
    assert read_layout(tmp_path / "set").others == {name: f"folder whose name {why}; rename it"}
    with pytest.raises(UsageError, match=f"{why}; rename the folder"):
        read_layout(tmp_path / "set" / name)
