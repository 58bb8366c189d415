"""The spider: walks the pages of any site; what is special about a site is in its source's settings."""

import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import scrapy
from playwright.async_api import TimeoutError as PlaywrightTimeout
from scrapy.http import Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy_playwright.page import PageMethod

from crawlers import markup
from crawlers.ledger.signals import OPT_OUT
from crawlers.markup import Document
from crawlers.politeness import optout
from crawlers.sites import discovery, sitemaps
from crawlers.sites.failures import page_failure
from crawlers.sites.messages import CrawlOptions
from crawlers.sites.originals import platform_of
from crawlers.source_health import Note, NoteKind
from foundation.network.addresses import Refused

logger = logging.getLogger(__name__)
MAX_SCROLLS = 100  # of one page
SCROLLS_WITHOUT_GROWTH = 2  # then the page is complete
SCROLL_WAIT_MS = 400
ANSWER_WAIT_MS = 20_000  # for a page whose own requests are not answered yet
STILL_GREW = "data-isitcake-endless"  # attribute of a page that still grew after MAX_SCROLLS
SCROLL_JS = """async () => {
  const more = [...document.querySelectorAll('button, a[role=button], a[href="#"]')]
    .find(e => /load more|show more|view more|mehr/i.test(e.textContent || '') && e.offsetParent);
  if (more) more.click();
  window.scrollTo(0, document.documentElement.scrollHeight);
  window.dispatchEvent(new Event('scroll'));  // pages shorter than the window never fire one
}"""
SIZE_JS = "() => document.querySelectorAll('*').length + document.documentElement.scrollHeight"


async def scroll_to_the_end(page: Any) -> None:
    """Scroll and press "load more" until nothing new appears, or MAX_SCROLLS is reached (then marks the page).

    A page that does not grow is not complete while its own requests are unanswered: our pacing may hold them back.
    """
    waiting: set[Any] = set()
    page.on("request", lambda request: waiting.add(request))
    page.on("requestfinished", lambda request: waiting.discard(request))
    page.on("requestfailed", lambda request: waiting.discard(request))
    with contextlib.suppress(PlaywrightTimeout):  # for requests from before we listened
        await page.wait_for_load_state("networkidle", timeout=ANSWER_WAIT_MS)
    scrolls_without_growth = 0
    answer_wait_ms = ANSWER_WAIT_MS
    size = await page.evaluate(SIZE_JS)
    for _ in range(MAX_SCROLLS):
        await page.evaluate(SCROLL_JS)
        while True:
            try:
                await page.wait_for_function(f"({SIZE_JS})() > {size}", timeout=SCROLL_WAIT_MS)
            except PlaywrightTimeout:
                answer_wait_ms -= SCROLL_WAIT_MS
                if waiting and answer_wait_ms > 0:
                    continue
                scrolls_without_growth += 1
            else:
                scrolls_without_growth, answer_wait_ms = 0, ANSWER_WAIT_MS
            break
        if scrolls_without_growth >= SCROLLS_WITHOUT_GROWTH:
            return
        size = await page.evaluate(SIZE_JS)
    await page.evaluate(f"document.documentElement.setAttribute('{STILL_GREW}', '')")


