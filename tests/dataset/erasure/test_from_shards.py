"""Images are erased from shards: in every version, with each shard written once, and through kills and damage."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import SMALL_SHARDS

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from dataset.versions.stored import shard_file
from dataset.versions.verify import verify
from labeling.answer_files import import_answers

pytestmark = pytest.mark.parametrize("layout", ["shards"])


def second_version(project: Project, version: Version) -> tuple[Version, Row]:
    """A version without one image, and an image whose shard it shares with the first version."""
    first, *others = version.rows()
    answers = project.home / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{first.sha256},unusable,ann\n")
    import_answers(project, answers)
    name = publish(project, blocks=SMALL_SHARDS).version
    assert name
    second = published.load(project.home, name)
    shared = (row for row in others if second.pictures.where(row).name == version.pictures.where(row).name)
    return second, next(shared)


def picture_of(version: Version, row: Row) -> bytes:
    """Bytes near the end of a picture: Parquet keeps them as they are."""
    content = version.pictures.content(row)
    assert content in version.pictures.where(row).read_bytes()
    return content[-300:-100]


def holding(home: Path, needle: bytes) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_a_shard_that_versions_share_is_replaced_in_all(published_project: Project, version: Version) -> None:
    """The new shard is one file again; the others are not touched; both versions verify and keep their ids."""
    second, row = second_version(published_project, version)
    needle, old = picture_of(version, row), version.pictures.where(row)
    shards = {path: path.stat().st_ino for path in shard_file.shards_in(second.path)}
    report = erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert report.damaged == {}
    assert holding(published_project.home, needle) == []
    assert not old.exists()
    for one in (version, second):
        proof = verify(published_project.home, one.name)
        assert (proof.problems, proof.id) == ([], one.id)
    left = {path: path.stat().st_ino for path in shard_file.shards_in(second.path)}
    kept = {path: inode for path, inode in shards.items() if path in left}
    assert kept.items() <= left.items()
    new = set(left) - set(shards)
    assert len(kept) + len(new) == len(shards)


def test_shared_shards_stay_shared(published_project: Project, version: Version) -> None:
    second, row = second_version(published_project, version)
    one, other = version.pictures.where(row), second.pictures.where(row)
    if not one.samefile(other):  # a copied library has copies where the first one has links
        other.unlink()
        other.hardlink_to(one)
    erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    (new,) = one.parent.glob(f"{shard_file.start_of(one)}-*")
    assert new.samefile(other.with_name(new.name))


def test_a_shard_may_lose_all_its_pictures(published_project: Project, version: Version) -> None:
    """Then it is empty; Hugging Face loads the version all the same."""
    from datasets import load_dataset  # slow to import

    shard = next(path for path in shard_file.shards_in(version.path) if path.parent.name == "train")
    for name in list(shard_file.positions(shard)):
        erase(published_project, Selection(Kind.SHA256, name), "asked")
    assert verify(published_project.home, version.name).problems == []
    loaded = load_dataset(str(version.path))
    assert sum(len(part) for part in loaded.values()) == len(version.rows())


KILLED_AT_STEP = """
import os, signal, sys
from pathlib import Path
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project

def kill(step):
    if sys.argv[3] in step:
        os.kill(os.getpid(), signal.SIGKILL)

erase(open_project(Path(sys.argv[1])), Selection(Kind.SHA256, sys.argv[2]), "asked", before=kill)
"""


@pytest.mark.parametrize("step", ["new shard of", "list of shards", "old shard of", "unfinished versions"])
def test_a_killed_erasure_is_finished_by_the_next_command(
    published_project: Project, version: Version, step: str
) -> None:
    row = version.rows()[0]
    needle = picture_of(version, row)
    config = published_project.settings.config_path
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_STEP, str(config), row.sha256, step], check=False)
    assert killed.returncode == -signal.SIGKILL
    open_project(config).close()
    assert holding(published_project.home, needle) == []
    proof = verify(published_project.home, version.name)
    assert (proof.problems, proof.id) == ([], version.id)
    assert list(version.path.rglob(".*")) == []


def cut(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size - 50)


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, change_a_byte])
def test_a_damaged_shard_keeps_no_picture(
    published_project: Project, version: Version, damage: Callable[[Path], None]
) -> None:
    """A shard that nobody can read is removed and named; one that was changed is erased from, and `verify` names it."""
    row = version.rows()[0]
    shard = version.pictures.where(row)
    damage(shard)
    report = erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert not shard.exists()
    assert ("may hold erased pictures" in report.line()) == (damage is cut)
    assert any(shard.name in problem for problem in verify(published_project.home, version.name).problems)


def test_a_version_without_a_manifest_keeps_no_picture(published_project: Project, version: Version) -> None:
    row = version.rows()[0]
    needle = picture_of(version, row)
    (version.path / "manifest.parquet").unlink()
    report = erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert version.name in report.line()
    assert holding(published_project.home, needle) == []


def test_a_damaged_shard_of_another_split_stays(published_project: Project, version: Version) -> None:
    """Nobody can read it, but the erased image is elsewhere."""
    train = next(path for path in shard_file.shards_in(version.path) if path.parent.name == "train")
    train.chmod(0o644)
    train.write_bytes(train.read_bytes()[:1000])
    row = next(row for row in version.rows() if row.split != "train")
    report = erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert train.exists()
    assert "was removed" not in str(report.damaged)
