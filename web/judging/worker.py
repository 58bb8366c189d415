"""A process that judges pictures of visitors, and that may die: python -m web.judging.worker HOME MODEL.

It reads a length (8 bytes, big-endian) and so many bytes of a picture from standard input, and writes one line of JSON
to standard output: {"probabilities": {label: p}}, or {"problem": kind, "text": why}. Memory and CPU time have limits.
"""

import contextlib
import json
import os
import resource
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from dataset.pictures.decoding import FEATURES_PX
from dataset.reader import Undecodable, decoded
from foundation.errors import IsItCakeError
from training import models

MEMORY_BYTES = 600_000_000  # for one picture: a PNG of 12 MP fits, and a JPEG of any size, which is decoded smaller
CPU_S = 20  # of one picture; a photo takes less than one
LENGTH = struct.Struct(">Q")
UNREADABLE, TOO_COSTLY, NO_MODEL = "unreadable", "too costly", "no model"


def main(home: Path, model_id: str) -> None:
    """Judge pictures until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not write into the answers
    try:
        model = models.find(home, model_id)
        model.probabilities(Image.new("RGB", (FEATURES_PX, FEATURES_PX)))  # loads the graph, and all that it needs
    except IsItCakeError as error:
        _write(answers, {"problem": NO_MODEL, "text": str(error)})
        return
    _limit_memory()
    while (content := _read(sys.stdin.buffer)) is not None:
        _limit_cpu()
        answer = _judged(model, content)
        _write(answers, answer)
        if answer.get("problem") == TOO_COSTLY:
            return  # what is left in memory is given back with the process


def _judged(model: models.Model, content: bytes) -> dict[str, Any]:
    try:
        return {"probabilities": model.probabilities(decoded(content))}
    except Undecodable as error:
        return {"problem": UNREADABLE, "text": str(error)}
    except Exception as error:  # noqa: BLE001  out of memory has another name in every library
        return {"problem": TOO_COSTLY, "text": type(error).__name__}


def _read(source: BinaryIO) -> bytes | None:
    """The next picture; None at the end."""
    head = source.read(LENGTH.size)
    return source.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _write(target: BinaryIO, answer: dict[str, Any]) -> None:
    target.write(json.dumps(answer).encode() + b"\n")
    target.flush()


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes to pipes only
    with contextlib.suppress(OSError, ValueError):  # where there is no /proc, the CPU and the clock are limits enough
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_cpu() -> None:
    """So much more than was used until now; the system kills the process above it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, hard))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
