"""robots.txt, by RFC 9309: asked once per host, before anything else, and believed.

Scrapy's own middleware lets the first concurrent requests through while robots.txt is under way, and
takes a 5xx answer as "all allowed".
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK

from isitcake.settings import AGENT_NAME

logger = logging.getLogger(__name__)
MAX_BYTES = 500 * 1024
MAX_CRAWL_DELAY_S = 60.0


class Disallowed(IgnoreRequest):
    """robots.txt says no, or could not be read and so says no."""


@dataclass(frozen=True)
class Rules:
    parser: Any  # Protego; None allows everything
    refusal: str = ""  # why nothing on the host may be fetched
    note: str = ""


class RobotsMiddleware:
    """Downloader middleware for pages, images and robots.txt of image hosts alike."""

    def __init__(self, crawler: Any) -> None:
        self.crawler = crawler
        self._rules: dict[str, Rules] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.notes: list[str] = []
        crawler.robots = self

    @classmethod
    def from_crawler(cls, crawler: Any) -> "RobotsMiddleware":
        return cls(crawler)

    async def process_request(self, request: Any) -> None:
        if request.meta.get("is_robots"):
            return
        await self.check(request.url)

    async def check(self, url: str) -> None:
        """Raise Disallowed unless this host's robots.txt lets us fetch `url`."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        async with self._locks.setdefault(origin, asyncio.Lock()):
            if origin not in self._rules:
                self._rules[origin] = await self._fetch(origin)
        rules = self._rules[origin]
        if rules.refusal:
            raise Disallowed(f"robots.txt: {rules.refusal}")
        if rules.parser is not None and not rules.parser.can_fetch(url, AGENT_NAME):
            raise Disallowed("robots.txt: disallowed")

    async def _fetch(self, origin: str) -> Rules:
        request = Request(
            f"{origin}/robots.txt",
            priority=1000,
            callback=NO_CALLBACK,
            meta={
                "is_robots": True,
                "download_maxsize": MAX_BYTES * 4,
                "handle_httpstatus_all": False,
                "max_retry_times": 1,
            },
        )
        try:
            response = await self.crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001  whatever went wrong, the host is not crawled
            logger.debug("robots.txt of %s: %s", origin, error)
            return self._refuse(origin, f"unreachable ({type(error).__name__})")
        if response.status >= 500 or response.status == 429:
            return self._refuse(origin, f"answered {response.status}")
        if response.status >= 400:
            return Rules(None)
        body = response.body[:MAX_BYTES].decode("utf-8", "replace")
        if "<html" in body[:1000].lower():
            self.notes.append(f"{origin}/robots.txt is an HTML page")
        parser = Protego.parse(body)
        delay = parser.crawl_delay(AGENT_NAME)
        if delay:
            self._slow_down(origin, min(float(delay), MAX_CRAWL_DELAY_S))
        return Rules(parser)

    def _refuse(self, origin: str, reason: str) -> Rules:
        self.notes.append(f"deferred: {origin}/robots.txt {reason}")
        return Rules(None, refusal=reason)

    def _slow_down(self, origin: str, delay_s: float) -> None:
        downloader = self.crawler.engine.downloader
        key = urlsplit(origin).hostname
        downloader.per_slot_settings[key] = {"concurrency": 1, "delay": delay_s, "jitter": 0}
        slot = downloader.slots.get(key)
        if slot is not None:
            slot.delay, slot.concurrency, slot.jitter = delay_s, 1, 0
