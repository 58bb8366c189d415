"""The program that works on files beside another process: links them, or looks whether they are whole.

It runs as a script and imports nothing but the standard library, so that it starts in 20 ms. It reads texts, each with
a zero byte behind it, and prints at the end the numbers of those that need the other process: from 0, in order.

Usage: file_program.py link   < source, target, ...          links that were not possible
       file_program.py look   < path, bytes, SHA-256, ...    files that are not so; an empty SHA-256 is not looked at
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

READ_BYTES = 65_536


def link(source: bytes, target: bytes) -> bool:
    """Whether a link could be created."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def look(path: bytes, size: bytes, sha256: bytes) -> bool:
    """Whether a file has this size, and this content."""
    try:
        if os.stat(path).st_size != int(size):  # noqa: PTH116  # a Path object for each of a million files costs
            return False
        if not sha256:
            return True
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.sha256(file.read()).hexdigest() == sha256.decode()
    except OSError:
        return False


WORK: dict[str, tuple[int, Callable[..., bool]]] = {"link": (2, link), "look": (3, look)}  # texts of each, function


def given(fields: int) -> Iterator[list[bytes]]:
    """The texts that this process is given, `fields` of them at a time."""
    rest, texts = b"", list[bytes]()
    while part := os.read(sys.stdin.fileno(), READ_BYTES):
        *more, rest = (rest + part).split(b"\0")
        texts += more
        whole = len(texts) - len(texts) % fields
        for start in range(0, whole, fields):
            yield texts[start : start + fields]
        texts = texts[whole:]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the texts; it then ends this
    fields, work = WORK[sys.argv[1]]
    print(*(number for number, record in enumerate(given(fields)) if not work(*record)))
