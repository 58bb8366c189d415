"""The diff of two manifests says what was added, removed and relabelled, and why."""

import json
from pathlib import Path

import pytest
from rows import made_row

from dataset.versions import manifest
from dataset.versions.changes import DIFF_SCHEMA, changes, other_numbers, renames_in


def test_added_removed_relabelled(tmp_path: Path) -> None:
    """Each with its reason; a removed image whose cluster is still there names the copy that stays."""
    stays, turns, goes, replaced = (made_row(n) for n in range(4))
    copy = made_row(4, cluster=replaced.cluster)
    manifest.write(tmp_path / "old", [stays, turns, goes, replaced])
    manifest.write(tmp_path / "new", [stays, made_row(1, label="not_cake", label_origin="human"), copy])
    table = changes(tmp_path / "old", tmp_path / "new")
    assert table.schema.equals(DIFF_SCHEMA)
    by_image = {row["sha256"]: (row["change"], row["was"], row["label"], row["reason"]) for row in table.to_pylist()}
    assert by_image == {
        copy.sha256: ("added", "", "cake", "label from source"),
        turns.sha256: ("relabelled", "cake", "not_cake", "label from human"),
        goes.sha256: ("removed", "cake", "", "no longer has one of the project's labels"),
        replaced.sha256: ("removed", "cake", "", f"the same picture as {copy.sha256[:16]}"),
    }
    assert table["change"].to_pylist() == ["added", "relabelled", "removed", "removed"]
    removed = table["sha256"].to_pylist()[2:]
    assert removed == sorted(removed)


def test_the_first_version_adds_everything(tmp_path: Path) -> None:
    manifest.write(tmp_path / "new", [made_row(n) for n in range(3)])
    assert changes(None, tmp_path / "new")["change"].to_pylist() == ["added"] * 3


def test_a_renamed_class_is_no_relabelling(tmp_path: Path) -> None:
    """Data F5: a label that is gone and one that is new, one for the other, are one class; others are relabelled."""
    for name, labels in (("old", ["cake", "not_cake", "pie"]), ("new", ["torte", "not_cake", "tart", "bun"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "version.json").write_text(json.dumps({"labels": labels}))
    was = ["cake", "cake", "not_cake", "pie", "pie"]
    now = ["torte", "torte", "torte", "tart", "bun"]
    manifest.write(tmp_path / "old" / manifest.FILE_NAME, [made_row(n, label=label) for n, label in enumerate(was)])
    manifest.write(tmp_path / "new" / manifest.FILE_NAME, [made_row(n, label=label) for n, label in enumerate(now)])
    table = changes(tmp_path / "old" / manifest.FILE_NAME, tmp_path / "new" / manifest.FILE_NAME)
    assert renames_in(table) == {("cake", "torte"): 2}
    assert sorted(table["change"].to_pylist()) == ["relabelled"] * 3 + ["renamed"] * 2


@pytest.mark.parametrize(("before", "after", "words"), [
    (["cake", "not_cake"], ["not_cake", "cake"], ["cake was 0 and is 1", "not_cake was 1 and is 0"]),
    (["cake", "not_cake"], ["cake", "pie", "not_cake"], ["not_cake was 1 and is 2"]),
    (["cake", "not_cake"], ["not_cake", "torte"], ["torte was 0 and is 1"]),
    (["cake", "not_cake"], ["torte", "not_cake", "pie"], []),
])  # fmt: skip
def test_classes_with_other_numbers_are_named(before: list[str], after: list[str], words: list[str]) -> None:
    """Data F14: labels number the classes, so another order is said."""
    said = other_numbers(before, after, [("cake", "torte")] if "torte" in after else [])
    assert all(word in said for word in words)
    assert bool(said) == bool(words)
