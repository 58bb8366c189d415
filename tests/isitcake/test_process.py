"""What stops a command, and a command whose caller closed its standard streams: isitcake/process.py."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from commands import ENTRY, IN_FRONT, apart
from crawling import wait_until
from PIL import Image

from foundation.environment import child_environment
from foundation.network.ports import free_ports

# A program that starts a server of the demo, and waits.
STARTER = """
import sys, time
from pathlib import Path
from simulator.servers import _start
print(_start("Sleep", ["sleep", "60"], {}, int(sys.argv[1]), Path(sys.argv[2])).process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty project."""
    (tmp_path / "isitcake.toml").touch()
    return tmp_path


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_command_with_a_sentence(folder: Path, sent: signal.Signals) -> None:
    """`kill`, `docker stop` and a closed terminal stop it as Ctrl-C does, so that it stops what it started."""
    serving = subprocess.Popen(
        [sys.executable, "-c", IN_FRONT, "serve", "--port", str(free_ports(1)[0])], cwd=folder,
        env=child_environment(PREFECT_API_URL=""), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert serving.stderr is not None
    assert any(line.startswith("no schedules") for line in serving.stderr)
    serving.send_signal(sent)
    _, rest = serving.communicate(timeout=60)
    assert "stopped; what was done is kept" in rest
    assert "Traceback" not in rest
    assert serving.returncode == 130


def test_an_ignored_signal_stays_ignored() -> None:
    """`nohup isitcake …` goes on when the terminal is closed."""
    script = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from isitcake.process import stop_like_ctrl_c; "
        "stop_like_ctrl_c(); assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(folder: Path, closed: str) -> None:
    """The command is done; what it prints goes nowhere, and into no file that it opens."""
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" status {closed}', sys.executable, ENTRY], cwd=folder,
        env=child_environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_letters_that_the_screen_lacks(folder: Path) -> None:
    """They are printed as escapes, and JSON stays JSON: a screen of Latin-1 ended commands in the middle of a table."""
    (folder / "茶碗").mkdir()
    for n in range(2):
        Image.effect_noise((220, 220), 50 + n).save(folder / "茶碗" / f"{n} 🍵.jpg")
    (folder / "isitcake.toml").write_text(
        '[[sources]]\nname = "bowls"\nkind = "folder"\nlabel = "cake"\npath = "茶碗"\n', encoding="utf-8"
    )
    assert apart(folder, "collect", PYTHONIOENCODING="latin-1").returncode == 0
    shown = apart(folder, "outcomes", "bowls", PYTHONIOENCODING="latin-1")
    assert shown.returncode == 0, shown.stderr
    assert r"folder:bowls/1 \U0001f375.jpg" in shown.stdout
    rows = json.loads(apart(folder, "outcomes", "bowls", "--json", PYTHONIOENCODING="latin-1").stdout)
    assert [row["address"] for row in rows] == ["folder:bowls/0 🍵.jpg", "folder:bowls/1 🍵.jpg"]


def test_a_server_of_the_demo_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    """Else the port of Prefect stays taken, and the next demo fails."""
    command = [sys.executable, "-c", STARTER, str(free_ports(1)[0]), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        server = psutil.Process(int(starter.stdout.readline()))
        wait_until(lambda: server.cmdline()[:1] == ["sleep"], timeout_s=20)
        os.kill(starter.pid, signal.SIGKILL)
    wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, timeout_s=20)
