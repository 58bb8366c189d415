"""When a host may be sent the next request: one pace for its pages, its images and the browser together."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crawlers.politeness.refusals import HostPaused
from crawlers.source_health import Note, NoteKind

MIN_DELAY_S = 0.1  # between the starts of two requests to one host
CONNECTIONS_PER_HOST = 2
BACKOFF_S = 2.0  # first pause after a 429 or 503 without Retry-After; doubles with each further one
LONGEST_PAUSE_S = 120.0  # a host that asks for a longer one is left to the next run
TRIES = 3  # of one request that is answered 429 or 503
MAX_FAILURES_IN_A_ROW = 5  # then the host is left alone
MAX_RETRY_AFTER_CHARS = 100  # a date has 29
MAX_DIGITS = 9  # of a number in a header: 30 years in seconds
MOST = 10**MAX_DIGITS - 1
BUSY_STATUSES = (429, 503)


@dataclass
class _Host:
    delay_s: float
    free: asyncio.Semaphore
    started_at: float = -math.inf
    next_at: float = 0.0
    failures: int = 0
    refusal: str = ""
    order: asyncio.Lock = field(default_factory=asyncio.Lock)


class Pacing:
    """Gives out turns at hosts, each named `host` or `host:port`. For one event loop."""

    def __init__(self, min_delay_s: float = MIN_DELAY_S, connections: int = CONNECTIONS_PER_HOST) -> None:
        self._min_delay_s = min_delay_s
        self._connections = connections
        self._hosts: dict[str, _Host] = {}
        self.notes: list[Note] = []

    def slow_down(self, host: str, delay_s: float) -> None:
        """Crawl-delay: one connection, and at least `delay_s` between the starts of two requests."""
        state = self._host(host)
        if delay_s > state.delay_s:
            state.delay_s = delay_s
            state.free = asyncio.Semaphore(1)
            state.next_at = max(state.next_at, state.started_at + delay_s)

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Hold one of the host's connections, once its delay is over. Raises HostPaused."""
        state = self._host(host)
        free = state.free
        async with free:
            await self.start(host)
            yield

    async def start(self, host: str) -> None:
        """Wait until the host may be sent another request. Raises HostPaused."""
        state = self._host(host)
        async with state.order:
            while True:
                if state.refusal:
                    raise HostPaused(state.refusal)
                wait_s = state.next_at - time.monotonic()
                if wait_s <= 0:
                    break
                await asyncio.sleep(wait_s)
            state.started_at = time.monotonic()
            state.next_at = state.started_at + state.delay_s

    def answered(self, host: str, status: int, retry_after: str = "") -> bool:
        """Record an answer. Returns whether the same request should be repeated after the pause."""
        state = self._host(host)
        if status not in BUSY_STATUSES:
            state.failures = 0
            return False
        pause_s = retry_after_s(retry_after, datetime.now(UTC))
        if pause_s is None:
            pause_s = BACKOFF_S * 2**state.failures
        if pause_s > LONGEST_PAUSE_S:
            self._break(host, f"answered {status} and asked for {pause_s:.0f} s of quiet")
            return False
        state.next_at = max(state.next_at, time.monotonic() + pause_s)
        self.failed(host, f"answered {status}")
        return not state.refusal

    def failed(self, host: str, why: str) -> None:
        """Record a failure; after MAX_FAILURES_IN_A_ROW the host is left alone."""
        state = self._host(host)
        state.failures += 1
        if state.failures >= MAX_FAILURES_IN_A_ROW:
            self._break(host, f"{state.failures} failures in a row, the last: {why}")

    def _break(self, host: str, why: str) -> None:
        state = self._host(host)
        if not state.refusal:
            state.refusal = f"host paused: {why}"
            self.notes.append(Note(NoteKind.BLOCKED, host, f"{host} is left alone until the next run: {why}"))

    def _host(self, host: str) -> _Host:
        if host not in self._hosts:
            self._hosts[host] = _Host(self._min_delay_s, asyncio.Semaphore(self._connections))
        return self._hosts[host]


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None where it is neither."""
    value = value[:MAX_RETRY_AFTER_CHARS].strip()
    seconds = whole_number(value)
    if seconds is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def whole_number(text: str) -> int | None:
    """The number that digits 0 to 9 write; None for anything else. More than MAX_DIGITS of them mean MOST."""
    text = text.strip()
    if not text.isascii() or not text.isdigit():  # `²` is a digit for isdigit() and none for int()
        return None
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= MAX_DIGITS else MOST
