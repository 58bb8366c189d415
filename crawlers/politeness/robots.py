"""What a host allows: its robots.txt (RFC 9309) and its tdmrep.json, read once, before any other request.

We do not use Scrapy's middleware for robots.txt: it sends the first concurrent requests while robots.txt is still
being read, and takes a 5xx answer as "all allowed".
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from crawlers.politeness.optout import Reservations, RobotsSignals
from crawlers.politeness.refusals import Disallowed
from crawlers.source_health import Note, NoteKind, kind_of_status
from foundation.network.addresses import Refused
from foundation.settings import AGENT_NAME

logger = logging.getLogger(__name__)
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5
MAX_CRAWL_DELAY_S = 60.0  # a longer Crawl-delay is cut to this
MAX_AGE_S = 24 * 3600.0  # RFC 9309, 2.4
ROBOTS_TRIES = 2
AGENT_LINE = re.compile(r"\s*+user(?:-|\s++)?agent\s*+(?:[:\s]\s*+(.*)|\Z)", re.IGNORECASE)  # as Protego reads it
OTHER_AGENT = "another"
UNKNOWN_HOST = "CannotResolveHostError"  # the class of Scrapy's error, by name: this folder does not import Scrapy
NO_SIGNALS = RobotsSignals()


@dataclass(frozen=True)
class Rules:
    """One host's robots.txt. parser: Protego's; None allows everything. refusal: why nothing may be fetched there.

    signals: its objections to training.
    """

    parser: Any = None
    signals: RobotsSignals = NO_SIGNALS
    refusal: str = ""
    read_at: float = 0.0

    @property
    def sitemaps(self) -> list[str]:
        return list(self.parser.sitemaps) if self.parser is not None else []


class Robots:
    """Asks every host of a crawl what it allows: page hosts and image hosts alike. For one event loop.

    fetch: gets an address, in at most so many tries; the answer has a `status` and a `body`. slow_down: applies a
    host's Crawl-delay in seconds. clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        fetch: Callable[[str, int], Awaitable[Any]],
        slow_down: Callable[[str, float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._slow_down = slow_down
        self._clock = clock
        self._rules: dict[str, Rules] = {}
        self._reservations: dict[str, Reservations] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.notes: list[Note] = []

    async def check(self, url: str) -> None:
        """Raise Disallowed unless the host's robots.txt lets us fetch `url`."""
        rules = await self.rules(url)
        if rules.refusal:
            raise Disallowed(f"robots.txt: {rules.refusal}")
        if rules.parser is not None and not rules.parser.can_fetch(url, AGENT_NAME):
            raise Disallowed("robots.txt: disallowed")

    async def rules(self, url: str) -> Rules:
        """The host's robots.txt; read once, and again after MAX_AGE_S."""
        origin = _origin(url)
        async with self._locks.setdefault(origin, asyncio.Lock()):
            known = self._rules.get(origin)
            if known is None or self._clock() - known.read_at > MAX_AGE_S:
                self._rules[origin] = await self._read(origin)
            return self._rules[origin]

    async def objection(self, url: str) -> str:
        """The host's objection to training on `url`, from its robots.txt or its tdmrep.json; empty where none."""
        rules = await self.rules(url)
        if objection := rules.signals.objection(url):
            return objection
        origin = _origin(url)
        async with self._locks.setdefault(f"{origin} tdm", asyncio.Lock()):
            if origin not in self._reservations:
                self._reservations[origin] = await self._read_reservations(origin)
        return self._reservations[origin].objection(url)

    async def _read(self, origin: str) -> Rules:
        try:
            response = await self._fetch(f"{origin}/robots.txt", ROBOTS_TRIES)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001  whatever went wrong, the host is not crawled
            logger.debug("robots.txt of %s: %s", origin, error)
            name = type(error).__name__
            kind = NoteKind.ROBOTS_DNS if name == UNKNOWN_HOST else NoteKind.ROBOTS_UNREADABLE
            return self._refuse(origin, kind, f"unreachable ({name})")
        if response.status >= 500 or response.status == 429:
            is_blocked = kind_of_status(response.status) == NoteKind.BLOCKED
            kind = NoteKind.ROBOTS_BLOCKED if is_blocked else NoteKind.ROBOTS_UNREADABLE
            return self._refuse(origin, kind, f"answered {response.status}")
        if response.status >= 400:
            return Rules(read_at=self._clock())
        if response.status >= 300:
            return self._refuse(origin, NoteKind.ROBOTS_UNREADABLE, "redirects without end")
        text = response.body[:MAX_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        if "<html" in text[:1000].lower() or text.lstrip()[:9].lower() == "<!doctype":
            sentence = f"{origin}/robots.txt is an HTML page; it forbids nothing"
            self.notes.append(Note(NoteKind.ROBOTS_IS_HTML, _host(origin), sentence))
            text = ""
        parser = Protego.parse(only_our_agents(text))
        delay = parser.crawl_delay(AGENT_NAME)
        if delay:
            self._slow_down(_host(origin), min(float(delay), MAX_CRAWL_DELAY_S))
        return Rules(parser, RobotsSignals.parse(text), read_at=self._clock())

    async def _read_reservations(self, origin: str) -> Reservations:
        url = f"{origin}/.well-known/tdmrep.json"
        try:
            await self.check(url)
            response = await self._fetch(url, 1)
        except Exception as error:  # noqa: BLE001  no file, no reservation
            logger.debug("%s: %s", url, error)
            return Reservations()
        return Reservations.parse(response.body[:MAX_ROBOTS_BYTES]) if response.status == 200 else Reservations()

    def _refuse(self, origin: str, kind: NoteKind, reason: str) -> Rules:
        self.notes.append(Note(kind, _host(origin), f"deferred: {origin}/robots.txt {reason}"))
        return Rules(refusal=reason, read_at=self._clock())


def only_our_agents(text: str) -> str:
    """A robots.txt where every agent that cannot be ours has one and the same name.

    Protego keeps each rule of a group once for each agent of the group, so a long list of agents before a long list
    of rules would grow with the square. Groups and rules stay as they are. As in Protego, an agent's name may hold
    `*`, and may be a part of ours.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if agent := AGENT_LINE.match(line):
            name = (agent[1] or "").partition("#")[0].strip().lower()
            bare = name.replace("*", "")
            ours = name if name == "*" else bare if bare and bare in AGENT_NAME else OTHER_AGENT
            lines[number] = f"User-agent: {ours if name else ''}"
    return "\n".join(lines)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(origin: str) -> str:
    return urlsplit(origin).netloc
