"""A process ends with its parent, whatever it does."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from crawling import wait_until

# The child says that it is ready, then keeps the interpreter to itself: no thread of it ever gets a turn.
CHILD = """
import re, sys
from crawlers.parents import end_with_parent
end_with_parent()
print("ready", flush=True)
re.match("(a*)*b", "a" * 60)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_never_yields_ends_with_its_parent(sent: signal.Signals) -> None:
    """F22: a crawl that an endless pattern holds was found as an orphan after `timeout` had killed `collect`."""
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, sent)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, timeout_s=20)
