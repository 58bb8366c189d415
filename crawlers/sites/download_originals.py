"""Candidates into blobs and outcomes: original bytes, asked for once, nothing re-encoded."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline

from crawlers.ledger import Download, Fetch, Ledger, Outcome, Sighting
from crawlers.politeness import optout
from crawlers.politeness.pacing import HostPaused
from crawlers.politeness.public_addresses import Refused
from crawlers.politeness.robots import Disallowed, OptedOut
from crawlers.sites.discovery import Candidate
from dataset.pictures.decoding import Header, Undecodable, examine
from foundation.errors import IsItCakeError

BOASTS = 2


class OriginalsPipeline(FilesPipeline):
    """Scrapy's FilesPipeline with our store behind it: one download per photo on all pages of a crawl.

    FilesPipeline keys downloads by the first offer, makes later sightings of it wait for that one, and
    hands each item its results; walking the chain of offers is what we add.
    """

    crawler: Any

    def __init__(self, ledger: Ledger, crawler: Any) -> None:
        self.ledger = ledger
        self.requests = 0
        self.candidates: set[str] = set()
        self._second_looks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._boasts: Counter[str] = Counter()  # by host: pages that named more pixels than their originals have
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

    async def media_to_download(  # type: ignore[override]  # Scrapy awaits it as gladly
        self,
        request: Request,
        info: Any,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> Any:
        """The SHA-256 under which the photo is stored; None where it was rejected or failed."""
        photo: Candidate = request.meta["photo"]
        url = photo.image_url
        try:
            if url in self.ledger.settled:  # by this run, before it was interrupted
                sha256 = self.ledger.settled[url]
            elif photo.rejected:
                self.ledger.settle(url, photo.page_url, "rejected", photo.rejected)
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
        stored: dict[str, str] = {}
        for done, result in results:
            if done and result["checksum"]:
                stored[result["url"]] = result["checksum"]
        try:
            for photo in item["photos"]:
                if photo.image_url in stored:
                    self.ledger.sight(stored[photo.image_url], [Sighting(photo.image_url, page, site, photo.alt)])
        except IsItCakeError as error:
            self.crawler.stop_with(error)
            raise
        self.crawler.progress()
        return item

    async def _collect(self, photo: Candidate) -> str | None:
        """Try the offers in order until one has at least the size the page names; keep the largest that decodes."""
        url, page = photo.image_url, photo.page_url
        if refused := self.ledger.refused_url(url):
            self.ledger.settle(url, page, "rejected", refused)
            return None
        last = self.ledger.last_fetch(url)
        offers = list(photo.offers)
        if last and last.fetched_url in offers:
            offers.remove(last.fetched_url)
            offers.insert(0, last.fetched_url)
        host = urlsplit(offers[0]).netloc
        best: tuple[Header, Download] | None = None
        rejected: Download | None = None  # decodes not, or too small: what its row says, where nothing is better
        outcome: tuple[Outcome, str] = ("failed", "no address to try")
        for offer in offers:
            # Second looks at one host are taken in turn: what the first ones teach spares the others.
            async with self._second_looks[host] if best else contextlib.nullcontext():
                if best and self._boasts[host] >= BOASTS:
                    break
                try:
                    response = await self._ask(offer, last if last and offer == last.fetched_url else None)
                except (Refused, Disallowed) as error:
                    outcome = ("rejected", str(error))
                    continue
                except OptedOut as error:
                    outcome = ("rejected", f"opt-out: {error}")
                    break
                except Exception as error:  # noqa: BLE001  one photo fails, its row says why, the crawl goes on
                    outcome = ("failed", _reason(error))
                    continue
                if objection := optout.from_headers(_pairs(response)):
                    outcome, best, rejected = ("rejected", f"opt-out: {objection}"), None, None
                    break
                if response.status == 304 and last:
                    return self.ledger.unchanged(url, page)
                if response.status != 200:
                    outcome = ("failed", f"answered {response.status}")
                    continue
                download = Download(response.body, offer, _header(response, "ETag"), _header(response, "Last-Modified"))
                try:
                    header = await asyncio.to_thread(examine, download.body)
                except Undecodable:
                    rejected = rejected or download
                    continue
                first = best is None
                if best is None or header.width * header.height > best[0].width * best[0].height:
                    best = header, download
                if first and header.width >= photo.width_px:
                    break
                if not first:
                    # The page named a width that its original has not. Some builders name the same widths for every
                    # picture: once a host was found to, its originals are taken at their word.
                    self._boasts[host] = self._boasts[host] + 1 if best[1] is not download else -BOASTS
                    break
        if best:
            return self.ledger.accept(url, page, best[1], best[0])
        if rejected:
            return self.ledger.accept(url, page, rejected)
        self.ledger.settle(url, page, *outcome)
        return None

    async def _ask(self, url: str, last: Fetch | None) -> Any:
        """The answer; conditional where we hold what `last` brought."""
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
        except IgnoreRequest:  # nothing was asked
            self.requests -= 1
            raise


def _header(response: Any, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")[:500]


def _pairs(response: Any) -> Iterator[tuple[str, str]]:
    for name, values in response.headers.items():
        for value in values:
            yield name.decode("latin-1"), value.decode("latin-1")


def _reason(error: Exception) -> str:
    name = type(error).__name__
    text = str(error).strip() or name
    if "DNS" in name or "Resolve" in name:
        return "dns: " + text[:200]
    if "Timeout" in name:
        return "timeout"
    if isinstance(error, HostPaused):
        return text
    if "Cancelled" in name and "maxsize" in text:
        return "too large"
    return f"{name}: {text[:200]}"
