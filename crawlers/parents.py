"""A process that does not outlive the process that started it, whatever it does."""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# A process of its own: in this one, a thread may never get its turn. It reads what we read, and sees the end with us.
WATCHER = "import os, sys\nwhile os.read(0, 4096): pass\nos.kill(int(sys.argv[1]), 9)"


def end_with_parent() -> None:
    """Kill this process when its parent ends. Standard input is a pipe that the parent holds and writes nothing to.

    On Linux the kernel does it. It means the thread that started us, which must wait for our end. Elsewhere a process
    beside us does it. A thread ends us early and in order, as long as it gets its turn.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        subprocess.Popen([sys.executable, "-c", WATCHER, str(os.getpid())])

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock, held by this thread, would abort an ordinary exit
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
