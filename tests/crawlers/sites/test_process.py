"""A crawl's own process ends with the process that started it."""

import signal
import subprocess
import sys
from pathlib import Path

from crawling import wait_until

from foundation.environment import child_environment

# The child holds the interpreter for ever, as a reader that backtracks would: no thread of its gets a turn.
CHILD = (
    "from crawlers.sites.process import _end_with_parent; _end_with_parent(); import re; print('on', flush=True); "
    "re.match('(a|aa)*b', 'a' * 90)"
)
PARENT = (
    f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {CHILD!r}], stdin=subprocess.PIPE, "
    "stdout=subprocess.PIPE); child.stdout.readline(); print(child.pid, flush=True); child.wait()"
)

TICKS = 20


def test_a_child_that_never_yields_ends_with_its_parent() -> None:
    """F22: whatever it does when its parent is killed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=child_environment()
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    begun = ticks(child)
    wait_until(lambda: ticks(child) > begun + TICKS)  # it reads
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: not is_running(child), 10)


def ticks(pid: int) -> int:
    """Hundredths of seconds of CPU that the process has used."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def is_running(pid: int) -> bool:
    """Whether there is such a process that nobody has ended; one that nobody has waited for has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
