"""Candidates into blobs and outcomes: original bytes, downloaded once, never re-encoded."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline

from crawlers.ledger.ledger import Download, Fetch, Ledger, OutcomeRow, Sighting
from crawlers.ledger.signals import OPT_OUT
from crawlers.politeness.refusals import Disallowed, NotAsked, OptedOut
from crawlers.sites.discovery import Candidate
from crawlers.sites.failures import image_failure
from crawlers.source_health import Outcome
from dataset.duplicates.intake import Intake, take_in
from dataset.pictures.decoding import Header, Undecodable
from foundation.errors import IsItCakeError
from foundation.network.addresses import Refused

MAX_FALSE_WIDTHS = 2  # pictures of a host that are smaller than their page says, before we stop looking for larger ones
MAX_HEADER_CHARS = 500


@dataclass
class _Search:
    """The search for the original of one photo.

    last: what an earlier run fetched. best: the largest offer that decodes. undecodable: the first that does not.
    ending: outcome and reason if there is neither. is_unchanged: the server answered 304 "not modified".
    """

    photo: Candidate
    last: Fetch | None
    best: tuple[Intake, Download] | None = None
    undecodable: Download | None = None
    ending: tuple[Outcome, str] = (Outcome.FAILED, "no address to try")
    is_unchanged: bool = False

    def addresses(self) -> list[str]:
        """The offers in order; the one that won in an earlier run first."""
        offers = list(self.photo.offers)
        if self.last and self.last.fetched_url in offers:
            offers.remove(self.last.fetched_url)
            offers.insert(0, self.last.fetched_url)
        return offers


class OriginalsPipeline(FilesPipeline):
    """Scrapy's FilesPipeline with our store behind it: one download per photo on all pages of a crawl.

    FilesPipeline names a download by its first offer, lets later sightings of it wait for that one, and hands the
    results to each item. We add: trying the offers of a photo in turn.
    """

    crawler: Any

    def __init__(self, ledger: Ledger, crawler: Any) -> None:
        self.ledger = ledger
        self.requests = 0
        self.candidates: set[str] = set()
        self._second_tries: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by host
        self._false_widths: Counter[str] = Counter()  # by host
        super().__init__("originals", crawler=crawler)
        crawler.originals = self

    @classmethod
    def from_crawler(cls, crawler: Any) -> "OriginalsPipeline":
        return cls(crawler.ledger, crawler)

    def get_media_requests(self, item: Any, info: Any) -> list[Request]:  # noqa: ARG002
        requests = []
        for photo in item["photos"]:
            self.candidates.add(photo.image_url)
            requests.append(Request(photo.image_url, callback=NO_CALLBACK, meta={"photo": photo}))
        return requests

    async def media_to_download(  # type: ignore[override]  # Scrapy awaits a coroutine too
        self,
        request: Request,
        info: Any,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> Any:
        """The result of one photo. Its checksum is the SHA-256 of the stored image; None if rejected or failed."""
        photo: Candidate = request.meta["photo"]
        url = photo.image_url
        try:
            if url in self.ledger.settled:  # by this run, before it was killed
                sha256 = self.ledger.settled[url]
            elif refusal := photo.rejected or self.ledger.refused_url(url):
                self.ledger.settle(OutcomeRow(url, photo.page_url, Outcome.REJECTED, refusal))
                sha256 = None
            else:
                sha256 = await self._collect(photo)
        except IsItCakeError as error:  # no room on the disk, no catalog: the crawl cannot go on
            self.crawler.stop_with(error)
            raise
        return {"url": url, "path": url, "checksum": sha256, "status": "settled"}

    def item_completed(self, results: Any, item: Any, info: Any) -> Any:  # noqa: ARG002
        page = item["page_url"]
        site = urlsplit(page).netloc
        stored = {result["url"]: result["checksum"] for done, result in results if done and result["checksum"]}
        try:
            for photo in item["photos"]:
                if photo.rejected.startswith(OPT_OUT):  # another page that shows the photo may not object
                    self.ledger.note_objection(photo.image_url, photo.rejected)
                elif photo.image_url in stored:
                    self.ledger.sight(stored[photo.image_url], [Sighting(photo.image_url, page, site, photo.alt)])
        except IsItCakeError as error:
            self.crawler.stop_with(error)
            raise
        self.crawler.progress()
        return item

    async def _collect(self, photo: Candidate) -> str | None:
        """Try the offers in order until one is as wide as the page says; keep the largest that decodes."""
        url, page = photo.image_url, photo.page_url
        search = _Search(photo, self.ledger.last_fetch(url))
        addresses = search.addresses()
        host = urlsplit(addresses[0]).netloc
        for address in addresses:
            # Second tries at one host are made in turn: what the first ones teach saves the others.
            async with self._second_tries[host] if search.best else contextlib.nullcontext():
                if search.best and self._false_widths[host] >= MAX_FALSE_WIDTHS:
                    break
                if await self._try(address, host, search):
                    break
        if search.is_unchanged:
            return self.ledger.unchanged(url, page)
        if search.best:
            taken, download = search.best
            return self.ledger.accept(url, page, download, taken)
        if search.undecodable:
            return self.ledger.accept(url, page, search.undecodable)
        self.ledger.settle(OutcomeRow(url, page, *search.ending))
        return None

    async def _try(self, address: str, host: str, search: _Search) -> bool:
        """Request one offer and record what came of it. Returns whether the search ends here."""
        last = search.last
        try:
            response = await self._ask(address, last if last and address == last.fetched_url else None)
        except (Refused, Disallowed) as error:
            search.ending = (Outcome.REJECTED, str(error))
            return False
        except OptedOut as error:
            search.ending = (Outcome.REJECTED, f"{OPT_OUT}{error}")
            return True
        except Exception as error:  # noqa: BLE001  one photo fails, its row says why, the crawl goes on
            search.ending = (Outcome.FAILED, image_failure(error))
            return False
        said = await self.crawler.robots.picture_statement(address, list(_pairs(response)))
        self.ledger.consent.prefer(search.photo.image_url, said.preference)
        if said.objection:
            search.best = search.undecodable = None
            search.ending = (Outcome.REJECTED, f"{OPT_OUT}{said.objection}")
            return True
        if response.status == 304 and last:
            search.is_unchanged = True
            return True
        if response.status != 200:
            search.ending = (Outcome.FAILED, f"answered {response.status}")
            return False
        download = Download(response.body, address, _header(response, "ETag"), _header(response, "Last-Modified"))
        try:
            taken = await asyncio.to_thread(take_in, download.body)
        except Undecodable:
            search.undecodable = search.undecodable or download
            return False
        return self._is_enough(taken, download, host, search)

    def _is_enough(self, taken: Intake, download: Download, host: str, search: _Search) -> bool:
        """Keep the larger one of this download and the best so far. Returns whether the search ends here."""
        header, is_first = taken.header, search.best is None
        if search.best is None or _pixels(header) > _pixels(search.best[0].header):
            search.best = taken, download
        if is_first:
            return header.width >= search.photo.width_px
        # The page named a width that its original does not have. Some builders name the same widths for every
        # picture: once a host did so MAX_FALSE_WIDTHS times, we accept its originals as they are.
        is_larger = search.best[1] is download
        self._false_widths[host] = -MAX_FALSE_WIDTHS if is_larger else self._false_widths[host] + 1
        return True

    async def _ask(self, url: str, last: Fetch | None) -> Any:
        """The answer; conditional on a change since `last`."""
        headers = {}
        if last and last.etag:
            headers["If-None-Match"] = last.etag
        if last and last.last_modified:
            headers["If-Modified-Since"] = last.last_modified
        request = Request(url, headers=headers, callback=NO_CALLBACK, meta={"is_image": True})
        self._modify_media_request(request)
        self.requests += 1
        try:
            return await self.crawler.engine.download_async(request)
        except (IgnoreRequest, NotAsked, Refused):
            self.requests -= 1
            raise


def _pixels(header: Header) -> int:
    return header.width * header.height


def _header(response: Any, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")[:MAX_HEADER_CHARS]


def _pairs(response: Any) -> Iterator[tuple[str, str]]:
    for name, values in response.headers.items():
        for value in values:
            yield name.decode("latin-1"), value.decode("latin-1")
