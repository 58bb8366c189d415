"""Candidates into blobs and outcomes: original bytes, downloaded once, never re-encoded."""

import asyncio
import contextlib
import functools
import hashlib
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline

from crawlers.ledger.ledger import Ledger
from crawlers.ledger.rows import Download, Fetch, OutcomeRow, Sighting
from crawlers.ledger.signals import OPT_OUT
from crawlers.politeness.refusals import Disallowed, NotAsked, OptedOut
from crawlers.sites.discovery import Candidate
from crawlers.sites.failures import image_failure
from crawlers.sites.originals import without_view
from crawlers.sites.pictures import headers_of
from crawlers.sites.reading.identity import Offer
from crawlers.sites.reading.lessons import Brought, Lessons, Search, is_clear, is_written, looks_same
from crawlers.sites.reading.mentions import Evidence
from crawlers.source_health import Outcome
from dataset.duplicates.intake import take_in
from dataset.pictures.decoding import Undecodable
from foundation.errors import IsItCakeError
from foundation.network.addresses import Refused
from foundation.threads import cores, pool

MAX_UNDER_WAY = 2  # requests for pictures of one host
MAX_IN_MEMORY = MAX_UNDER_WAY + cores()  # pictures of one host that are asked for or decoded
MAX_RIVALS = 3  # addresses without a width that the first photo of a kind is compared at
MAX_HEADER_CHARS = 500
ACCEPTED = "image/*"  # a server that may answer with a page then answers with a picture, as it does for a browser
WITH_BODY = (200, 201, 202, 203, 206)  # a browser shows what comes with them; the bytes must decode


