"""foundation/beside: a process of its own links files and looks at files, and what it cannot do is told."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.beside import file_program
from foundation.beside.file_work import FileWork, Linking


def _file(folder: Path, name: str, content: bytes = b"content") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _pairs(folder: Path, number: int) -> list[tuple[str, str]]:
    return [(str(_file(folder, f"{n}.jpg", b"%d" % n)), str(folder / f"link {n}\n.jpg")) for n in range(number)]


def test_files_are_links_once_the_block_is_left(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path, 300)
    with Linking() as linking:
        for start in range(0, 300, 7):  # many parts: more than may be ahead
            linking.add(pairs[start : start + 7])
    assert all(Path(source).samefile(target) for source, target in pairs)


def test_a_target_that_is_there_is_replaced_and_its_source_stays(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path, 3)
    Path(pairs[0][1]).hardlink_to(pairs[0][0])  # of a publish that was killed
    Path(pairs[1][1]).write_bytes(b"of another")
    with Linking() as linking:
        linking.add(pairs)
    assert [Path(source).read_bytes() for source, _ in pairs] == [b"0", b"1", b"2"]
    assert [Path(target).read_bytes() for _, target in pairs] == [b"0", b"1", b"2"]


def test_files_of_another_file_system_are_copied(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"isitcake-{os.getpid()}"
    if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    elsewhere.write_bytes(b"content")
    try:
        with Linking() as linking:
            linking.add([(str(elsewhere), str(tmp_path / "copy"))])
        assert (tmp_path / "copy").read_bytes() == b"content"
        assert (tmp_path / "copy").stat().st_nlink == 1
    finally:
        elsewhere.unlink()


def test_where_the_process_is_killed_this_one_links(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path, 50)
    with Linking() as linking:
        linking.add(pairs[:10])
        process = linking._work._process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        linking.add(pairs[10:])
    assert all(Path(source).samefile(target) for source, target in pairs)


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, Linking() as linking:
        linking.add([(str(tmp_path / "gone"), str(tmp_path / "link"))])
    assert raised.value.errno == errno.ENOENT


def test_an_error_of_the_block_ends_the_process(tmp_path: Path) -> None:
    linking = Linking()
    linking.add(_pairs(tmp_path, 5))
    process = linking._work._process
    assert process is not None
    linking.__exit__(ValueError, ValueError("mine"), None)
    assert process.poll() is not None


def test_without_files_no_process_starts() -> None:
    with Linking() as linking:
        linking.add([])
        assert linking._work._process is None


def test_a_look_finds_files_that_are_gone_cut_or_changed(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    (tmp_path / "closed").mkdir()  # not a file
    records = [
        (str(_file(tmp_path, "whole")), "7", digest),
        (str(tmp_path / "gone"), "7", ""),
        (str(_file(tmp_path, "cut", b"cont")), "7", ""),
        (str(_file(tmp_path, "changed", b"CONTENT")), "7", digest),
        (str(_file(tmp_path, "not hashed", b"CONTENT")), "7", ""),
        (str(tmp_path / "closed"), str((tmp_path / "closed").stat().st_size), digest),
    ]
    with FileWork("look") as work:
        work.give(records)
        assert work.failed() == [1, 2, 3, 5]


def test_the_program_needs_no_package_and_no_other_module() -> None:
    command = [sys.executable, "-I", "-S", "-X", "importtime", file_program.__file__, "look"]
    ended = subprocess.run(command, input=b"", capture_output=True, check=True)
    assert b"foundation" not in ended.stderr
    assert ended.stdout.strip() == b""