class SiteSpider(scrapy.Spider):
    """Reads the pages of one site and yields their candidates; follows links inside the site to a depth.

    Numbered pages of one gallery are a series. A page without a new photo is stale.
    """

    name = "site"

    def __init__(self, start_urls: list[str], options: CrawlOptions | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_urls = start_urls
        self.options = options or CrawlOptions()
        self.hosts = {urlsplit(url).netloc for url in start_urls}
        self.pages = 0
        self.rendered_pages = 0
        self.placeholders = 0
        self.queued: set[str] = set()
        self.photos: set[str] = set()
        self.stale_pages = 0  # in a row, of any kind
        self.notes: list[Note] = []
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
            if self._is_below_a_start(url) and url not in self.queued and len(self.queued) < self.options.pages:
                yield self._page(url, 1, 0)

    async def parse(self, response: Response, depth: int, stale: int) -> AsyncIterator[Any]:
        if not isinstance(response, TextResponse):
            return
        self.pages += 1
        if depth == 0:
            self.hosts.add(urlsplit(response.url).netloc)  # www or not: where the start page redirected to
        page = markup.read(response.text)
        if discovery.needs_browser(page):
            yield self._in_browser(response.url, depth, stale)
            return
        async for result in self._results(response, page, depth, stale):
            yield result

    async def rendered(self, response: Response, depth: int, stale: int) -> AsyncIterator[Any]:
        self.rendered_pages += 1
        if isinstance(response, TextResponse):
            if STILL_GREW in response.text[:2000]:
                stop = f"page {response.url}: stopped after {MAX_SCROLLS} scrolls, it still grew"
                self._note(NoteKind.LIMIT, response.url, stop)
            async for result in self._results(response, markup.read(response.text), depth, stale):
                yield result

    def failed(self, failure: Any) -> None:
        url = failure.request.url
        kind, text = page_failure(failure.value)
        self._note(kind, url, f"page {url}: {text}")

    def _note(self, kind: NoteKind, url: str, text: str) -> None:
        self.notes.append(Note(kind, urlsplit(url).netloc, text))

    async def _results(self, response: TextResponse, page: Document, depth: int, stale: int) -> AsyncIterator[Any]:
        """The page's photos as one item, then requests for its links. stale: stale pages in a row before it."""
        photos = discovery.candidates(page, response.url, self.listed.get(response.url, ()))
        new = [photo for photo in photos if photo.image_url not in self.photos]
        self._count(page, new)
        if objection := await self._objection(response, page, photos):
            self.objections.append(f"{response.url}: {objection}")
            photos = [replace(photo, rejected=f"{OPT_OUT}{objection}") for photo in photos]
        if photos:
            yield {"page_url": response.url, "photos": photos}
        for request in self._follow(response.url, page, depth, 0 if new else stale + 1):
            yield request
        if page.limits:
            limits = "; ".join(page.limits)
            self._note(NoteKind.LIMIT, response.url, f"page {response.url}: {limits}; the rest was not read")

    def _count(self, page: Document, new: list[discovery.Candidate]) -> None:
        self.placeholders += discovery.placeholders(page)
        self.photos.update(photo.image_url for photo in new)
        self.stale_pages = 0 if new else self.stale_pages + 1
        self.platforms.update(name for photo in new if (name := _platform(photo)))

    def _follow(self, page_url: str, page: Document, depth: int, stale: int) -> Iterator[scrapy.Request]:
        if optout.forbids_following(page):
            return
        for url in discovery.links(page, page_url):
            if urlsplit(url).netloc not in self.hosts or url in self.queued:
                continue
            in_series = discovery.same_series(url, page_url)
            if depth + (not in_series) > self.options.depth:
                continue
            if stop := self._reason_to_stop(page_url, in_series, stale):
                if stop not in (note.text for note in self.notes):
                    self._note(NoteKind.LIMIT, page_url, stop)
                return
            yield self._page(url, depth + (not in_series), stale if in_series else 0)

    def _reason_to_stop(self, page: str, in_series: bool, stale: int) -> str:
        if len(self.queued) >= self.options.pages:
            return f"stopped at {self.options.pages} pages"
        if self.stale_pages >= self.options.stale_in_all:
            return f"stopped after {self.options.stale_in_all} pages in a row without a new photo"
        if in_series and stale >= self.options.stale_in_series:
            return f"series left after {self.options.stale_in_series} pages without a new photo, at {page}"
        return ""

    async def _objection(self, response: TextResponse, page: Document, photos: list[discovery.Candidate]) -> str:
        """The evidence that the page, its headers or its host object to training on its photos; empty where none."""
        pairs = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        ]
        said = await self.crawler.robots.page_statement(response.url, pairs, page)  # type: ignore[attr-defined]
        for photo in photos:
            self.crawler.ledger.consent.prefer(photo.image_url, said.preference)  # type: ignore[attr-defined]
        return str(said.objection)

    async def _read_sitemaps(self, host_url: str) -> None:
        try:
            rules = await self.crawler.robots.rules(host_url)  # type: ignore[attr-defined]
        except Refused:
            return
        found = sitemaps.HostSitemaps(rules.sitemaps or [f"{host_url}/sitemap.xml"], self.hosts)
        while waiting := found.next():
            address, level = waiting
            try:
                request = scrapy.Request(address, callback=NO_CALLBACK)
                response = await self.crawler.engine.download_async(request)
                if response.status == 200:
                    found.read(response.body, address, level)
            except Exception as error:  # noqa: BLE001  a crawl works without a sitemap
                logger.debug("sitemap %s: %s", address, error)
        self.listed.update(found.images)
        for note in found.notes:
            self._note(NoteKind.SITEMAP, host_url, f"{note}; the rest was not read")

    def _is_below_a_start(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self.hosts and any(
            (path := urlsplit(start).path.rstrip("/")) and parts.path.startswith(f"{path}/")
            for start in self.start_urls
        )

    def _page(self, url: str, depth: int, stale: int) -> scrapy.Request:
        self.queued.add(url)
        return scrapy.Request(
            url,
            self.parse,
            errback=self.failed,
            dont_filter=depth == 0,
            cb_kwargs={"depth": depth, "stale": stale},
        )

    def _in_browser(self, url: str, depth: int, stale: int) -> scrapy.Request:
        return scrapy.Request(
            url,
            self.rendered,
            errback=self.failed,
            dont_filter=True,
            cb_kwargs={"depth": depth, "stale": stale},
            meta={
                "playwright": True,
                "playwright_context_kwargs": self.settings.getdict("BROWSER_CONTEXT"),
                "playwright_page_methods": [PageMethod(scroll_to_the_end)],
            },
        )


def _platform(photo: discovery.Candidate) -> str | None:
    return next((name for offer in photo.offers if (name := platform_of(offer))), None)
