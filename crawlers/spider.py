"""The one spider: a source is data, and this walks it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy_playwright.page import PageMethod

from crawlers import discovery
from crawlers.discovery import Candidate

MAX_PAGES = 500
MAX_DEPTH = 2
MAX_SCROLLS = 60
FRUITLESS_SCROLLS = 3
SCROLL_WAIT_MS = 400

GROW = """async () => {
  const more = [...document.querySelectorAll('button, a[role=button], a[href="#"]')]
    .find(e => /load more|show more|view more|mehr/i.test(e.textContent || '') && e.offsetParent);
  if (more) more.click();
  window.scrollTo(0, document.documentElement.scrollHeight);
  window.dispatchEvent(new Event('scroll'));  // pages shorter than the window never fire one
}"""
SIZE = "() => document.querySelectorAll('*').length + document.documentElement.scrollHeight"


async def scroll_to_the_end(page: Any) -> None:
    """Scroll and press "load more" until nothing new appears, within caps."""
    fruitless = 0
    size = await page.evaluate(SIZE)
    for _ in range(MAX_SCROLLS):
        await page.evaluate(GROW)
        try:
            await page.wait_for_function(f"({SIZE})() > {size}", timeout=SCROLL_WAIT_MS)
            fruitless = 0
        except Exception:  # noqa: BLE001  a timeout, or the page went elsewhere: either way, no growth
            fruitless += 1
            if fruitless >= FRUITLESS_SCROLLS:
                return
        size = await page.evaluate(SIZE)


class SiteSpider(scrapy.Spider):
    """Pages of one site into candidates; follows links inside the site to a depth."""

    name = "site"

    def __init__(self, start_urls: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_urls = start_urls
        self.hosts = {urlsplit(url).netloc for url in start_urls}
        self.pages = 0
        self.placeholders = 0
        self.queued: set[str] = set()
        self.notes: list[str] = []

    async def start(self) -> AsyncIterator[Any]:
        for url in self.start_urls:
            self.queued.add(url)
            yield scrapy.Request(url, self.parse, errback=self.failed, cb_kwargs={"depth": 0})

    def parse(self, response: Response, depth: int) -> Iterator[Any]:
        if not isinstance(response, TextResponse):
            return
        if "playwright" not in response.request.meta:  # type: ignore[union-attr]
            self.pages += 1
            if discovery.needs_browser(response.text):
                yield self._in_browser(response.url, depth)
                return
        yield from self._found(response, depth)

    def rendered(self, response: Response, depth: int) -> Iterator[Any]:
        if isinstance(response, TextResponse):
            yield from self._found(response, depth)

    def failed(self, failure: Any) -> None:
        request = failure.request
        reason = str(failure.value) or type(failure.value).__name__
        if failure.check(HttpError):
            reason = f"answered {failure.value.response.status}"
        self.notes.append(f"page {request.url}: {reason}")

    def _found(self, response: TextResponse, depth: int) -> Iterator[Any]:
        self.placeholders += discovery.placeholders(response.text)
        photos: list[Candidate] = discovery.candidates(response.text, response.url)
        if photos:
            yield {"page_url": response.url, "photos": photos}
        for url in discovery.links(response.text, response.url):
            if urlsplit(url).netloc not in self.hosts or url in self.queued:
                continue
            deeper = 0 if discovery.same_series(url, response.url) else 1
            if depth + deeper > MAX_DEPTH:
                continue
            if len(self.queued) >= MAX_PAGES:
                self.notes.append(f"stopped at {MAX_PAGES} pages")
                return
            self.queued.add(url)
            yield scrapy.Request(url, self.parse, errback=self.failed, cb_kwargs={"depth": depth + deeper})

    def _in_browser(self, url: str, depth: int) -> scrapy.Request:
        return scrapy.Request(
            url,
            self.rendered,
            errback=self.failed,
            dont_filter=True,
            cb_kwargs={"depth": depth},
            meta={
                "playwright": True,
                "playwright_context_kwargs": self.settings.getdict("BROWSER_CONTEXT"),
                "playwright_page_methods": [PageMethod(scroll_to_the_end)],
            },
        )
