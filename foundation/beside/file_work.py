"""Link many files, or look at many, while this process goes on with something else.

Threads would not do: each link and each read would wait for Python's lock.
"""

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from foundation.beside import file_program
from foundation.files import link_or_copy

PARTS_AHEAD = 16  # that are given and not read yet
THREADS = 4  # that copy where links are impossible


class FileWork:
    """Files that a process of its own works on: see `file_program`. It starts when there is something to do.

    Leave its block to end it.
    """

    def __init__(self, work: Literal["link", "look"]) -> None:
        self._work = work
        self._process: subprocess.Popen[bytes] | None = None
        self._writer = ThreadPoolExecutor(1)  # so that `give` does not wait where the process is behind
        self._unread: deque[Future[None]] = deque()
        self._given = 0

    def __enter__(self) -> "FileWork":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            self._writer.shutdown()
            return
        self._process.kill()
        self._writer.shutdown()
        with contextlib.suppress(BrokenPipeError), self._process:  # closes its pipes, and waits
            pass

    def give(self, records: Sequence[Sequence[str]]) -> None:
        """Begin with more files; wait where it is far behind. records: the texts of each, without zero bytes."""
        if not records:
            return
        if self._process is None:
            # -I and -S: neither variables of the environment nor installed packages change what it does
            command = [sys.executable, "-I", "-S", file_program.__file__, self._work]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._given += len(records)
        content = os.fsencode("\0".join(map("\0".join, records)) + "\0")
        self._unread.append(self._writer.submit(_write, self._process, content))
        if len(self._unread) > PARTS_AHEAD:
            self._unread.popleft().result()

    def failed(self) -> list[int]:
        """Wait until all is done, once. Returns the numbers of the records that failed.

        If somebody killed the process, these are all.
        """
        if self._process is None:
            return []
        for part in self._unread:
            part.result()
        printed, _ = self._process.communicate()
        return list(range(self._given)) if self._process.returncode else [int(word) for word in printed.split()]


class Linking:
    """Hard links that are created beside other work. Leave its block to wait for them.

    A target that exists is replaced. Where the file system has no hard links, files are copied. Raises OSError where
    that is impossible, too.
    """

    def __init__(self) -> None:
        self._work = FileWork("link")
        self._given: list[tuple[str, str]] = []

    def __enter__(self) -> "Linking":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._work, ThreadPoolExecutor(THREADS) as pool:
            if kind is None:
                list(pool.map(_replace, [self._given[number] for number in self._work.failed()]))

    def add(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Begin to link files: source and target of each."""
        self._given += pairs
        self._work.give(pairs)


def _replace(pair: tuple[str, str]) -> None:
    source, target = map(Path, pair)
    target.unlink(missing_ok=True)  # where it is a link to the source already, a copy would empty both
    link_or_copy(source, target)


def _write(process: subprocess.Popen[bytes], content: bytes) -> None:
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):  # somebody killed it: `failed` tells
            process.stdin.write(content)
            process.stdin.flush()
