"""Files appear whole or not at all, and a killed writer leaves no file behind."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.environment import child_environment
from foundation.errors import StorageError
from foundation.files import link_or_copy, replace_file, replacing, storage_errors, write_once


def test_a_file_is_written_once_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.jpg"
    assert write_once(path, b"one")
    assert not write_once(path, b"two")
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert [p.name for p in path.parent.iterdir()] == ["b.jpg"]


def test_write_once_works_without_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have no O_TMPFILE."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    path = tmp_path / "b.jpg"
    assert write_once(path, b"one")
    assert not write_once(path, b"two")
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["b.jpg"]


def test_a_killed_writer_leaves_no_file(tmp_path: Path) -> None:
    """The process is killed between writing and linking."""
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no nameless files")
    code = (
        "import os, signal; from pathlib import Path; from foundation import files\n"
        "os.link = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"files.write_once(Path({str(tmp_path / 'c.jpg')!r}), b'x' * 100000)"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=child_environment(), cwd=Path(__file__).parents[2])
    assert ended.returncode == -9
    assert list(tmp_path.iterdir()) == []


def test_replace_file_replaces_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def storing_half(path: Path) -> None:
    """Write a part; then the disk is full."""
    path.write_text("three\n")
    raise OSError(errno.ENOSPC, "full")


def test_a_file_that_fails_in_the_middle_leaves_the_older_one(tmp_path: Path) -> None:
    """Written in parts; nothing stays beside it."""
    path = tmp_path / "new" / "a.csv"
    with replacing(path) as partial, partial.open("w") as file:
        file.writelines(["one\n", "two\n"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    with pytest.raises(StorageError, match="no room left"), replacing(path) as partial:
        storing_half(partial)
    assert path.read_text() == "one\ntwo\n"
    assert [p.name for p in path.parent.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no room left on the disk of"),
        (errno.EACCES, "fix its permissions"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_an_error_of_the_file_system_says_what_to_do(tmp_path: Path, number: int, message: str) -> None:
    with pytest.raises(StorageError, match=message) as caught, storage_errors(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "a") in str(caught.value)


def test_a_file_is_linked_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard link if the file system allows one, a copy otherwise: the same bytes either way."""
    source = tmp_path / "a"
    source.write_bytes(b"x" * 5000)
    assert link_or_copy(source, tmp_path / "b") == "hard link"
    assert (tmp_path / "b").samefile(source)

    def refuse(*_: object) -> None:
        raise OSError("this file system has no links")

    monkeypatch.setattr("os.link", refuse)
    assert link_or_copy(source, tmp_path / "c") in ("reflink", "copy")
    assert (tmp_path / "c").read_bytes() == source.read_bytes()
