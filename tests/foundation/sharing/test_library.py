"""foundation.sharing: what one machine gives, another one takes; a kill, a damage or a foreign path does no harm."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from foundation.errors import StorageError
from foundation.sharing.bucket import Bucket
from foundation.sharing.library import LISTS, OBJECTS, TAKING, SharedLibrary
from foundation.sharing.units import Changes

VERSION = {
    "versions/2026.11.0/version.json": b"facts",
    "versions/2026.11.0/data/train/cake/0a.jpg": b"one",
    "versions/2026.11.0/data/train/cake/0b.jpg": b"two",
}
MODEL = {"models/linear/2026.11.0/model.onnx": b"weights", "models/champion.json": b"{}"}
NEW = Changes(new=("versions/", "models/"))
ERASED = Changes(changed=("versions/", "models/"))
Machine = Callable[[str], SharedLibrary]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket("s3://pictures/cakes", MemoryStore())


@pytest.fixture
def machine(bucket: Bucket, tmp_path: Path) -> Machine:
    return lambda name: SharedLibrary(tmp_path / name, bucket)


def write(machine: SharedLibrary, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = machine.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def read(machine: SharedLibrary) -> dict[str, bytes]:
    """The files of a machine that are shared."""
    folders = (machine.home / name for name in ("versions", "models", "reports"))
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    paths += [path for path in [machine.home / "pushed.json"] if path.is_file()]
    return {str(path.relative_to(machine.home)): path.read_bytes() for path in paths}


def objects(bucket: Bucket) -> set[str]:
    return {entry.key[-64:] for entry in bucket.entries(OBJECTS)}


def listed(bucket: Bucket) -> set[str]:
    lists = (json.loads(bucket.read(entry.key)) for entry in bucket.entries(LISTS))
    return {sha256 for one in lists for sha256 in one["files"].values()}


def test_another_machine_has_the_same_files(machine: Machine, bucket: Bucket) -> None:
    """A second time nothing is given or taken. What is unfinished stays where it is."""
    first, second = machine("first"), machine("second")
    files = {**VERSION, **MODEL, "reports/2026.11.0.html": b"page", "pushed.json": b"{}"}
    write(first, {**files, "versions/.building-2026.11.1/manifest.parquet": b"half", "crawl.log": b"mine"})
    units = ["models", "models/linear/2026.11.0", "pushed", "reports", "versions/2026.11.0"]
    assert sorted(first.give(NEW)) == units
    assert second.take() == units
    assert second.units() == units
    assert read(second) == files
    assert (first.give(NEW), first.take(), second.give(NEW), second.take()) == ([], [], [], [])
    assert objects(bucket) == listed(bucket)


def test_a_change_arrives_and_what_was_removed_goes(machine: Machine, bucket: Bucket) -> None:
    """Also in the bucket, at once, unless another unit has it."""
    first, second = machine("first"), machine("second")
    write(first, {**VERSION, "models/linear/2026.11.0/facts.json": b"facts", "reports/2026.11.0.html": b"page"})
    first.give(NEW)
    second.take()
    changed = {"versions/2026.11.0/version.json": b"other facts", "versions/2026.11.0/erased.json": b"[]"}
    write(second, changed)
    (second.home / "versions/2026.11.0/data/train/cake/0a.jpg").unlink()
    (second.home / "reports/2026.11.0.html").unlink()
    assert second.give(NEW) == ["reports"]
    assert second.give(ERASED) == ["versions/2026.11.0"]
    assert first.take() == ["reports", "versions/2026.11.0"]
    assert read(first) == read(second)
    assert "versions/2026.11.0/data/train/cake/0a.jpg" not in read(first)
    assert objects(bucket) == listed(bucket)
    assert bucket.read(f"{OBJECTS}/{sha('facts')[:2]}/{sha('facts')}") == b"facts"


def test_a_file_of_ones_own_stays(machine: Machine) -> None:
    """A file that no machine gave is not removed when others change the unit."""
    first, second = machine("first"), machine("second")
    write(first, {"reports/2026.11.0.html": b"page"})
    first.give(NEW)
    second.take()
    write(second, {"reports/probe-cakes.html": b"mine"})
    write(first, {"reports/2026.11.0.html": b"newer"})
    first.give(NEW)
    second.take()
    assert read(second) == {"reports/2026.11.0.html": b"newer", "reports/probe-cakes.html": b"mine"}


def test_a_lost_library_comes_back(machine: Machine) -> None:
    """Whole, or one folder of it. The notes of the machine may be lost or damaged, too."""
    first = machine("first")
    write(first, VERSION)
    first.give(NEW)
    (first.home / "versions" / "2026.11.0").rename(first.home / "gone")
    assert first.take() == ["versions/2026.11.0"]
    assert read(first) == VERSION
    for notes in (first.home / "cache").glob("*.db*"):
        notes.write_bytes(b"no database")
    first.take()
    assert first.give(NEW) == []
    assert read(first) == VERSION


def test_a_killed_download_continues(machine: Machine) -> None:
    """A version appears whole. What had arrived is not asked for again."""
    first, second = machine("first"), machine("second")
    write(first, VERSION)
    first.give(NEW)
    half = second.home / "versions" / f"{TAKING}2026.11.0"
    (half / "data/train/cake").mkdir(parents=True)
    (half / "data/train/cake/0a.jpg").write_bytes(b"one")
    (half / "data/train/cake/0b.jpg").write_bytes(b"t")
    arrived = (half / "data/train/cake/0a.jpg").stat().st_ino
    second.take()
    assert read(second) == VERSION
    assert (second.home / "versions/2026.11.0/data/train/cake/0a.jpg").stat().st_ino == arrived


def test_what_a_machine_has_is_linked(machine: Machine) -> None:
    """The next version shares its pictures with the one before."""
    first, second = machine("first"), machine("second")
    write(first, VERSION)
    first.give(NEW)
    second.take()
    write(first, {name.replace("11.0", "11.1"): content for name, content in VERSION.items()})
    first.give(NEW)
    second.take()
    paths = [second.home / f"versions/2026.11.{number}/data/train/cake/0a.jpg" for number in (0, 1)]
    assert paths[0].samefile(paths[1])


def test_what_was_erased_elsewhere_does_not_come_back(machine: Machine, bucket: Bucket) -> None:
    """Also if a machine lost its notes meanwhile, or a kill left an older state on its way."""
    first, second, third = machine("first"), machine("second"), machine("third")
    write(first, {**VERSION, "reports/2026.11.0.html": b"page"})
    first.give(NEW)
    second.take()
    shutil.rmtree(second.home / "cache")
    left = third.home / "versions" / f"{TAKING}2026.11.0" / "data/train/cake/0a.jpg"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"one")
    (first.home / "versions/2026.11.0/data/train/cake/0a.jpg").unlink()
    (first.home / "reports/2026.11.0.html").unlink()
    first.give(ERASED)
    second.drop_unlisted()
    for other in (second, third):
        other.take()
        assert read(other) == read(first)
        assert other.give(NEW) == []
    assert objects(bucket) == listed(bucket)


def test_a_change_in_the_middle_of_a_download(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure removes an object that is to be downloaded: the newer state is taken."""
    first, second = machine("first"), machine("second")
    write(first, VERSION)
    first.give(NEW)
    download, erased = Bucket.download, (first.home / "versions/2026.11.0/data/train/cake/0a.jpg")

    def erase_first(self: Bucket, key: str, path: Path) -> None:
        if erased.exists():
            erased.unlink()
            first.give(ERASED)
        download(self, key, path)

    monkeypatch.setattr(Bucket, "download", erase_first)
    second.take()
    assert read(second) == read(first)


