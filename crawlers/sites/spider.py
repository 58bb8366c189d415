"""The one spider: a source is data, and this walks it."""

import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import scrapy
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy.http import Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy_playwright.page import PageMethod

from crawlers.politeness import optout
from crawlers.sites import discovery, sitemaps
from crawlers.sites.originals import platform_of

logger = logging.getLogger(__name__)
MAX_SITEMAPS = 20
MAX_SCROLLS = 100
FRUITLESS_SCROLLS = 2
SCROLL_WAIT_MS = 400
PATIENCE_MS = 20_000  # with a page that waits for an answer


@dataclass(frozen=True)
class Limits:
    """Where a walk ends. depth: links away from a start page; further pages of a series are no deeper."""

    pages: int = 1000
    depth: int = 2
    fruitless: int = 10  # pages of a series in a row without a new photo: a calendar, not a gallery
    fruitless_in_all: int = 150  # pages in a row, of whatever kind


ENDLESS = "data-isitcake-endless"  # set on a page that still grew after MAX_SCROLLS
GROW = """async () => {
  const more = [...document.querySelectorAll('button, a[role=button], a[href="#"]')]
    .find(e => /load more|show more|view more|mehr/i.test(e.textContent || '') && e.offsetParent);
  if (more) more.click();
  window.scrollTo(0, document.documentElement.scrollHeight);
  window.dispatchEvent(new Event('scroll'));  // pages shorter than the window never fire one
}"""
SIZE = "() => document.querySelectorAll('*').length + document.documentElement.scrollHeight"


async def scroll_to_the_end(page: Any) -> None:
    """Scroll and press "load more" until nothing new appears, within caps. The page says where a cap ended it.

    While the page waits for an answer, which our own pacing may hold back, standing still is no sign of its end.
    """
    waiting: set[Any] = set()
    page.on("request", lambda request: waiting.add(request))
    page.on("requestfinished", lambda request: waiting.discard(request))
    page.on("requestfailed", lambda request: waiting.discard(request))
    with contextlib.suppress(PlaywrightTimeout):  # what was asked before we listened
        await page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
    fruitless = 0
    patience_ms = PATIENCE_MS
    size = await page.evaluate(SIZE)
    for _ in range(MAX_SCROLLS):
        await page.evaluate(GROW)
        while True:
            try:
                await page.wait_for_function(f"({SIZE})() > {size}", timeout=SCROLL_WAIT_MS)
            except PlaywrightTimeout:
                patience_ms -= SCROLL_WAIT_MS
                if waiting and patience_ms > 0:
                    continue
                fruitless += 1
            else:
                fruitless, patience_ms = 0, PATIENCE_MS
            break
        if fruitless >= FRUITLESS_SCROLLS:
            return
        size = await page.evaluate(SIZE)
    await page.evaluate(f"document.documentElement.setAttribute('{ENDLESS}', '')")


