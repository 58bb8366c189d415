"""`isitcake run` that is stopped, with the Prefect server that it starts for itself: flows/deployments.py."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from commands import IN_FRONT, apart

from foundation.environment import child_environment

SERVER = "prefect.server.api.server:create_app"
START_S, END_S = 240, 60


def group(number: int) -> list[psutil.Process]:
    """Every process of a terminal's group that still runs."""
    found = []
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if os.getpgid(process.pid) == number and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        except ProcessLookupError:
            continue
    return found


def wait_for_server(number: int) -> None:
    """Return when the temporary server of this group answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for process in group(number):
            try:
                line = process.cmdline()
                if SERVER in line:
                    httpx.get(f"http://127.0.0.1:{line[line.index('--port') + 1]}/api/health", timeout=2)
                    return
            except (httpx.HTTPError, psutil.Error):
                continue
        time.sleep(0.2)
    pytest.fail("the temporary server did not answer")


def test_a_home_that_cannot_be_written_is_named_at_once(tmp_path: Path) -> None:
    """It waited two minutes, and asked to report a RuntimeError."""
    (tmp_path / "isitcake.toml").touch()
    said = apart(tmp_path, "run", PREFECT_API_URL="", PREFECT_HOME="/proc/nowhere").sentence()
    assert "Prefect cannot write to /proc/nowhere; set PREFECT_HOME" in said


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_its_server(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C reaches the whole group, `kill` the command alone. It ended after minutes, or its server never did."""
    silent = socket.create_server(("127.0.0.1", 0))  # takes a connection and never answers: the flow goes on
    host = f"127.0.0.1:{silent.getsockname()[1]}"
    (tmp_path / "isitcake.toml").write_text(
        f'[project]\ncontact = "me@a.example"\n[crawl]\nallow_private_hosts = ["{host}"]\n[[sources]]\n'
        f'name = "a"\nkind = "site"\nlabel = "cake"\nstart_urls = ["http://{host}/"]\n'
    )
    run = subprocess.Popen(
        [sys.executable, "-c", IN_FRONT, "run"], cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=child_environment(PREFECT_API_URL="", PREFECT_HOME=str(tmp_path / "prefect")),
    )  # fmt: skip
    try:
        wait_for_server(run.pid)
        if sent == signal.SIGINT:
            os.killpg(run.pid, sent)
        else:
            run.send_signal(sent)
        run.wait(END_S)
        deadline = time.monotonic() + END_S
        while (left := group(run.pid)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert left == []
    finally:
        for process in group(run.pid):
            process.kill()
        run.wait()
        silent.close()
    assert run.returncode == (-sent if sent == signal.SIGKILL else 130)
