"""Run `isitcake` commands in this process or in one of their own, and shell blocks of our pages as a reader would."""

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from foundation.environment import child_environment
from isitcake import cli

ROOT = Path(__file__).parents[2]
ENTRY = "from isitcake.cli import main; main()"
# The same as in front of a terminal: what runs the tests may ignore signals (`nohup`, a job in the background).
IN_FRONT = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    f"signal.signal(signal.SIGHUP, signal.SIG_DFL); {ENTRY}"
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str

    def sentence(self, code: int = 1) -> str:
        """The one sentence with which the command failed. code: the exit code that it must have."""
        lines = [line for line in self.stderr.strip().splitlines() if line.startswith("error: ")]
        assert self.returncode == code, self.stderr or self.stdout
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        return lines[0]


def here(folder: Path, *arguments: str) -> Ended:
    """Run a command of the project in `folder` in this process, which saves the time of a start."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["isitcake", *arguments, "--config", str(folder / "isitcake.toml")]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before
    return Ended(code, out.getvalue(), err.getvalue())


def apart(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run a command in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", ENTRY, *arguments],
        cwd=folder, env=child_environment(**environment), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def shell_blocks(page: str) -> list[str]:
    """The blocks of a page that are marked `sh`, in order. page: path from the root of the project."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.+?)^```", text, re.MULTILINE | re.DOTALL)


def shell_environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a shell in `folder`: no setting of the machine reaches it."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "LANG": "C.UTF-8", **variables}


def run_block(block: str, folder: Path, **variables: str) -> str:
    """Run a block in a shell. Returns what it prints; if it fails, the test shows both streams."""
    ran = subprocess.run(
        ["bash", "-euc", block],
        cwd=folder, env=shell_environment(folder, **variables), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
