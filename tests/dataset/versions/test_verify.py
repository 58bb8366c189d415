"""A version that was changed does not verify, and the changed file or row is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from projects import LAYOUTS

from dataset.versions import manifest, published
from dataset.versions.published import Version
from dataset.versions.verify import Verification, require_verified, verify
from foundation.errors import StageError


def problems(version: Version) -> list[str]:
    return verify(version.path.parents[1], version.name).problems


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_unchanged_version_verifies(version: Version) -> None:
    """In the project, as a folder by itself, and without hashing."""
    home = version.path.parents[1]
    assert verify(home, version.name) == Verification(version.name, version.id, version.images, [])
    assert verify(home / "elsewhere", str(version.path)).problems == []
    assert verify(home, version.name, quick=True).problems == []
    calls: dict[str, tuple[int, int]] = {}
    verify(home, version.name, lambda what, done, total: calls.update({what: (done, total)}))
    assert calls == dict.fromkeys(["verifying", "looking for leaks"], (version.images, version.images))
    require_verified(verify(home, version.name))


@pytest.mark.parametrize("damage", ["byte", "missing", "moved", "extra"])
def test_a_changed_file_is_named(version: Version, damage: str) -> None:
    path = version.path / version.rows()[0].file
    content = path.read_bytes()
    if damage == "byte":
        path.unlink()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "missing":
        path.unlink()
    elif damage == "moved":
        path.rename(path.with_name("0000000000000000.jpg"))
    else:
        path.with_name("0000000000000000.jpg").write_bytes(content)
    assert any(".jpg" in problem for problem in problems(version))
    with pytest.raises(StageError, match=f"{version.name} is not what was published"):
        require_verified(verify(version.path.parents[1], version.name))


def test_a_changed_row_is_named(version: Version) -> None:
    """A licence that was changed in the manifest; then a row that was removed; then leaves that were changed too."""
    path, rows = version.path / manifest.FILE_NAME, version.rows()
    manifest.write(path, [replace(rows[0], licence="cc0"), *rows[1:]])
    changed = problems(version)
    assert f"{rows[0].file} or its row was changed" in changed
    assert not any(rows[1].file in problem for problem in changed)
    manifest.write(path, rows[1:])
    changed = problems(version)
    assert "1 rows are missing" in changed
    assert f"{rows[0].file} is not in the manifest" in changed
    assert "version.json and the manifest count different numbers of images" in changed
    manifest.write(path, rows)
    assert problems(version) == []
    leaves = version.path / published.LEAVES
    leaves.write_bytes(leaves.read_bytes()[published.LEAF_BYTES :])
    manifest.write(path, rows[1:])
    assert any("cannot be named" in problem for problem in problems(version))


def test_a_cluster_in_two_splits_is_found(version: Version) -> None:
    """Also by the quick check."""
    rows = version.rows()
    train = next(row for row in rows if row.split == "train")
    test = next(row for row in rows if row.split == "test")
    changed = [replace(row, cluster=train.cluster) if row == test else row for row in rows]
    manifest.write(version.path / manifest.FILE_NAME, changed)
    quick = verify(version.path.parents[1], version.name, quick=True)
    assert quick.problems == [f"cluster {train.cluster[:16]} is in test and train"]


def test_a_held_out_site_in_another_split_is_found(version: Version) -> None:
    """Data F10: also by the quick check."""
    rows = version.rows()
    unseen = next(row for row in rows if row.split == "test_unseen_sites")
    train = next(row for row in rows if row.split == "train")
    changed = [replace(row, site=train.site) if row == unseen else row for row in rows]
    manifest.write(version.path / manifest.FILE_NAME, changed)
    quick = verify(version.path.parents[1], version.name, quick=True)
    assert quick.problems == [f"site {train.site!r} is in test_unseen_sites and in another split"]


def test_a_damaged_manifest_is_a_problem_and_no_traceback(version: Version, tmp_path: Path) -> None:
    (version.path / manifest.FILE_NAME).write_bytes(b"not Parquet")
    (problem,) = problems(version)
    assert problem.startswith("manifest.parquet cannot be read")
