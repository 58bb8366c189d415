"""Makes the requests of a crawl, each in its host's turn: over HTTP, or in a browser for pages that need one."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from scrapy.exceptions import DownloadTimeoutError
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from crawlers.politeness.pacing import TRIES
from crawlers.politeness.proxy import GuardProxy
from crawlers.politeness.public_addresses import check_url
from crawlers.politeness.refusals import HostPaused, NotAsked
from crawlers.sites.browser import executable, launch_options
from foundation.errors import CrawlError

ABORTED_TYPES = ("image", "media", "font")  # the pipeline downloads images, once and over HTTP
PAGES_PER_CONTEXT = 40  # a context keeps memory of closed pages, so we start a new one after so many
PAGES_AT_ONCE = 3
PAGE_TIMEOUT_S = 120.0  # for navigation, scrolling and reading together


class PoliteHandler(ScrapyPlaywrightDownloadHandler):
    """Scrapy-playwright's handler, where every request waits for its host's turn.

    The browser starts with the first page that needs it.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self.crawler = crawler
        self.abort_request = self._must_abort
        self.proxy = GuardProxy(frozenset(crawler.settings.getlist("ALLOW_PRIVATE_HOSTS")))
        self._rendered = 0
        self._free = asyncio.Semaphore(PAGES_AT_ONCE)
        self._starting = asyncio.Lock()
        self._death: asyncio.Future[None]  # done when the running browser has ended

    async def _launch(self) -> None:
        """Scrapy-playwright starts the browser here; we start it later, see _maybe_launch_browser."""

    async def download_request(self, request: Any) -> Any:
        """Send a request in its host's turn; repeat it after the pause that the host asks for. Raises HostPaused."""
        host, pacing = urlsplit(request.url).netloc, self.crawler.pacing
        for last in (*[False] * (TRIES - 1), True):
            try:
                if request.meta.get("playwright"):
                    response = await self._render(request)
                else:
                    async with pacing.turn(host):
                        response = await super().download_request(request)
            except (HostPaused, CrawlError):
                raise
            except Exception as error:
                pacing.failed(host, type(error).__name__)
                raise
            retry_after = (response.headers.get("Retry-After") or b"").decode("latin-1")
            if not pacing.answered(host, response.status, retry_after) or last:
                break
        return response

    async def _render(self, request: Any) -> Any:
        async with self._free:
            context = self._rendered // PAGES_PER_CONTEXT
            self._rendered += 1
            await self._maybe_launch_browser()
            request.meta["playwright_context"] = f"pages-{context}"
            await self._close_contexts_before(context)
            work = asyncio.ensure_future(self._download_request(request))
            death = self._death
            done, _ = await asyncio.wait({work, death}, timeout=PAGE_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if work in done:
                return work.result()
            work.cancel()
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            if death in done:  # a call to a dead browser may never return
                raise PlaywrightError("the browser died")
            raise DownloadTimeoutError(f"not rendered within {PAGE_TIMEOUT_S:.0f} s")

    async def _browser_disconnected_callback(self) -> None:
        death, self._death = self._death, asyncio.get_running_loop().create_future()
        death.set_result(None)
        await super()._browser_disconnected_callback()

    async def _close_contexts_before(self, context: int) -> None:
        for name, wrapper in list(self.context_wrappers.items()):
            if int(name.rpartition("-")[2]) < context and not wrapper.context.pages:
                await wrapper.context.close()

    async def _maybe_launch_browser(self) -> None:
        async with self._starting:
            if not hasattr(self, "browser_provider"):
                try:
                    path = await asyncio.to_thread(executable)
                except CrawlError as error:
                    self.crawler.stop_with(error)
                    raise
                await self.proxy.start()
                self.config.launch_options = launch_options(path, self.proxy.url)
                self.browser_provider = self.browser_provider_cls(self.config)
                await self.browser_provider.start()
                self._death = asyncio.get_running_loop().create_future()
        try:
            await super()._maybe_launch_browser()
        except PlaywrightError as error:
            fatal = CrawlError(f"the browser did not start ({str(error).splitlines()[0]}); see `isitcake doctor`")
            self.crawler.stop_with(fatal)
            raise fatal from error

    async def _close(self) -> None:
        await super()._close()
        await self.proxy.stop()

    async def _must_abort(self, request: Any) -> bool:
        """Whether the browser must not make a request; if it may, returns at the host's turn."""
        if request.resource_type in ABORTED_TYPES:
            return True
        if request.url.startswith(("data:", "blob:")):
            return False
        try:
            check_url(request.url, self.proxy.allowed)
            await self.crawler.robots.check(request.url)
            await self.crawler.pacing.start(urlsplit(request.url).netloc)
        except NotAsked:
            return True
        return False


def context_options(user_agent: str) -> dict[str, object]:
    """Options for the browser contexts of a crawl."""
    return {"user_agent": user_agent, "service_workers": "block", "viewport": {"width": 1280, "height": 900}}
