"""No version gets a normalised picture that is not what the catalog says."""

import os
import shutil
from pathlib import Path

import pytest

from dataset.catalog.tables import digests
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify
from labeling.answer_files import import_answers


@pytest.mark.parametrize("is_longer", [False, True])
@pytest.mark.parametrize("is_dated_back", [False, True])
def test_a_flipped_byte_in_a_normalised_picture_is_repaired(
    published_project: Project, *, is_longer: bool, is_dated_back: bool
) -> None:
    """Data F14: with the same size and with another, also where the time of writing was set back. Both versions verify.

    The file is one with the older version's, so that is repaired, too.
    """
    older = published.newest(published_project.home)
    assert older is not None
    out, damaged = older.rows()[:2]
    answers = published_project.home / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{out.sha256},unusable,ann\n")
    import_answers(published_project, answers)
    picture = published_project.normalised.path(damaged.sha256)
    (older.path / damaged.file).unlink()  # a copied library has copies where the first one has links
    (older.path / damaged.file).hardlink_to(picture)
    _flip(picture, is_longer=is_longer, is_dated_back=is_dated_back)
    assert verify(published_project.home, older.name).problems != []
    report = publish(published_project)
    assert any("were damaged and were made again" in note for note in report.notes)
    for version in published.listing(published_project.home):
        assert verify(published_project.home, version.name).problems == []


def test_a_picture_that_was_damaged_before_the_first_version_is_repaired(collected: Project) -> None:
    """Data F14: nothing says yet what its bytes are, so it is compared with its original."""
    publish(collected)
    for version in published.listing(collected.home):
        shutil.rmtree(version.path)
    path = next((collected.home / "derived").rglob("*.jpg"))
    with collected.catalog.write() as connection:
        connection.execute(digests.delete())
    before = path.read_bytes()
    _flip(path, is_longer=False, is_dated_back=True)
    publish(collected)
    assert path.read_bytes() == before
    (name,) = published.names(collected.home)
    assert verify(collected.home, name).problems == []


def _flip(path: Path, *, is_longer: bool, is_dated_back: bool) -> None:
    """Change a byte in the middle of a file, in place."""
    state, content = path.stat(), path.read_bytes()
    middle = len(content) // 2
    path.chmod(0o644)
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] + b"x" * is_longer)
    if is_dated_back:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