def test_a_bucket_that_lost_everything_gets_it_again(machine: Machine, bucket: Bucket) -> None:
    first = machine("first")
    write(first, VERSION)
    first.give(NEW)
    bucket.delete([entry.key for entry in [*bucket.entries(LISTS), *bucket.entries(OBJECTS)]])
    first.take()
    assert read(first) == VERSION
    assert first.give(NEW) == ["versions/2026.11.0"]
    machine("second").take()
    assert read(machine("second")) == VERSION


def test_a_damaged_object_is_said_and_stored_nowhere(machine: Machine, bucket: Bucket) -> None:
    first, second = machine("first"), machine("second")
    write(first, VERSION)
    first.give(NEW)
    bucket.put(f"{OBJECTS}/{sha('one')[:2]}/{sha('one')}", b"another")
    with pytest.raises(StorageError, match="is not what was stored"):
        second.take()
    assert not (second.home / "versions" / "2026.11.0").exists()


def test_objects_that_no_list_has_are_swept(machine: Machine, bucket: Bucket) -> None:
    """A killed machine left them."""
    first = machine("first")
    write(first, VERSION)
    first.give(NEW)
    bucket.put(f"{OBJECTS}/{sha('lost')[:2]}/{sha('lost')}", b"lost")
    assert first.sweep() == 1
    assert objects(bucket) == listed(bucket)


