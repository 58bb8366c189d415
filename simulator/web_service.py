"""A real `isitcake serve` in a process of its own, for tests and benchmarks, and what it logs."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from foundation.environment import child_environment
from foundation.errors import StageError
from foundation.network.ports import free_ports

DEADLINE_S = 60
START_S = 180  # a start on a machine that is busy with other tests
SECRET = "4f0c9a1be27d8635"  # noqa: S105  signs the links of a service that ends with the test

LAST = "no schedules"  # begins the last line that a service prints before it waits for requests


@dataclass
class Serving:
    """A running service. log: the file of what it prints."""

    port: int
    folder: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def printed(self) -> str:
        return self.log.read_text(errors="replace")


Serve = Callable[..., Serving]  # the fixture `serve` of tests/web/conftest.py


def until(is_true: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
    """Wait for a condition. Raises TimeoutError after the deadline."""
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s")
        threading.Event().wait(0.02)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.RequestException:
        return False


def start_serving(folder: Path, web: str = "", host: str = "127.0.0.1", files: int | None = None) -> Serving:
    """Start `isitcake serve` for the project in this folder. web: lines of [web]. files: its descriptors at most.

    Raises StageError with what it printed, if it ends.
    """
    config = folder / "isitcake.toml"
    config.write_text(f"[web]\n{web}\n{config.read_text()}")
    log = folder / "log.txt"
    (port,) = free_ports(1)
    command = [sys.executable, "-c", "from isitcake.cli import main; main()", "serve"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--host", host, "--port", str(port)],
            cwd=folder, stdout=out, stderr=out, env=child_environment(PREFECT_API_URL="", ISITCAKE_SECRET=SECRET),
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None,
        )  # fmt: skip
    serving = Serving(port, folder, log, process)
    try:
        until(lambda: (answers(serving.url) and LAST in serving.printed()) or process.poll() is not None, START_S)
    except TimeoutError:
        process.kill()
        raise
    if process.poll() is not None:
        raise StageError(f"the web service ended: {serving.printed()}")
    return serving
