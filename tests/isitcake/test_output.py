"""What commands print, where a person reads and where a script does."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENTRY

from foundation.environment import child_environment
from isitcake.output import Steps, in_words, print_grid, say, short_path
from isitcake.tables import Grid

LONG = "a sentence of many words " * 8


def test_a_path_below_the_current_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(tmp_path / "a" / "b.jpg") == "a/b.jpg"
    assert short_path("/elsewhere/b.jpg") == "/elsewhere/b.jpg"


def test_a_pipe_has_no_width_unless_columns_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    say(LONG)
    print_grid(Grid(["a", "b"], [("x", LONG)]))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [LONG.strip(), "a  b", f"x  {LONG}".strip()]
    monkeypatch.setenv("COLUMNS", "60")
    say(LONG)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a command prints on a terminal of 80 columns, as lines without colours."""
    master, slave = pty.openpty()
    environment = child_environment(TERM="xterm", COLUMNS="80", LINES="24")
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *arguments], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(slave)
    content = b""
    try:
        while part := os.read(master, 4096):
            content += part
    except OSError:  # the other side is closed
        pass
    process.wait()
    os.close(master)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", content.decode()).replace("\r", "")


@pytest.mark.slow
def test_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """Nothing is wider, no summary of a command is cut; --wide does not wrap."""
    shown = on_a_terminal(tmp_path, "--help")
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." not in shown.partition("Commands:")[2]
    (tmp_path / "a").mkdir()
    on_a_terminal(tmp_path, "init", "--label", "x", "--label", "y", "--folder", "a=x")
    narrow, wide = on_a_terminal(tmp_path, "doctor"), on_a_terminal(tmp_path, "doctor", "--wide")
    assert max(map(len, narrow.splitlines())) <= max(80, len(str(tmp_path)) + 40)
    assert len(wide.splitlines()) < len(narrow.splitlines())


def test_progress_in_a_log_names_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("isitcake.output.time.monotonic", lambda: now[0])
    steps = Steps(None)
    for at, done in ((10.0, 0), (20.0, 50), (30.0, 100), (31.0, 400)):
        now[0] = at
        steps.step("pictures", done, 400)
    now[0] = 100.0
    steps.note("bakery", 0, "page 1")
    now[0] = 160.0
    steps.note("bakery", 30, "page 4")
    assert capsys.readouterr().err.splitlines() == [
        "pictures: 0 of 400",
        "pictures: 50 of 400, 5 a second, 70 s left",
        "pictures: 100 of 400, 5 a second, 60 s left",
        "pictures: 400 of 400",
        "bakery: 0 candidates, page 1",
        "bakery: 30 candidates, 30 a minute, page 4",
    ]


def test_durations_are_for_people() -> None:
    assert [in_words(s) for s in (0.4, 89, 600, 7500)] == ["0 s", "89 s", "10 min", "2 h 5 min"]