def test_a_loss_or_a_damage_reaches_no_other_machine(machine: Machine) -> None:
    """It is repaired before an erasure."""
    first, second = machine("first"), machine("second")
    write(first, {**VERSION, **MODEL})
    first.give(NEW)
    second.take()
    (second.home / "versions/2026.11.0/data/train/cake/0a.jpg").unlink()
    write(second, {"versions/2026.11.0/version.json": b"", "versions/2026.11.0/extra.txt": b"a user's"})
    assert second.give(NEW) == []
    assert first.take() == []
    assert second.take(repaired="versions/") == ["versions/2026.11.0"]
    assert read(second) == {**VERSION, **MODEL, "versions/2026.11.0/extra.txt": b"a user's"}
    assert second.take(repaired="versions/") == []


def test_single_files_that_both_changed_are_merged(machine: Machine) -> None:
    """What one added or removed is kept, whoever takes first. Of one file, a removal counts."""
    first, second = machine("first"), machine("second")
    reports = {f"reports/{name}.html": name.encode() for name in "abc"}
    write(first, {**reports, "models/champion.json": b"1"})
    first.give(NEW)
    second.take()
    write(first, {"reports/new.html": b"mine", "reports/c.html": b"newer", "models/champion.json": b"2"})
    (first.home / "reports/a.html").unlink()
    write(second, {"models/reads.json": b"7"})
    (second.home / "reports/c.html").unlink()
    assert sorted(first.give(NEW)) == ["models", "reports"]
    second.take()
    assert sorted(second.give(NEW)) == ["models", "reports"]
    first.take()
    expected = {
        "reports/b.html": b"b",
        "reports/new.html": b"mine",
        "models/champion.json": b"2",
        "models/reads.json": b"7",
    }
    assert read(first) == read(second) == expected


def test_a_removed_model_is_removed_everywhere(machine: Machine) -> None:
    """And may be made again."""
    first, second = machine("first"), machine("second")
    write(first, MODEL)
    first.give(NEW)
    second.take()
    shutil.rmtree(second.home / "models/linear/2026.11.0")
    assert second.give(NEW) == []
    assert second.give(Changes(changed=("models/",))) == ["models/linear/2026.11.0"]
    assert first.take() == ["models/linear/2026.11.0"]
    assert not (first.home / "models/linear/2026.11.0").exists()
    assert (first.take(), second.take(), second.give(NEW)) == ([], [], [])
    write(first, MODEL)
    assert first.give(NEW) == ["models/linear/2026.11.0"]
    assert second.take() == ["models/linear/2026.11.0"]


def test_a_unit_that_cannot_be_brought_stops_no_other(machine: Machine, bucket: Bucket) -> None:
    """What was erased goes, whatever else is missing."""
    first, second = machine("first"), machine("second")
    write(first, {**VERSION, **MODEL})
    first.give(NEW)
    second.take()
    write(first, {"models/linear/2026.11.0/model.onnx": b"other weights"})
    (first.home / "versions/2026.11.0/data/train/cake/0a.jpg").unlink()
    first.give(ERASED)
    bucket.delete([f"{OBJECTS}/{sha('other weights')[:2]}/{sha('other weights')}"])
    with pytest.raises(StorageError, match="is gone"):
        second.take()
    assert "versions/2026.11.0/data/train/cake/0a.jpg" not in read(second)


def test_versions_may_be_on_another_disk(machine: Machine, tmp_path: Path) -> None:
    """A file is moved to its place on one disk only."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second disk here")
    first, second = machine("first"), machine("second")
    write(first, VERSION)
    first.give(NEW)
    second.home.mkdir()
    with tempfile.TemporaryDirectory(dir=memory) as disk:
        (second.home / "versions").symlink_to(disk)
        second.take()
        assert read(second) == VERSION


def test_what_was_never_given_is_dropped(machine: Machine) -> None:
    first = machine("first")
    write(first, VERSION)
    first.give(NEW)
    write(first, {**MODEL, "reports/2026.11.1.html": b"mine"})
    assert first.unlisted() == ["models/linear/2026.11.0"]
    assert first.drop_unlisted() == ["models/linear/2026.11.0"]
    assert read(first) == {**VERSION, "models/champion.json": b"{}"}


def test_another_bucket_gets_everything(machine: Machine, tmp_path: Path) -> None:
    write(machine("first"), VERSION)
    machine("first").give(NEW)
    moved = SharedLibrary(tmp_path / "first", Bucket("s3://other", MemoryStore()))
    assert moved.give(NEW) == ["versions/2026.11.0"]


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
