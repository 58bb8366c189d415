"""Starts real servers on loopback for the demo and the tests: Label Studio and Prefect."""

import dataclasses
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from foundation.environment import child_environment
from foundation.errors import StageError
from foundation.network.ports import is_taken

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 15.0
# Asks the kernel to end this process in order when the one that starts it is killed (prctl.h: PR_SET_PDEATHSIG), and
# becomes the server. It means the thread that starts it, which must wait for its end.
ENDS_WITH_US = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execvp(sys.argv[1], sys.argv[1:])"


@dataclass
class Service:
    """A server in a process group of its own. log: the file with its output."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    auth: str = ""  # `user:password`, where it has one

    def wait(self, path: str, timeout_s: float = START_TIMEOUT_S, tell: Callable[[], None] = lambda: None) -> None:
        """Return once GET `path` answers; tell() is called after each try.

        Raises StageError if the server ends first or takes longer than timeout_s.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise StageError(f"{self.name} ended while starting: {self._last_line()}; see {self.log}")
            try:
                if requests.get(self.url + path, timeout=2).status_code < 400:
                    return
            except requests.RequestException:
                pass
            tell()
            time.sleep(0.2)
        raise StageError(f"{self.name} did not answer within {timeout_s:.0f} s; see {self.log}")

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "no output"


@dataclass(frozen=True)
class LabelStudioAccount:
    """The account that we log in with to a Label Studio that we started."""

    email: str = "reviewer@example.org"
    password: str = "is-it-cake"  # noqa: S105  a demo's, on loopback
    token: str = hashlib.sha256(b"is it cake demo").hexdigest()[:40]


def start_label_studio(folder: Path, port: int, account: LabelStudioAccount) -> Service:
    """Start Label Studio from its own environment, with its data in `folder`. Raises StageError if not installed."""
    command = label_studio_command()
    folder.mkdir(parents=True, exist_ok=True)
    changes = {
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_USERNAME": account.email,
        "LABEL_STUDIO_PASSWORD": account.password,
        "LABEL_STUDIO_USER_TOKEN": account.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
    }
    arguments = ["start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    return _start("Label Studio", [command, *arguments], changes, port, folder / "label-studio.log")


def start_prefect(folder: Path, port: int) -> Service:
    """Start a Prefect server, with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    origin = f"http://127.0.0.1:{port}"
    changes = {
        **prefect_environment(folder, f"{origin}/api", prefect_auth(folder)),
        "PREFECT_SERVER_API_AUTH_STRING": prefect_auth(folder),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin,  # of its own pages; the default is every origin
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    service = _start("Prefect", command, changes, port, folder / "prefect.log")
    return dataclasses.replace(service, auth=prefect_auth(folder))


def prefect_auth(folder: Path) -> str:
    """The user and password of the Prefect server in `folder`, `user:password`: drawn once, readable by us only.

    Without one, any page in a browser on this machine could create a deployment and run code.
    """
    path = folder / "auth"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"isitcake:{secrets.token_urlsafe(24)}")
    return path.read_text(encoding="utf-8")


def prefect_environment(folder: Path, api_url: str, auth: str) -> dict[str, str]:
    """Environment variables for a process that uses a Prefect server that we started. auth: of that server."""
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": api_url,
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }


def label_studio_command() -> str:
    """Path of `label-studio`: in .venv-label-studio beside this environment, or on the PATH."""
    beside = Path(sys.prefix).parent / ".venv-label-studio" / "bin" / "label-studio"
    command = str(beside) if beside.is_file() else shutil.which("label-studio")
    if not command:
        raise StageError("Label Studio is not installed; run `make setup`")
    return command


def _start(name: str, command: list[str], changes: dict[str, str], port: int, log: Path) -> Service:
    if is_taken(port):
        raise StageError(
            f"{name} cannot listen on port {port}, which is taken; stop the program that uses it and try again"
        )
    before = [sys.executable, "-c", ENDS_WITH_US] if sys.platform == "linux" else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*before, *command],
            env=child_environment(**changes),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Service(name, f"http://127.0.0.1:{port}", process, log)
