"""The spider: walks the pages of any site; what is special about a site is in its source's settings."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urldefrag, urlsplit

import scrapy
from scrapy import signals
from scrapy.exceptions import DontCloseSpider, StopDownload
from scrapy.http import Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy_playwright.page import PageMethod

from crawlers import markup
from crawlers.ledger.signals import OPT_OUT
from crawlers.politeness import optout
from crawlers.politeness.refusals import KnownPage, LeftSite
from crawlers.sites import discovery, links, pictures, sitemaps
from crawlers.sites.failures import page_failure
from crawlers.sites.messages import CrawlOptions
from crawlers.sites.originals import platform_of
from crawlers.sites.reading.linked import LinkedFiles
from crawlers.sites.rendering.renderer import Reading, Renderer, read, with_visit
from crawlers.sites.rendering.visit import MAX_SCROLLS, Visit, look, prepare
from crawlers.sites.walking.actions import is_skipped
from crawlers.sites.walking.aliases import Aliases
from crawlers.sites.walking.calendars import PATIENCE, Calendars
from crawlers.sites.walking.doubtful import Doubtful
from crawlers.sites.walking.evidence import MAX_PHOTOS, evidence
from crawlers.sites.walking.hosts import is_hash_route, page_key, session_names, site_host, without_session
from crawlers.sites.walking.templates import has_script
from crawlers.source_health import Note, NoteKind, kind_of_status
from foundation.network.addresses import Refused

logger = logging.getLogger(__name__)
MAYBE_APPLICATION = (404, 410)  # what hosts of static files answer for the routes of a single-page application
NO_PAGE_TYPE = re.compile(r"(?:video|audio|font)/|image/svg|application/(?!xhtml|xml|rss|atom|json)")
MAX_CUT = 20_000  # links beyond the depth that are counted


class SiteSpider(scrapy.Spider):
    """Reads the pages of one site and yields their candidates; follows links inside the site to a depth.

    Numbered pages of one gallery are a series. A page without a new photo is stale.
    """

    name = "site"

    def __init__(self, start_urls: list[str], options: CrawlOptions | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_urls = start_urls
        self.options = options or CrawlOptions()
        self.hosts = {site_host(url) for url in start_urls}
        self.photo_hosts: set[str] = set()  # of candidates
        self.pages = 0
        self.placeholders = 0
        self.queued: set[str] = set()  # pages, see page_key
        self.cut: dict[str, str] = {}  # pages beyond the depth, by their key
        self.photos: set[str] = set()
        self.only_shown: list[str] = []
        self.evidence: dict[str, dict[str, str]] = {}  # of the first photos, see walking.evidence
        self.stale_pages = 0  # in a row, of any kind
        self.calendars, self.aliases, self.doubtful = Calendars(), Aliases(), Doubtful()
        self.notes: list[Note] = []
        self.platforms: Counter[str] = Counter()  # photos by the website builder whose addresses they have
        self.objections: list[str] = []
        self.listed: dict[str, list[str]] = {}  # photos that sitemaps name, by page
        self.proven: set[str] = set()  # what pages showed of the names of pictures, see crawlers.sites.reading.identity
        self.sessions: frozenset[str] = frozenset()  # parameters that hold our session
        self.bodies: set[bytes] = set()  # digests of the pages that were answered
        self.renderer = Renderer(self._show, self._note_failure, lambda: frozenset(self.hosts))

    @property
    def rendered_pages(self) -> int:
        return self.renderer.pages

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> "SiteSpider":
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(stop_at_the_head, signals.headers_received)
        crawler.signals.connect(spider.go_on, signals.spider_idle)
        return spider

    def go_on(self) -> None:
        """Scrapy calls this when nothing is left to do: then links are asked that may lead to pages that were read."""
        is_full = len(self.queued) >= self.options.pages or self.stale_pages >= self.options.stale_in_all
        requests = [] if is_full else self.aliases.released()
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    async def start(self) -> AsyncIterator[Any]:
        self.linked = LinkedFiles(self.crawler)
        for host_url in dict.fromkeys(f"{urlsplit(u).scheme}://{urlsplit(u).netloc}" for u in self.start_urls):
            await self._read_sitemaps(host_url)
        for url in self.start_urls:
            url = url if is_hash_route(url) else urldefrag(url)[0]
            if page_key(url) not in self.queued:
                yield self._page(url, 0, 0)
        listed = [url for url in self.listed if self._is_below_a_start(url) and self._may_follow(url)]
        for url in sitemaps.in_turn(listed):
            if len(self.queued) >= self.options.pages:
                self._note_once(NoteKind.LIMIT, url, self._stopped_at_pages())
                break
            if page_key(url) not in self.queued:
                yield self._page(url, 1, 0)

    async def parse(self, response: Response, depth: int, stale: int) -> AsyncIterator[Any]:
        if "download_stopped" in response.flags:
            return
        if not isinstance(response, TextResponse):
            for item in await pictures.linked_picture(self.crawler, response):
                yield item
            return
        page = markup.read(response.text)
        page.encoding = response.encoding
        digest = hashlib.sha256(response.body).digest()
        is_missing = response.status in MAYBE_APPLICATION
        if is_missing and not (has_script(page) and (digest in self.bodies or links.is_shell(page))):
            self._note_missing(response)
            return
        linked = await self.linked.of(page, response.url)
        reading = read(page, response.url, self.listed.get(response.url, ()), linked, self.proven)
        reading = await self.renderer.complete(reading, depth == 0)
        if is_missing and not reading.missed:
            self._note_missing(response)
            return
        if not is_missing and len(self.bodies) < self.options.pages:
            self.bodies.add(digest)
        async for result in self._results(response, reading, depth, stale):
            yield result

    async def parse_route(self, response: Response, depth: int, stale: int) -> AsyncIterator[Any]:
        """A hash route: only the browser can show it."""
        visit: Visit = response.meta["visit"]
        self.renderer.pages += 1
        if isinstance(response, TextResponse):
            url = response.request.url if response.request else response.url
            reading = with_visit(Reading(url, markup.read(visit.html), [], [], self.proven), visit)
            async for result in self._results(response, reading, depth, stale):
                yield result

    def failed(self, failure: Any) -> None:
        meta = failure.request.meta
        if isinstance(failure.value, KnownPage):
            return
        if not (meta.get("may_leave") and isinstance(failure.value, LeftSite | Refused)):  # it is another site's page
            self._note_failure(failure.request.url, failure.value, meta.get("redirect_urls"))

    def closed(self, reason: str) -> None:  # noqa: ARG002
        """Scrapy calls this at the end of the crawl."""
        cut = [url for key, url in self.cut.items() if key not in self.queued]
        if cut and self.options.pages > 1:  # `isitcake source probe` reads one page, and is asked for no more
            pages = f"{len(cut):,} page{'s' if len(cut) > 1 else ''}"
            many = f"{'at least ' if len(self.cut) >= MAX_CUT else ''}{pages}"
            text = f"stopped at depth {self.options.depth}: {many} further away not read, such as {cut[0]}"
            self._note(NoteKind.LIMIT, cut[0], f"{text}; raise `depth` of the source to read them")
        if self.renderer.obstacle:
            text = f"some pages were read without the browser, scripts may add to them: {self.renderer.obstacle}"
            self._note(NoteKind.LIMIT, self.start_urls[0], text)

    def _note(self, kind: NoteKind, url: str, text: str) -> None:
        self.notes.append(Note(kind, urlsplit(url).netloc, text))

    def _note_once(self, kind: NoteKind, url: str, text: str) -> None:
        if text not in (note.text for note in self.notes):
            self._note(kind, url, text)

    def _note_failure(self, url: str, error: BaseException, came_by: list[str] | None = None) -> None:
        kind, text = page_failure(error, url)
        self._note(kind, came_by[0] if came_by else url, f"page {came_by[0] if came_by else url}: {text}")

    def _note_missing(self, response: Response) -> None:
        kind = kind_of_status(response.status) or NoteKind.PAGE_FAILED
        self._note(kind, response.url, f"page {response.url}: answered {response.status}")

    async def _results(self, response: TextResponse, reading: Reading, depth: int, stale: int) -> AsyncIterator[Any]:
        """The page's photos as one item, then requests for its links. stale: stale pages in a row before it."""
        self.pages += 1
        photos, page, url = reading.photos, reading.page, reading.url
        if objection := await self._objection(response, reading):
            self.objections.append(f"{url}: {objection}")
            photos = [replace(photo, rejected=f"{OPT_OUT}{objection}") for photo in photos]
        photos = self.doubtful.without(photos)
        new = [photo for photo in photos if photo.image_url not in self.photos]
        self._count(reading, new)
        self.aliases.read(url, page, len(photos), len(new))
        for item in [{"page_url": url, "photos": photos}] * bool(photos) + self.doubtful.released():
            yield item
        requests = list(self._follow(reading, depth, 0 if new else stale + 1))
        self.calendars.read(url, bool(new), (request.url for request in requests))
        for request in requests:
            yield request
        if page.limits:
            limits = "; ".join(page.limits)
            self._note(NoteKind.LIMIT, url, f"page {url}: {limits}; the rest was not read")
        if (visit := reading.visit) is not None and visit.still_grew:
            self._note(NoteKind.LIMIT, url, f"page {url}: stopped after {MAX_SCROLLS} scrolls, it still grew")
        if visit is not None and visit.still_brought:
            self._note(NoteKind.LIMIT, url, f"page {url}: stopped to press buttons that still brought photos")
        if visit is not None and visit.left and not photos:
            self._note(NoteKind.MOVED, url, f"page {url}: leads to another host, {visit.left}; it ends there")

    def _count(self, reading: Reading, new: list[discovery.Candidate]) -> None:
        self.placeholders += discovery.placeholders(reading.shown or reading.page)
        self.photos.update(photo.image_url for photo in new)
        self.photo_hosts.update(site_host(offer) for photo in new for offer in photo.offers)
        self.stale_pages = 0 if new else self.stale_pages + 1
        self.platforms.update(name for photo in new if (name := _platform(photo)))
        for photo in new[: MAX_PHOTOS - len(self.evidence)]:
            self.evidence[photo.image_url] = evidence(photo)
        self.only_shown += reading.only_shown[: MAX_PHOTOS - len(self.only_shown)]

    def _follow(self, reading: Reading, depth: int, stale: int) -> Iterator[scrapy.Request]:
        if optout.forbids_following(reading.page):
            return
        self.sessions |= frozenset(session_names(reading.links))
        following = links.following(reading.shown or reading.page, reading.url)
        for found in reading.links:
            url = without_session(found, self.sessions)
            key = page_key(url)
            if key in self.queued or key in self.aliases.known or not self._may_follow(url):
                continue
            in_series = found in following or (links.same_series(url, reading.url) and not is_hash_route(url))
            is_frame = found in reading.frames
            is_near = in_series or is_frame
            if depth + (not is_near) > self.options.depth:
                if len(self.cut) < MAX_CUT:
                    self.cut.setdefault(key, url)
                continue
            if stop := self._reason_to_stop(reading.url, in_series, stale):
                if self.options.pages > 1:  # a probe is asked for no more
                    self._note_once(NoteKind.LIMIT, reading.url, stop)
                return
            if other := self.calendars.fruitless_like(url):
                text = f"{PATIENCE} pages like {other} showed no new photo, so further ones are not read"
                self._note_once(NoteKind.LIMIT, reading.url, text)
                continue
            is_tried = reading.visit is not None and found in reading.visit.tried
            meta = {"may_leave": is_frame or is_tried, "found_on": reading.url}
            make = partial(self._page, url, depth + (not is_near), stale if in_series else 0, meta)
            if is_near or not self.aliases.hold(url, self.queued, make):
                yield make()

    def _may_follow(self, url: str) -> bool:
        return site_host(url) in self.hosts and links.is_page(url) and not is_skipped(url, self.options.skip)

    def _reason_to_stop(self, page: str, in_series: bool, stale: int) -> str:
        if len(self.queued) >= self.options.pages:
            return self._stopped_at_pages()
        if self.stale_pages >= self.options.stale_in_all:
            return f"stopped after {self.options.stale_in_all} pages in a row without a new photo"
        if in_series and stale >= self.options.stale_in_series:
            return f"series left after {self.options.stale_in_series} pages without a new photo, at {page}"
        return ""

    def _stopped_at_pages(self) -> str:
        return f"stopped at {self.options.pages} pages; raise `pages` of the source to read more"

    async def _objection(self, response: TextResponse, reading: Reading) -> str:
        """The evidence that the page, its headers or its host object to training on its photos; empty where none."""
        pairs = pictures.headers_of(response)
        pages = [page for page in (reading.page, reading.shown) if page is not None]
        said = await self.crawler.robots.page_statement(response.url, pairs, pages)  # type: ignore[attr-defined]
        for photo in reading.photos:
            for url in (photo.image_url, photo.named_url):
                self.crawler.ledger.consent.prefer(url, said.preference)  # type: ignore[attr-defined]
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
        """Whether a page of the site is below a start page; below the home page is all of the site."""
        parts = urlsplit(url)
        return any(
            site_host(start) == site_host(url) and f"{parts.path}/".startswith(f"{urlsplit(start).path.rstrip('/')}/")
            for start in self.start_urls
        )

    def _page(self, url: str, depth: int, stale: int, meta: dict[str, Any] | None = None) -> scrapy.Request:
        self.queued.add(page_key(url))
        is_route, inside = bool(urldefrag(url)[1]), frozenset(self.hosts)
        return scrapy.Request(
            url,
            self.parse_route if is_route else self.parse,
            errback=self.failed,
            dont_filter=True,  # `queued` filters
            cb_kwargs={"depth": depth, "stale": stale},
            meta={
                **(self._in_browser(Visit(inside), is_optional=False) if is_route else {}),
                "inside": inside,
                "keys": self.queued,
                "handle_httpstatus_list": list(MAYBE_APPLICATION),
                **(meta or {}),
            },
        )

    async def _show(self, url: str, visit: Visit, is_optional: bool) -> Any:
        request = scrapy.Request(url, callback=NO_CALLBACK, meta=self._in_browser(visit, is_optional))
        return await self.crawler.engine.download_async(request)

    def _in_browser(self, visit: Visit, is_optional: bool) -> dict[str, Any]:
        return {
            "playwright": True,
            "playwright_context_kwargs": self.settings.getdict("BROWSER_CONTEXT"),
            "playwright_page_init_callback": prepare,
            "playwright_page_goto_kwargs": {"wait_until": "domcontentloaded"},  # a script's host may be silent
            "playwright_page_methods": [PageMethod(look, visit)],
            "visit": visit,
            "inside": visit.inside,
            "is_optional": is_optional,
            "handle_httpstatus_list": list(MAYBE_APPLICATION),
        }


def stop_at_the_head(headers: Any, request: scrapy.Request, **_: Any) -> None:
    """Read no body of what is no page, though its address looked like one."""
    kind = (headers.get("Content-Type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    is_attached = (headers.get("Content-Disposition") or b"").strip().lower().startswith(b"attachment")
    if "found_on" in request.meta and (is_attached or NO_PAGE_TYPE.match(kind)):
        raise StopDownload(fail=False)


def _platform(photo: discovery.Candidate) -> str | None:
    return next((name for offer in photo.offers if (name := platform_of(offer))), None)
