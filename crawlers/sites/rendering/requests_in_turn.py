"""Makes the requests of a crawl, each in its host's turn: over HTTP, or in a browser for pages that need one."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

from crawlers.politeness.pacing import TRIES
from crawlers.politeness.proxy import ClosedProxy
from crawlers.politeness.refusals import HostPaused
from crawlers.sites.browser import closed_options, executable
from crawlers.sites.rendering.answers import (
    ACTS,
    ANSWERED_TYPES,
    FETCHED_TYPES,
    Kept,
    answer_headers,
    is_picture,
    redirect_target,
    redirected,
    request_of,
)
from crawlers.sites.rendering.visit import Visit
from crawlers.sites.walking.hosts import site_host
from foundation.errors import CrawlError

# What a page needs to show its photos. Pings, event streams, prefetches and reports show nothing.
ANSWERED_METHODS = ("GET", "HEAD", "POST")
REFUSED = "blockedbyclient"  # Playwright's name of the error that the page sees
STAYS = "aborted"  # the same for a page that tries to leave: it is not replaced by an error page
MAX_REDIRECTS = 5  # as of every other request, see REDIRECT_MAX_TIMES
PAGES_AT_ONCE = 3
PAGE_TIMEOUT_S = 120.0  # for navigation, scrolling and reading together
OTHER_HOST_TIMEOUT_S = 8.0  # for what a page has from other hosts; a host that takes longer is left out of the run
CLOSE_TIMEOUT_S = 10.0  # a call to a dead browser may never return

# The pipeline downloads images, once and over HTTP. In the browser each is this drawing, so that scripts which wait for
# a picture go on; it has the shape of a photo, so that the page is as long as it is for people.
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="900" viewBox="0 0 4 3"></svg>'
DRAWING_HEADERS = {"content-type": "image/svg+xml", "access-control-allow-origin": "*", "cache-control": "no-store"}


@dataclass
class _Rendering:
    """One page in the browser, in a context of its own: nothing of it stays for the next.

    expects_page: whether the next page of the context is ours; any other is a pop-up. has_begun: whether the page's own
    address was asked for. redirect: where that led to. failure: why there was no answer. work: requests under way.
    visit: what it shows.
    """

    visit: Visit

    expects_page: bool = False
    has_begun: bool = False
    redirect: str = ""
    failure: Exception | None = None
    work: set[asyncio.Future[Any]] = field(default_factory=set)


class PoliteHandler(ScrapyPlaywrightDownloadHandler):
    """Scrapy-playwright's handler, where every request waits for its host's turn.

    The browser starts with the first page that needs it. It has no network: its requests are made here, as all other
    requests of the crawl are, and its only way out is a proxy that connects to nothing.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self.crawler = crawler
        self.proxy = ClosedProxy()
        self._rendered = 0
        self._renderings: dict[str, _Rendering] = {}  # by the name of their context
        self._free = asyncio.Semaphore(PAGES_AT_ONCE)
        self._starting = asyncio.Lock()
        self._silent: set[str] = set()  # other hosts that did not answer in time
        crawler.kept = getattr(crawler, "kept", None) or Kept()  # there is a handler for each scheme
        self._death: asyncio.Future[None]  # done when the running browser has ended

    async def _launch(self) -> None:
        """Scrapy-playwright starts the browser here; we start it later, see _maybe_launch_browser."""

    async def download_request(self, request: Any) -> Any:
        """Send a request in its host's turn; repeat it after the pause that the host asks for. Raises HostPaused."""
        if request.meta.get("playwright"):
            return await self._render(request)
        if (kept := self.crawler.kept.take_picture(request)) is not None:
            return kept.replace(request=request)
        host, pacing = urlsplit(request.url).netloc, self.crawler.pacing
        for last in (*[False] * (TRIES - 1), True):
            try:
                async with pacing.turn(host):
                    response = await super().download_request(request)
            except HostPaused:
                raise
            except Exception as error:
                pacing.failed(host, type(error).__name__)
                raise
            retry_after = (response.headers.get("Retry-After") or b"").decode("latin-1")
            if not pacing.answered(host, response.status, retry_after) or last:
                break
        return response

    async def _render(self, request: Any) -> Any:
        """The page as the browser shows it; a redirect as such, for Scrapy to follow."""
        async with self._free:
            name = f"page-{self._rendered}"
            self._rendered += 1
            visit: Visit = request.meta["visit"]
            visit.begin()
            rendering = self._renderings[name] = _Rendering(visit)
            try:
                await self._start_browser(is_optional=request.meta.get("is_optional", False))
                request.meta["playwright_context"] = name
                return await self._until_shown(request)
            except (PlaywrightError, DownloadTimeoutError) as error:
                if rendering.redirect:
                    return Response(request.url, status=302, headers={"Location": rendering.redirect}, request=request)
                if rendering.failure is not None:
                    raise rendering.failure from error
                self.crawler.pacing.failed(urlsplit(request.url).netloc, type(error).__name__)
                raise
            finally:
                await self._end(name)

    async def _until_shown(self, request: Any) -> Any:
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

    async def _end(self, name: str) -> None:
        """Close a page's context: its pop-ups, workers and unanswered requests end with it."""
        for work in self._renderings.pop(name).work:
            work.cancel()
        if wrapper := self.context_wrappers.pop(name, None):
            with contextlib.suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(wrapper.context.close(), CLOSE_TIMEOUT_S)

    async def _create_browser_context(self, name: str, context_kwargs: Any, spider: Any = None) -> Any:
        """A context in which only our own page loads anything: pop-ups are closed, and refused until then."""
        wrapper = await super()._create_browser_context(name, context_kwargs, spider)
        rendering = self._renderings[name]

        def admit(page: Any) -> None:
            if rendering.expects_page:
                rendering.expects_page = False
            else:
                closing = asyncio.ensure_future(_closed(page))
                rendering.work.add(closing)
                closing.add_done_callback(rendering.work.discard)

        wrapper.context.on("page", admit)
        await wrapper.context.route("**", lambda route: route.abort(REFUSED))
        return wrapper

    async def _create_page(self, request: Any, spider: Any) -> Any:
        self._renderings[request.meta["playwright_context"]].expects_page = True
        return await super()._create_page(request, spider)

    def _make_request_handler(self, context_name: str, **_request: Any) -> Any:
        """Answers each request of a page with what our own request for it brings; refuses it where there is none."""
        rendering = self._renderings[context_name]

        async def answer(route: Any, asked: Any) -> None:
            leaves = rendering.has_begun and asked.is_navigation_request()
            work = asyncio.ensure_future(self._answer(asked, rendering))
            rendering.work.add(work)
            work.add_done_callback(rendering.work.discard)
            await asyncio.wait({work})
            response = None if work.cancelled() else work.result()
            if asked.resource_type == "script":
                rendering.visit.loaded(asked.url, None if response is None else response.body)
            with contextlib.suppress(PlaywrightError):  # the page is gone
                if asked.resource_type == "image":
                    await route.fulfill(status=200, headers=DRAWING_HEADERS, body=DRAWING)
                elif response is None:
                    await route.abort(STAYS if leaves else REFUSED)
                else:
                    await route.fulfill(status=response.status, headers=answer_headers(response), body=response.body)

        return answer

    async def _answer(self, asked: Any, rendering: _Rendering) -> Any:
        """The answer to a request of the browser; None if it is not made, fails, or is the page's own redirect."""
        is_own_address, rendering.has_begun = not rendering.has_begun, True
        if asked.resource_type == "image":
            rendering.visit.want(asked.url)
        if asked.resource_type not in ANSWERED_TYPES or asked.method not in ANSWERED_METHODS:
            return None
        if not is_own_address and self._is_closed(asked, rendering.visit):
            return None
        if kept := self.crawler.kept.answer(asked):
            return kept
        is_elsewhere = site_host(asked.url) not in rendering.visit.inside
        try:
            async with asyncio.timeout(OTHER_HOST_TIMEOUT_S if is_elsewhere and not is_own_address else None):
                request = await request_of(asked)
                for _ in range(MAX_REDIRECTS + 1):
                    response = await self.crawler.engine.download_async(request)
                    target = redirect_target(response)
                    if not target:
                        self.crawler.kept.keep(asked, response)
                        if is_picture(asked, response):
                            rendering.visit.fetch(asked.url, len(response.body))
                            self.crawler.kept.keep_picture(asked.url, request, response)
                        return response
                    if is_own_address:
                        rendering.redirect = target
                        return None
                    if asked.resource_type == "document" and site_host(target) not in rendering.visit.inside:
                        return None
                    request = redirected(request, target, response.status)
        except TimeoutError:
            self._silent.add(urlsplit(asked.url).netloc)
        except Exception as error:  # noqa: BLE001  the page goes on without; if it is its own address, the crawl says why
            if is_own_address:
                rendering.failure = error
        return None

    def _is_closed(self, asked: Any, visit: Visit) -> bool:
        """Whether a request is not made: it leaves the site, its host is silent, or a button that we press sends it."""
        if asked.resource_type == "document":
            is_main = asked.frame.parent_frame is None
            is_outside = site_host(asked.url) not in visit.inside
            if is_main and is_outside:
                visit.left = asked.url
            elif is_main and visit.stays:
                visit.links.setdefault(asked.url)
                visit.tried.add(asked.url)
            return is_outside or (is_main and visit.stays)
        acts = asked.method == "POST" or (asked.resource_type in FETCHED_TYPES and ACTS.search(asked.url))
        return urlsplit(asked.url).netloc in self._silent or (visit.is_pressing and bool(acts))

    async def _browser_disconnected_callback(self) -> None:
        death, self._death = self._death, asyncio.get_running_loop().create_future()
        death.set_result(None)
        await super()._browser_disconnected_callback()

    async def _start_browser(self, is_optional: bool) -> None:
        """Raises CrawlError if it does not start; that ends the crawl unless the page can be read without it."""
        try:
            await self._maybe_launch_browser()
        except CrawlError as error:
            if not is_optional:
                self.crawler.stop_with(error)
            raise

    async def _maybe_launch_browser(self) -> None:
        async with self._starting:
            if not hasattr(self, "browser_provider"):
                path = await asyncio.to_thread(executable)
                await self.proxy.start()
                self.config.launch_options = await asyncio.to_thread(closed_options, path, self.proxy.url)
                self.browser_provider = self.browser_provider_cls(self.config)
                await self.browser_provider.start()
                self._death = asyncio.get_running_loop().create_future()
        try:
            await super()._maybe_launch_browser()
        except PlaywrightError as error:
            why = str(error).splitlines()[0]
            raise CrawlError(f"the browser did not start ({why}); see `isitcake doctor`") from error

    async def _close(self) -> None:
        await super()._close()
        await self.proxy.stop()


def context_options(user_agent: str) -> dict[str, object]:
    """Options for the browser contexts of a crawl."""
    return {
        "user_agent": user_agent,
        "service_workers": "block",
        "accept_downloads": False,
        "viewport": {"width": 1280, "height": 900},
    }


async def _closed(page: Any) -> None:
    with contextlib.suppress(PlaywrightError):
        await page.close()