class OriginalsPipeline(FilesPipeline):
    """Scrapy's FilesPipeline with our store behind it: one download per photo on all pages of a crawl.

    FilesPipeline names a download by its address, lets later sightings of it wait for that one, and hands the results
    to each item. We add: trying the offers of a photo in turn, and learning from the first photos of a kind.
    """

    crawler: Any

    def __init__(self, ledger: Ledger, crawler: Any) -> None:
        self.ledger = ledger
        self.requests = 0
        self.candidates: set[str] = set()
        self.lessons = Lessons()
        self._second_tries: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by host
        self._under_way: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MAX_UNDER_WAY))  # by host
        # By host, too: a slow machine does not download more than it can decode.
        self._in_memory: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MAX_IN_MEMORY))
        self._same_guess: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by address
        super().__init__("originals", crawler=crawler)
        crawler.originals = self

    def _get_store(self, uri: str) -> Any:
        """None: Scrapy's own would make a folder in the current one, which we may not be allowed to write."""

    @classmethod
    def from_crawler(cls, crawler: Any) -> "OriginalsPipeline":
        return cls(crawler.ledger, crawler)

    def get_media_requests(self, item: Any, info: Any) -> list[Request]:  # noqa: ARG002
        return [Request(_name(photo), callback=NO_CALLBACK, meta={"photo": photo}) for photo in item["photos"]]

    async def media_to_download(  # type: ignore[override]  # Scrapy awaits a coroutine too
        self,
        request: Request,
        info: Any,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> Any:
        """The result of one photo: the address that the ledger keeps it by, and the SHA-256 of the stored image; None
        if it was rejected or failed.
        """
        photo: Candidate = request.meta["photo"]
        is_guess = photo.named_url != photo.image_url
        try:
            # Two photos may have one guess: the second finds what the first one brought.
            async with self._same_guess[photo.image_url] if is_guess else contextlib.nullcontext():
                url, sha256 = await self._result(photo)
        except IsItCakeError as error:  # no room on the disk, no catalog: the crawl cannot go on
            self.crawler.stop_with(error)
            raise
        self.candidates.add(url)
        return {"url": url, "path": url, "checksum": sha256, "status": "settled"}

    def item_completed(self, results: Any, item: Any, info: Any) -> Any:  # noqa: ARG002
        page, site = item["page_url"], urlsplit(item["page_url"]).netloc
        try:
            for photo, (done, result) in zip(item["photos"], results, strict=True):
                if photo.rejected.startswith(OPT_OUT):  # another page that shows the photo may not object
                    for url in dict.fromkeys((photo.image_url, photo.named_url)):
                        self.ledger.note_objection(url, photo.rejected)
                elif done and result["checksum"]:
                    self.ledger.sight(result["checksum"], [Sighting(result["url"], page, site, photo.alt)])
        except IsItCakeError as error:
            self.crawler.stop_with(error)
            raise
        self.crawler.progress()
        return item

    async def _result(self, photo: Candidate) -> tuple[str, str | None]:
        """The address that the ledger keeps a photo by, and its image. A guess that failed names no photo."""
        url, named = photo.image_url, photo.named_url
        for known in (named, url):
            if known in self.ledger.settled and (known == named or self._is_won_by_guess(photo)):
                return known, self.ledger.settled[known]
        if refusal := photo.rejected or self.ledger.refused_url(url) or self.ledger.refused_url(named):
            self.ledger.settle(OutcomeRow(named, photo.page_url, Outcome.REJECTED, refusal))
            return named, None
        if photo.content:
            return url, self.ledger.accept(url, photo.page_url, Download(photo.content, url))
        return await self._collect(photo)

    def _is_won_by_guess(self, photo: Candidate) -> bool:
        """Whether a photo that is settled under its guess has the picture that the guess brought."""
        fetch = self.ledger.last_fetch(photo.image_url)
        return fetch is None or photo.image_url == photo.named_url or fetch.fetched_url in photo.offers

    async def _collect(self, photo: Candidate) -> tuple[str, str | None]:
        """Search a photo's original. The first photo of a kind is searched alone, and more thoroughly."""
        last = self.ledger.last_fetch(photo.image_url) or self.ledger.last_fetch(photo.named_url)
        search = Search(photo, last)
        if last and last.fetched_url in photo.offers:
            await self._ask_again(search, last)
        if not search.brought and not search.is_unchanged and not search.is_over:
            async with self._turn(photo):
                self.lessons.arrived(photo)
                try:
                    await self._search(search)
                finally:
                    await self.lessons.done(photo)
        return self._settled(search)

    def _turn(self, photo: Candidate) -> contextlib.AbstractAsyncContextManager[Any]:
        """What a photo waits for while nobody knows what leads to its kind: the first one is searched alone if it has
        to be compared; of others, a few at a time.
        """
        if self.lessons.winner(photo) is not None:
            return contextlib.nullcontext()
        return self.lessons.few(photo) if is_clear(photo) else self.lessons.lock(photo)

    def _settled(self, search: Search) -> tuple[str, str | None]:
        photo, best = search.photo, search.best
        won = best.download.url if best else search.last.fetched_url if search.is_unchanged and search.last else ""
        is_guess = any(offer.url == won and not offer.is_proven for offer in photo.tries)
        url = photo.image_url if is_guess or photo.tries[0].is_proven else photo.named_url
        if search.is_unchanged:
            return url, self.ledger.unchanged(url, photo.page_url)
        if best:
            return url, self.ledger.accept(url, photo.page_url, best.download, best.taken)
        if search.undecodable:
            return url, self.ledger.accept(url, photo.page_url, search.undecodable)
        self.ledger.settle(OutcomeRow(url, photo.page_url, *search.ending))
        return url, None

    async def _ask_again(self, search: Search, last: Fetch) -> None:
        """Ask for what an earlier run fetched: whether it changed."""
        offer = next(offer for offer in search.photo.tries if offer.url == last.fetched_url)
        await self._try(offer, search)

    async def _search(self, search: Search) -> None:
        """Try the addresses in order until one is as large as the page says; compare where it says nothing."""
        photo = search.photo
        host = urlsplit(photo.named_url).netloc
        is_first = self.lessons.winner(photo) is None
        for offer in self.lessons.order(photo):
            if offer.url in search.asked:
                continue
            if search.brought and await self._is_enough(search):
                break
            # Second tries at one host are made in turn: what the first ones teach saves the others.
            async with self._second_tries[host] if search.brought else contextlib.nullcontext():
                first = search.best
                if first and not self._is_small(search) and self.lessons.reaches(photo, first.offer):
                    break
                await self._try(offer, search)
            if search.is_over:
                return
            if first and search.best is first:  # some builders name the same widths for every picture
                await self.lessons.reached(photo, first.offer)
        if search.best and search.best.taken.header.width >= photo.width_px:
            await self.lessons.reached(photo, search.best.offer)
        await self._check_guess(search)
        if is_first and search.best and not search.is_over and not is_clear(photo):
            await self._compare(search)
        if is_first and (best := search.best) is not None:
            self.lessons.learn(photo, best.offer.way)

    def _is_small(self, search: Search) -> bool:
        """Whether the best so far is too small for a photo, and another picture of it may be larger."""
        best = search.best
        return best is not None and not best.is_large_enough and search.has_another_than(best)

    async def _is_enough(self, search: Search) -> bool:
        """Whether the best so far is a photo, and as wide as the page says, or as wide as its way leads.

        If it is not as wide, other photos of its kind may show for nothing that its way leads to full size.
        """
        best, photo = search.best, search.photo
        if best is None or self._is_small(search):
            return False
        if best.taken.header.width >= photo.width_px:
            return True
        if not self.lessons.reaches(photo, best.offer):
            await self.lessons.wait_for_others(photo, lambda: self.lessons.reaches(photo, best.offer))
        return self.lessons.reaches(photo, best.offer)

    async def _check_guess(self, search: Search) -> None:
        """Keep a guess only if it is at least as large as what the page names, and looks the same.

        What the rule of a platform brings is believed once it brought two different pictures; what a general rule
        brings, once it held. One picture for two photos is always compared.
        """
        best = search.best
        if best is None or best.offer.evidence != Evidence.GUESS:
            return
        offer, photo = best.offer, search.photo
        is_repeated = await self.lessons.brought(photo, offer, best.taken.sha256)
        if not is_repeated:
            if self.lessons.holds(offer) or is_written(offer, photo):
                return
            if offer.is_proven:
                await self.lessons.wait_for_others(photo, lambda: self.lessons.differs(offer))
                if self.lessons.differs(offer):
                    return
        named = next((one for one in search.brought if one.offer.evidence != Evidence.GUESS), None)
        for other in photo.tries:
            if named or search.is_over:
                break
            if other.evidence != Evidence.GUESS and other.url not in search.asked:
                named = await self._try(other, search)
        if search.is_over or named is None:
            return
        if best.pixels >= named.pixels and await asyncio.to_thread(looks_same, best.taken, named.taken):
            self.lessons.guess_held(offer)
            return
        self.lessons.guess_failed(search.photo, offer)
        search.brought = [one for one in search.brought if one.offer.evidence != Evidence.GUESS]

    async def _compare(self, search: Search) -> None:
        """Ask the other addresses that name no width: one of them may be larger."""
        best = search.best
        rivals = [
            offer
            for offer in search.photo.tries
            if offer.evidence != Evidence.GUESS and not offer.width_px and offer.url not in search.asked
        ]
        for offer in rivals[:MAX_RIVALS]:
            brought = await self._try(offer, search)
            if search.is_over:
                return
            if best and brought and not await asyncio.to_thread(looks_same, brought.taken, best.taken):
                search.brought.remove(brought)  # another picture; it is not the one that the page shows here

    async def _try(self, offer: Offer, search: Search) -> Brought | None:
        """Request one offer and record what came of it."""
        search.asked.add(offer.url)
        host = urlsplit(offer.url).netloc
        async with self._in_memory[host]:
            async with self._under_way[host]:
                download = await self._ask_for(offer, search)
            brought = await self._decoded(offer, download, search) if download else None
        if brought is None and offer.evidence == Evidence.GUESS and not search.is_unchanged and not search.is_over:
            self.lessons.guess_failed(search.photo, offer)
        if brought is not None:
            search.brought.append(brought)
        return brought

    async def _ask_for(self, offer: Offer, search: Search) -> Download | None:
        """The body at an offer; None where there is none, and the search says why."""
        last = search.last
        try:
            known = last if last and offer.url == last.fetched_url else None
            response = await self._ask(offer.url, search.photo, known)
        except (Refused, Disallowed) as error:
            search.ending = (Outcome.REJECTED, str(error))
            return None
        except OptedOut as error:
            self._end(search, f"{OPT_OUT}{error}")
            return None
        except Exception as error:  # noqa: BLE001  one photo fails, its row says why, the crawl goes on
            search.ending = (Outcome.FAILED, image_failure(error))
            return None
        said = await self.crawler.robots.picture_statement(offer.url, headers_of(response))
        for url in (search.photo.image_url, search.photo.named_url):
            self.ledger.consent.prefer(url, said.preference)
        if said.objection:
            self._end(search, f"{OPT_OUT}{said.objection}")
            return None
        if response.status == 304 and last:
            search.is_unchanged = True
            return None
        if response.status not in WITH_BODY:
            search.ending = (Outcome.FAILED, f"answered {response.status}")
            return None
        return Download(response.body, offer.url, _header(response, "ETag"), _header(response, "Last-Modified"))

    async def _decoded(self, offer: Offer, download: Download, search: Search) -> Brought | None:
        """The picture that was downloaded; None if it cannot be decoded. All cores decode."""
        loop, lists = asyncio.get_running_loop(), self.ledger.listed.lists
        take = functools.partial(take_in, with_text=self.ledger.with_text, lists=lists)
        try:
            return Brought(offer, await loop.run_in_executor(pool(), take, download.body), download)
        except Undecodable:
            search.undecodable = search.undecodable or download
            return None

    def _end(self, search: Search, reason: str) -> None:
        """End a search because somebody objects: what was brought before is not kept either."""
        search.brought, search.undecodable, search.is_over = [], None, True
        search.ending = (Outcome.REJECTED, reason)

    async def _ask(self, url: str, photo: Candidate, last: Fetch | None) -> Any:
        """The answer to a request like a browser's for a picture of this page; conditional on a change since `last`."""
        headers = {"Accept": ACCEPTED, "Referer": photo.page_url.partition("#")[0]}
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


def _name(photo: Candidate) -> str:
    """An address that FilesPipeline tells photos apart by. It reads no fragments; this one is never asked."""
    url = without_view(photo.named_url)
    return f"https://fragment.invalid/{hashlib.sha256(url.encode()).hexdigest()}" if "#" in url else url


def _header(response: Any, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")[:MAX_HEADER_CHARS]
