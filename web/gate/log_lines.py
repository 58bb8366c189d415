"""Log lines that a visitor cannot flood or forge: one line for an error, few of each kind in a minute."""

import logging
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from foundation.safe_text import printable

LINES, LINES_S = 20, 60.0  # most lines of one kind, in so many seconds
LINE_CHARACTERS = 500  # of one line; the rest is cut
KINDS = 50  # kinds that are counted for themselves in a minute; later ones count together
OTHER = "another kind"
VARYING = re.compile(r"0x[0-9a-f]+|\d+")  # addresses and numbers, which differ in lines of one kind
LOGGERS = ("uvicorn.error", "asyncio", "web")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class OneLine(logging.Filter):
    """Writes an error with its place instead of its traceback, and leaves out what comes too often."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._began = clock()
        self._counts: Counter[str] = Counter()  # lines of each kind in this minute

    def filter(self, record: logging.LogRecord) -> bool:
        if self._clock() - self._began >= LINES_S:
            left_out = sum(max(0, count - LINES) for count in self._counts.values())
            self._began, self._counts = self._clock(), Counter()
        else:
            left_out = 0
        kind = VARYING.sub("#", str(record.msg).partition("\n")[0])
        kind = kind if kind in self._counts or len(self._counts) < KINDS else OTHER
        self._counts[kind] += 1
        if self._counts[kind] > LINES:
            return False
        text = record.getMessage().strip()
        if record.exc_info and record.exc_info[1]:
            text = f"{text.partition(chr(10))[0]}: {_place(record.exc_info)}"
        more = f" ({left_out} lines were left out before)" if left_out else ""
        record.msg, record.args = f"{printable(text)[:LINE_CHARACTERS]}{more}", ()
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        return True


def quiet_logs() -> None:
    """Put the filter on the loggers of the server and of the web service."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(present, OneLine) for present in logger.filters):
            logger.addFilter(OneLine())


def _place(exc_info: ExcInfo) -> str:
    """The error, and the line where it was raised."""
    _, error, trace = exc_info
    frames = traceback.extract_tb(trace)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
