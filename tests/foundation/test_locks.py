"""Locks between processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.locks import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from foundation.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_process_waits_and_a_killed_process_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    root = Path(__file__).parents[2]
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=root)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(TimeoutError), exclusive(path, 0.1):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with exclusive(path, 5):
        pass
