"""The diff of two manifests says what was added, removed and relabelled, and why."""

from pathlib import Path

from rows import made_row

from dataset.versions import manifest
from dataset.versions.changes import DIFF_SCHEMA, changes


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
