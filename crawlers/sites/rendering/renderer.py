"""Decides which pages the browser shows, and says what it saw that the static reading missed."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from crawlers import markup
from crawlers.markup import Document
from crawlers.sites import discovery, links
from crawlers.sites.discovery import Candidate
from crawlers.sites.originals import originals
from crawlers.sites.reading.identity import MAX_OFFERS, Offer
from crawlers.sites.reading.scanner import LinkedFile
from crawlers.sites.rendering.visit import Visit
from crawlers.sites.walking.hosts import is_hash_route, page_key, site_host
from crawlers.sites.walking.templates import (
    PATIENCE_EMPTY,
    PATIENCE_GROWING,
    Template,
    Templates,
    has_script,
    marks,
)
from foundation.errors import CrawlError

logger = logging.getLogger(__name__)
MAX_STARTS = 8  # start pages that count as templates of their own: they are what the source names
MAX_WAITS = 3  # for timers, in a row, that showed nothing; then the crawl waits for none
MAX_FAILURES = 3  # renderings that fail, before pages that can be read without the browser are


@dataclass(frozen=True)
class Reading:
    """A page as it was read. photos, links: without a browser, or with what it adds. page: what the server sent.

    proven: what pages of the crawl showed of their hosts, see reading.identity.
    only_shown: photos that only the browser saw. frames: pages that it shows inside. visit: what the browser saw, if it
    looked; shown: the page then. missed: names for what it saw and the static reading did not.
    """

    url: str
    page: Document
    photos: list[Candidate]
    links: list[str]
    proven: set[str] = field(default_factory=set)
    only_shown: list[str] = field(default_factory=list)
    frames: frozenset[str] = frozenset()
    visit: Visit | None = None
    shown: Document | None = None
    missed: frozenset[str] = frozenset()


def read(
    page: Document,
    url: str,
    listed: Sequence[str] = (),
    linked: Sequence[LinkedFile] = (),
    proven: set[str] | None = None,
) -> Reading:
    """The static reading of a page. listed, linked, proven: as in `discovery.candidates`."""
    proven = set() if proven is None else proven
    photos = discovery.with_their_folders(discovery.candidates(page, url, listed, linked, proven))
    return Reading(url, page, photos, links.links(page, url), proven, frames=frozenset(links.frames(page, url)))


def with_visit(reading: Reading, visit: Visit) -> Reading:
    """The reading, and what the browser saw beyond it."""
    shown = markup.read(visit.html)
    shown.encoding = reading.page.encoding
    photos = {photo.image_url: photo for photo in reading.photos}
    owners = {offer: photo.image_url for photo in reading.photos for offer in photo.offers}
    missed: set[str] = set()
    only_shown: list[str] = []
    at = visit.url if site_host(visit.url) == site_host(reading.url) else reading.url
    found_photos = _apart(visit, reading.proven)
    known_offers = {*owners, *(offer for photo in found_photos for offer in photo.offers)}
    found_photos += discovery.candidates(shown, at, _unknown(visit.shown(), known_offers), proven=reading.proven)
    if visit.lacks:  # a library did not come, so scripts of the site may have stopped early: read what they say
        found_photos += discovery.candidates(_said(visit.scripts), at, proven=reading.proven)
    for photo in found_photos:
        owned = {owners[offer] for offer in photo.offers if offer in owners}
        if not owned:
            photos[photo.image_url] = photo
            owners.update(dict.fromkeys(photo.offers, photo.image_url))
            if not photo.rejected:
                only_shown.append(photo.image_url)
                missed.add(f"photo {photo.image_url}")
        elif len(owned) == 1 and not photo.rejected:
            (owner,) = owned
            static = photos[owner]
            is_wider = photo.width_px > static.width_px and not set(photo.offers) <= set(static.offers)
            if is_wider or _first(static, photo).hint < static.tries[0].hint:
                photos[owner] = _joined(static, photo)
                missed.add(f"photo {owner} {photo.width_px}")
            elif photo.alt and not static.alt:
                photos[owner] = replace(static, alt=photo.alt)
    found = dict.fromkeys([*reading.links, *links.links(shown, at), *_pages_of(visit, shown, at)])
    if visit.lacks:
        found.update(dict.fromkeys(links.links_in_scripts(visit.scripts, at)))
    known = {page_key(url) for url in (*reading.links, reading.url)}
    missed.update(f"page {key}" for url in found if (key := page_key(url)) not in known)
    reading.page.limits.extend(limit for limit in shown.limits if limit not in reading.page.limits)
    return replace(
        reading,
        photos=discovery.with_their_folders(list(photos.values())),
        links=list(found),
        only_shown=only_shown,
        frames=reading.frames | links.frames(shown, at),
        visit=visit,
        shown=shown,
        missed=frozenset(missed),
    )


def _said(scripts: Sequence[str]) -> Document:
    """A page with these scripts and nothing else."""
    parts = (text.replace("</", "<\\/") for text in scripts)
    return markup.read("".join(f"<script>{part}</script>" for part in parts))


def _apart(visit: Visit, proven: set[str]) -> list[Candidate]:
    """Photos in shadow trees, and those that scripts took out of the page: each with all of its addresses."""
    found = []
    for base, parts in visit.apart.items():
        found += discovery.candidates("".join(parts), base, proven=proven)
    return found


def _unknown(shown: Sequence[str], owners: Collection[str]) -> list[str]:
    """Addresses that the browser showed, without those of photos that were read already.

    The browser escapes other letters of an address than we do.
    """
    known = {unquote(offer) for offer in owners}
    return [url for url in shown if not any(unquote(offer) in known for offer in originals(url.partition("#")[0]))]


def _first(photo: Candidate, other: Candidate) -> Offer:
    """The first address of a photo, as the other reading of it has it."""
    first = photo.tries[0]
    return next((offer for offer in other.tries if offer.url == first.url), first)


def _joined(photo: Candidate, wider: Candidate) -> Candidate:
    """The photo with the addresses of both. Its first one stays the first, as it names the photo in the ledger, unless
    the browser shows that it is a thumbnail, or no address at all.
    """
    first = (photo.tries[0],) if _first(photo, wider).hint else ()
    tries = {offer.url: offer for offer in (*first, *wider.tries, *photo.tries)}
    width_px = max(photo.width_px, wider.width_px)
    return replace(photo, tries=tuple(tries.values())[:MAX_OFFERS], alt=photo.alt or wider.alt, width_px=width_px)


def _pages_of(visit: Visit, shown: Document, page_url: str) -> list[str]:
    """Pages of the site that the browser saw links to: in shadow trees, in frames, behind buttons; hash routes."""
    host = site_host(page_url)
    own = [url for url in visit.links if site_host(url) == host and links.is_page(url.partition("#")[0])]
    pages = [url for url in own if "#" not in url or is_hash_route(url)]
    pages += [url.partition("#")[0] for url in own if "#" in url]
    return pages + (links.routes(own, shown, page_url) if visit.is_routed else [])


class Renderer:
    """The browser's part of one crawl.

    show: has the browser visit an address and fills the Visit; raises what went wrong. note_failure: is told of it
    where the page needed the browser. inside: hosts of the site, see site_host.
    """

    def __init__(
        self,
        show: Callable[[str, Visit, bool], Awaitable[Any]],
        note_failure: Callable[[str, BaseException], None],
        inside: Callable[[], frozenset[str]],
    ) -> None:
        self._show = show
        self._note_failure = note_failure
        self._inside = inside
        self._templates = Templates()
        self._starts = 0
        self._failures = 0
        self._waits = 0
        self.pages = 0  # that were shown
        self.obstacle = ""  # why pages that can be read without the browser are no longer shown

    async def complete(self, reading: Reading, is_start: bool) -> Reading:
        """The reading with what scripts add, as far as the page's template is one where they do."""
        page = reading.page
        if not has_script(page):
            return reading
        is_empty = links.is_shell(page)
        patience = PATIENCE_EMPTY if is_empty else PATIENCE_GROWING if links.grows(page) else 0
        own = marks(page, reading.url, len(reading.photos))
        if is_start and self._starts < MAX_STARTS:
            self._starts += 1
            own |= {f"start {reading.url}"}
        template = self._templates.of(own)
        is_needed = bool(patience)  # without the browser, photos would be missing
        if self.obstacle and not is_needed:
            return reading
        if template.is_undecided() and not patience:
            async with template.turn:
                if template.is_undecided():
                    return await self._visited(reading, template, patience, is_needed)
        return reading if template.is_off() else await self._visited(reading, template, patience, is_needed)

    async def _visited(self, reading: Reading, template: Template, patience: int, is_needed: bool) -> Reading:
        visit = await self.visit(reading.url, is_optional=not is_needed, notes_failure=bool(patience))
        if visit is None:
            return reading
        complete = with_visit(reading, visit)
        template.learn(set(complete.missed), patience)
        return complete

    async def visit(self, url: str, is_optional: bool, notes_failure: bool) -> Visit | None:
        """What the browser sees at an address; None if it cannot be shown.

        is_optional: whether the crawl goes on without a browser. notes_failure: whether a failure is noted.
        """
        visit = Visit(self._inside(), awaits_timers=self._waits < MAX_WAITS)
        try:
            await self._show(url, visit, is_optional)
        except CrawlError as error:
            self.obstacle = self.obstacle or str(error)
            return None
        except Exception as error:  # noqa: BLE001  the page is read without the browser, and a note says why
            logger.debug("%s in the browser: %s", url, error)
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                self.obstacle = self.obstacle or f"{self._failures} pages could not be shown"
            if notes_failure:
                self._note_failure(url, error)
            return None
        self.pages += 1
        self._failures = 0
        if visit.came_late is not None:
            self._waits = 0 if visit.came_late else self._waits + 1
        return visit
