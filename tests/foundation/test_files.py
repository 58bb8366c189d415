"""Files appear whole or not at all, and a killed writer leaves nothing behind."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.environment import child_environment
from foundation.files import write_once


def test_written_once_read_only_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.jpg"
    assert write_once(path, b"one")
    assert not write_once(path, b"two")
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert [p.name for p in path.parent.iterdir()] == ["b.jpg"]


def test_where_files_need_names_it_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without nameless files."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    path = tmp_path / "b.jpg"
    assert write_once(path, b"one")
    assert not write_once(path, b"two")
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["b.jpg"]


def test_a_killed_writer_leaves_nothing(tmp_path: Path) -> None:
    """Killed between writing and linking."""
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
