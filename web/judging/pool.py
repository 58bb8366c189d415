"""A few processes that judge pictures of visitors. A picture that kills one costs nothing lasting."""

import json
import os
import resource
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from foundation.errors import StorageError
from web.judging.worker import LENGTH, TOO_COSTLY, UNREADABLE

WORKERS = 2  # at the same time, of about 90 MB each
MOST_WAITING = 6  # pictures that wait for a process; more are refused
START_S = 60.0  # for a process to begin and to load the model
JUDGE_S = 20.0  # for one picture; a photo takes less than one second
WAIT_S = 30.0  # for a process to be free
IDLE_S = 120.0  # a process without work for this long is ended
MOST_PICTURES = 200  # of one process; then its memory is given back
READ_BYTES = 65_536
GREW_BYTES = 300_000_000  # and where one picture left it so much larger


class Unreadable(ValueError):
    """The bytes are no picture that we take; the message says why."""


class TooCostly(ValueError):
    """The picture needs more memory or time than one picture may."""


class Busy(Exception):
    """Too many pictures wait already."""


class Judges:
    """Probabilities of the labels for pictures, from processes that are started when they are needed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Condition()
        self._idle: list[_Judge] = []
        self._working = 0
        self._waiting = 0

    def probabilities(self, model_id: str, content: bytes) -> dict[str, float]:
        """Raises Unreadable, TooCostly, Busy, or StorageError where the model cannot be loaded."""
        judge = self._taken(model_id)
        try:
            return judge.probabilities(content)
        finally:
            self._give_back(judge)

    def close(self) -> None:
        """End the processes that have no work."""
        with self._lock:
            idle, self._idle = self._idle, []
        for judge in idle:
            judge.end()

    def _taken(self, model_id: str) -> "_Judge":
        """A process with this model that nobody else uses now."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                raise Busy
            self._waiting += 1
            is_free = self._lock.wait_for(lambda: self._working < WORKERS, WAIT_S)
            self._waiting -= 1
            if not is_free:
                raise Busy
            self._working += 1
            judge = self._idle.pop() if self._idle else _Judge(self._home, model_id)
        if judge.model_id == model_id:
            return judge
        judge.end()  # it has the default model from before
        return _Judge(self._home, model_id)

    def _give_back(self, judge: "_Judge") -> None:
        if judge.is_worn or not judge.is_alive:
            judge.end()
        with self._lock:
            self._working -= 1
            if judge.is_alive:
                self._idle.append(judge)
                timer = threading.Timer(IDLE_S, self._end_idle)
                timer.daemon = True
                timer.start()
            self._lock.notify()

    def _end_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [judge for judge in self._idle if now - judge.used_at >= IDLE_S]
            self._idle = [judge for judge in self._idle if judge not in old]
        for judge in old:
            judge.end()


class _Judge:
    """One process. It begins with its first picture."""

    def __init__(self, home: Path, model_id: str) -> None:
        self.model_id = model_id
        self.used_at = time.monotonic()
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._pictures = 0
        self._first_bytes = 0

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_worn(self) -> bool:
        """Whether its memory should be given back to the system."""
        grew = _resident_bytes(self._process) - self._first_bytes if self._process and self.is_alive else 0
        return self._pictures >= MOST_PICTURES or grew > GREW_BYTES

    def probabilities(self, content: bytes) -> dict[str, float]:
        deadline = time.monotonic() + JUDGE_S
        process = self._process
        if process is None or not self.is_alive:
            self.end()  # of one that died, the pipes are still open
            self._process = process = self._started()
            deadline += START_S
        self._pictures += 1
        answer = self._ask(process, content, deadline)
        self.used_at = time.monotonic()
        self._first_bytes = self._first_bytes or _resident_bytes(process)
        if "probabilities" in answer:
            return {str(label): float(p) for label, p in answer["probabilities"].items()}
        if answer["problem"] == UNREADABLE:
            raise Unreadable(answer["text"])
        self.end()
        if answer["problem"] == TOO_COSTLY:
            raise TooCostly("this picture needs too much memory or time")
        raise StorageError(answer["text"])

    def end(self) -> None:
        """Kill the process and wait for it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

    def _started(self) -> "subprocess.Popen[bytes]":
        # The environment of this process has the project's secrets: a picture that takes over the worker finds none.
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        environment = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "web.judging.worker", str(self._home), self.model_id], bufsize=0, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,  # what libraries say of pictures
        )  # fmt: skip

    def _ask(self, process: subprocess.Popen[bytes], content: bytes, deadline: float) -> dict[str, Any]:
        """Send a picture and read the answer. A process that dies or takes too long has answered: too costly."""
        source, target = process.stdout.fileno(), process.stdin.fileno()  # type: ignore[union-attr]  # both are pipes
        os.set_blocking(target, False)
        left, line = memoryview(LENGTH.pack(len(content)) + content), b""
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            selector.register(target, selectors.EVENT_WRITE)
            try:
                while not line.endswith(b"\n"):
                    ready = [key.fd for key, _ in selector.select(max(0.0, deadline - time.monotonic()))]
                    if target in ready:
                        try:
                            left = left[os.write(target, left) :]
                        except BrokenPipeError:  # it ended, and what it said is still to be read
                            left = left[:0]
                        if not left:
                            selector.unregister(target)
                    if source in ready:
                        part = os.read(source, READ_BYTES)
                        line += part
                    if not ready or (source in ready and not part):
                        break
                return dict(json.loads(line))
            except (OSError, ValueError):  # it died, or gave half an answer
                return {"problem": TOO_COSTLY}


def _resident_bytes(process: subprocess.Popen[bytes]) -> int:
    """Memory of the process; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()
