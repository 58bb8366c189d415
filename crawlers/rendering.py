"""The browser inside a crawl: started with the first page that needs it, kept out of private nets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from crawlers.browser import executable, launch_options
from crawlers.guard import Refused, check_url, resolves_public
from isitcake.errors import CrawlError

ABORTED_TYPES = ("image", "media", "font")  # image bodies are fetched once, over HTTP, by the pipeline


class LazyBrowser(ScrapyPlaywrightDownloadHandler):
    """Scrapy-playwright's handler, whose browser starts with the first page that needs one."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self.crawler = crawler

    async def _launch(self) -> None:
        """A static site never pays for a browser."""

    async def _maybe_launch_browser(self) -> None:
        if not hasattr(self, "browser_provider"):
            try:
                path = await asyncio.to_thread(executable)
            except CrawlError as error:
                self.crawler.stop_with(error)
                raise
            self.config.launch_options = launch_options(path)
            self.browser_provider = self.browser_provider_cls(self.config)
            await self.browser_provider.start()
        await super()._maybe_launch_browser()


def context_options(user_agent: str) -> dict[str, object]:
    """Options for the browser context every page of a crawl shares."""
    return {"user_agent": user_agent, "service_workers": "block", "viewport": {"width": 1280, "height": 900}}


def abort_rule(allowed: frozenset[str]) -> Callable[[Any], Awaitable[bool]]:
    """Whether the browser must not make a request: pictures, and anything private."""
    public: dict[str, bool] = {}

    async def abort(request: Any) -> bool:
        if request.resource_type in ABORTED_TYPES:
            return True
        if request.url.startswith(("data:", "blob:")):
            return False
        try:
            check_url(request.url, allowed)
        except Refused:
            return True
        parts = urlsplit(request.url)
        host = parts.hostname or ""
        if f"{host}:{parts.port}" in allowed:
            return False
        if host not in public:
            public[host] = await asyncio.to_thread(resolves_public, host)
        return not public[host]

    return abort
