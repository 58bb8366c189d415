"""robots.txt by RFC 9309, and what else a host says of itself: asked once, before anything else, and believed.

Scrapy's own middleware lets the first concurrent requests through while robots.txt is under way, and
takes a 5xx answer as "all allowed".
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK

from crawlers.politeness import optout
from crawlers.politeness.optout import Reservations
from crawlers.politeness.public_addresses import Refused
from foundation.settings import AGENT_NAME

logger = logging.getLogger(__name__)
MAX_BYTES = 500 * 1024  # RFC 9309, 2.5
MAX_CRAWL_DELAY_S = 60.0
EXPIRES_S = 24 * 3600.0  # RFC 9309, 2.4
TRIES = 2


class Disallowed(IgnoreRequest):
    """robots.txt says no, or could not be read and so says no."""


class OptedOut(IgnoreRequest):
    """The host does not want its pictures used; the message is the evidence."""


@dataclass(frozen=True)
class Rules:
    """parser: Protego; None allows everything. refusal: why nothing on the host may be fetched."""

    parser: Any = None
    text: str = ""
    refusal: str = ""
    read_at: float = 0.0

    @property
    def sitemaps(self) -> list[str]:
        return list(self.parser.sitemaps) if self.parser is not None else []


class RobotsMiddleware:
    """Downloader middleware for pages, images and the robots.txt of image hosts alike."""

    def __init__(self, crawler: Any) -> None:
        self.crawler = crawler
        self._rules: dict[str, Rules] = {}
        self._reservations: dict[str, Reservations] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.notes: list[str] = []
        self.deferred: list[str] = []  # origins whose robots.txt could not be had
        crawler.robots = self

    @classmethod
    def from_crawler(cls, crawler: Any) -> "RobotsMiddleware":
        return cls(crawler)

    async def process_request(self, request: Any) -> None:
        if request.meta.get("is_robots"):
            return
        await self.check(request.url)
        if request.meta.get("is_image") and (evidence := await self.objection(request.url)):
            raise OptedOut(evidence)

    async def check(self, url: str) -> None:
        """Raise Disallowed unless this host's robots.txt lets us fetch `url`."""
        rules = await self.rules(url)
        if rules.refusal:
            raise Disallowed(f"robots.txt: {rules.refusal}")
        if rules.parser is not None and not rules.parser.can_fetch(url, AGENT_NAME):
            raise Disallowed("robots.txt: disallowed")

    async def rules(self, url: str) -> Rules:
        """The host's robots.txt: read once, and again after a day."""
        origin = _origin(url)
        async with self._locks.setdefault(origin, asyncio.Lock()):
            known = self._rules.get(origin)
            if known is None or time.monotonic() - known.read_at > EXPIRES_S:
                self._rules[origin] = await self._read(origin)
            return self._rules[origin]

    async def objection(self, url: str) -> str:
        """The host's objection to training on what is at `url`: of its robots.txt, or its tdmrep.json."""
        rules = await self.rules(url)
        if found := optout.from_robots_txt(rules.text, url):
            return found
        origin = _origin(url)
        async with self._locks.setdefault(f"{origin} tdm", asyncio.Lock()):
            if origin not in self._reservations:
                self._reservations[origin] = await self._read_reservations(origin)
        return self._reservations[origin].objection(url)

    async def _read(self, origin: str) -> Rules:
        try:
            response = await self._fetch(f"{origin}/robots.txt", tries=TRIES)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001  whatever went wrong, the host is not crawled
            logger.debug("robots.txt of %s: %s", origin, error)
            return self._refuse(origin, f"unreachable ({type(error).__name__})")
        if response.status >= 500 or response.status == 429:
            return self._refuse(origin, f"answered {response.status}")
        if response.status >= 400:
            return Rules(read_at=time.monotonic())
        if response.status >= 300:
            return self._refuse(origin, "redirects without end")
        text = response.body[:MAX_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        if "<html" in text[:1000].lower() or text.lstrip()[:9].lower() == "<!doctype":
            self.notes.append(f"{origin}/robots.txt is an HTML page; nothing is forbidden by it")
            text = ""
        parser = Protego.parse(text)
        delay = parser.crawl_delay(AGENT_NAME)
        if delay:
            self.crawler.pacing.slow_down(urlsplit(origin).netloc, min(float(delay), MAX_CRAWL_DELAY_S))
        return Rules(parser, text, read_at=time.monotonic())

    async def _read_reservations(self, origin: str) -> Reservations:
        url = f"{origin}/.well-known/tdmrep.json"
        try:
            await self.check(url)
            response = await self._fetch(url, tries=1)
        except Exception as error:  # noqa: BLE001  no file, no reservation
            logger.debug("%s: %s", url, error)
            return Reservations()
        return Reservations.parse(response.body[:MAX_BYTES]) if response.status == 200 else Reservations()

    async def _fetch(self, url: str, tries: int) -> Any:
        request = Request(
            url,
            callback=NO_CALLBACK,
            meta={
                "is_robots": True,
                "download_maxsize": MAX_BYTES * 8,
                "download_timeout": 10,
                "max_retry_times": tries - 1,
                "handle_httpstatus_all": False,
            },
        )
        return await self.crawler.engine.download_async(request)

    def _refuse(self, origin: str, reason: str) -> Rules:
        self.deferred.append(origin)
        self.notes.append(f"deferred: {origin}/robots.txt {reason}")
        return Rules(refusal=reason, read_at=time.monotonic())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