class SiteSpider(scrapy.Spider):
    """Pages of one site into candidates; follows links inside the site to a depth."""

    name = "site"

    def __init__(self, start_urls: list[str], limits: Limits | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_urls = start_urls
        self.limits = limits or Limits()
        self.hosts = {urlsplit(url).netloc for url in start_urls}
        self.pages = 0
        self.rendered_pages = 0
        self.placeholders = 0
        self.queued: set[str] = set()
        self.photos: set[str] = set()
        self.fruitless = 0
        self.notes: list[str] = []
        self.platforms: Counter[str] = Counter()  # photos by the website builder whose addresses they have
        self.objections: list[str] = []
        self.listed: dict[str, list[str]] = {}  # photos that sitemaps name, by page

    async def start(self) -> AsyncIterator[Any]:
        for host_url in dict.fromkeys(f"{urlsplit(u).scheme}://{urlsplit(u).netloc}" for u in self.start_urls):
            await self._read_sitemaps(host_url)
        for url in self.start_urls:
            if url not in self.queued:
                yield self._page(url, 0, 0)
        for url in self.listed:
            if self._is_below_a_start(url) and url not in self.queued and len(self.queued) < self.limits.pages:
                yield self._page(url, 1, 0)

    async def parse(self, response: Response, depth: int, fruitless: int) -> AsyncIterator[Any]:
        if not isinstance(response, TextResponse):
            return
        self.pages += 1
        if depth == 0:
            self.hosts.add(urlsplit(response.url).netloc)  # www or not: where the start page went
        if discovery.needs_browser(response.text):
            yield self._in_browser(response.url, depth, fruitless)
            return
        async for found in self._found(response, depth, fruitless):
            yield found

    async def rendered(self, response: Response, depth: int, fruitless: int) -> AsyncIterator[Any]:
        self.rendered_pages += 1
        if isinstance(response, TextResponse):
            if ENDLESS in response.text[:2000]:
                self.notes.append(f"page {response.url}: stopped after {MAX_SCROLLS} scrolls, it still grew")
            async for found in self._found(response, depth, fruitless):
                yield found

    def failed(self, failure: Any) -> None:
        request = failure.request
        reason = str(failure.value) or type(failure.value).__name__
        if failure.check(HttpError):
            reason = f"answered {failure.value.response.status}"
        elif "Resolve" in type(failure.value).__name__ or "DNS" in type(failure.value).__name__:
            reason = f"dns: {reason}"
        self.notes.append(f"page {request.url}: {reason}")

    async def _found(self, response: TextResponse, depth: int, fruitless: int) -> AsyncIterator[Any]:
        html = response.text
        self.placeholders += discovery.placeholders(html)
        photos = discovery.candidates(html, response.url, self.listed.get(response.url, ()))
        new = [photo for photo in photos if photo.image_url not in self.photos]
        self.photos.update(photo.image_url for photo in new)
        self.fruitless = 0 if new else self.fruitless + 1
        fruitless = 0 if new else fruitless + 1
        self.platforms.update(name for photo in new if (name := _platform(photo)))
        objection = await self._objection(response)
        if objection:
            self.objections.append(f"{response.url}: {objection}")
            photos = [replace(photo, rejected=f"opt-out: {objection}") for photo in photos]
        if photos:
            yield {"page_url": response.url, "photos": photos}
        if optout.forbids_following(html):
            return
        for url in discovery.links(html, response.url):
            if urlsplit(url).netloc not in self.hosts or url in self.queued:
                continue
            in_series = discovery.same_series(url, response.url)
            if depth + (not in_series) > self.limits.depth:
                continue
            if stop := self._reason_to_stop(response.url, in_series, fruitless):
                if stop not in self.notes:
                    self.notes.append(stop)
                return
            yield self._page(url, depth + (not in_series), fruitless if in_series else 0)

    def _reason_to_stop(self, page: str, in_series: bool, fruitless: int) -> str:
        if len(self.queued) >= self.limits.pages:
            return f"stopped at {self.limits.pages} pages"
        if self.fruitless >= self.limits.fruitless_in_all:
            return f"stopped after {self.limits.fruitless_in_all} pages in a row without a new photo"
        if in_series and fruitless >= self.limits.fruitless:
            return f"series left after {self.limits.fruitless} pages without a new photo, at {page}"
        return ""

    async def _objection(self, response: TextResponse) -> str:
        """What the page, its headers or its host say against training on its photos."""
        pairs = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        ]
        return (
            optout.from_headers(pairs)
            or optout.from_page(response.text)
            or await self.crawler.robots.objection(response.url)  # type: ignore[attr-defined]
        )

    async def _read_sitemaps(self, host_url: str) -> None:
        try:
            rules = await self.crawler.robots.rules(host_url)  # type: ignore[attr-defined]
            waiting = rules.sitemaps or [f"{host_url}/sitemap.xml"]
            for address in waiting:
                if urlsplit(address).netloc not in self.hosts:
                    continue
                request = scrapy.Request(address, callback=NO_CALLBACK)
                response = await self.crawler.engine.download_async(request)
                if response.status != 200:
                    continue
                sitemap = sitemaps.parse(response.body)
                self.listed.update(sitemap.images)
                waiting += sitemap.indexed[: MAX_SITEMAPS - len(waiting)]
        except Exception as error:  # noqa: BLE001  a sitemap is a help, not a need
            logger.debug("sitemap of %s: %s", host_url, error)

    def _is_below_a_start(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self.hosts and any(
            (path := urlsplit(start).path.rstrip("/")) and parts.path.startswith(f"{path}/")
            for start in self.start_urls
        )

    def _page(self, url: str, depth: int, fruitless: int) -> scrapy.Request:
        self.queued.add(url)
        return scrapy.Request(
            url,
            self.parse,
            errback=self.failed,
            dont_filter=depth == 0,
            cb_kwargs={"depth": depth, "fruitless": fruitless},
        )

    def _in_browser(self, url: str, depth: int, fruitless: int) -> scrapy.Request:
        return scrapy.Request(
            url,
            self.rendered,
            errback=self.failed,
            dont_filter=True,
            cb_kwargs={"depth": depth, "fruitless": fruitless},
            meta={
                "playwright": True,
                "playwright_context_kwargs": self.settings.getdict("BROWSER_CONTEXT"),
                "playwright_page_methods": [PageMethod(scroll_to_the_end)],
            },
        )


def _platform(photo: discovery.Candidate) -> str | None:
    return next((name for offer in photo.offers if (name := platform_of(offer))), None)
