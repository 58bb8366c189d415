"""One visit of a page in the browser: what it shows, what it wanted, and where it leads.

Nothing is asked of a host for it but what the page itself needs; pictures are answered with a drawing of ours.
"""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from crawlers.sites.rendering.press_script import OPENED_JS, PRESS_JS
from crawlers.sites.rendering.scripts import (
    LISTEN_JS,
    ROUTED_JS,
    SCROLL_JS,
    SIZE_JS,
    SNAPSHOT_JS,
    STEPS_JS,
    WAITS_JS,
)
from crawlers.sites.walking.hosts import is_hash_route, site_host

MAX_SCROLLS = 100  # of one page
SCROLLS_WITHOUT_GROWTH = 2  # then the page is complete
SCROLL_WAIT_MS = 400
ANSWER_WAIT_MS = 20_000  # for a page whose own requests are not answered yet
LATE_WAIT_MS = 5_500  # for timers of a page that still lacks pictures
WORTH_NOTING_MS = 500
MIN_LATE_PICTURES = 2  # a pop-up brings one
MAX_PRESSES = 16  # of filters, tabs and arrows, that bring no new picture
MAX_UNCERTAIN_PRESSES = 8  # of pictures, and of what only may be a button, that bring none
MAX_FRUITFUL_PRESSES = 100  # of those that do
PRESSES_S = 15.0  # for the next picture that a press brings
ALL_PRESSES_S = 45.0
PRESS_WAIT_S = 0.25
CLOSE_WAIT_S = 0.5  # for a dialog that a press opened
POLL_S = 0.02
MAX_FRAMES = 20
MAX_SCRIPT_CHARS = 2_000_000  # of all scripts of one page that are read where a library is missing
MAX_WANTED = 5_000  # pictures of one page
LEAVING = re.compile(r"context was destroyed|navigat", re.IGNORECASE)  # in messages of Playwright
PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif|heic)\Z", re.IGNORECASE)
MIN_FETCHED_BYTES = 5_000
MIN_BOX_PX = 60  # a picture that is shown smaller than this is an icon


@dataclass
class Visit:
    """What one page showed. inside: spellings of the site's hosts, see site_host.

    html: of the page when it was complete. pictures: addresses that it shows, with the longer side of the largest box
    in pixels. wanted: pictures that it asked for. links: where it leads, from shadow trees, frames and buttons too.
    tried: those where its scripts tried to go by themselves or when a button was pressed.
    still_grew: whether MAX_SCROLLS ended it. is_routed: whether it listens for changes of the fragment. left: another
    host that it tried to go to. url: where it stayed. stays: whether it has arrived there, and so may not leave any
    more. is_pressing: whether buttons are pressed, and so nothing may be sent. still_brought: whether presses ended
    while they brought pictures. lacks: other hosts whose scripts did not come. scripts: what those of the site say.
    apart: HTML of pictures that `html` lacks (in shadow trees, or gone again), by what its addresses are relative to.
    awaits_timers: whether to wait for timers of a page that lacks pictures. came_late: what that brought, if it waited.
    """

    inside: frozenset[str] = frozenset()
    awaits_timers: bool = True
    html: str = ""
    pictures: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, None] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    still_grew: bool = False
    still_brought: bool = False
    is_routed: bool = False
    left: str = ""
    url: str = ""
    stays: bool = False
    is_pressing: bool = False
    lacks: set[str] = field(default_factory=set)
    scripts: list[str] = field(default_factory=list)
    apart: dict[str, dict[str, None]] = field(default_factory=dict)
    came_late: bool | None = None

    def begin(self) -> None:
        """Forget what an attempt saw that failed."""
        self.__init__(self.inside, self.awaits_timers)  # type: ignore[misc]

    def shown(self) -> list[str]:
        """Addresses of pictures, icons apart, in the order in which they were seen.

        What was wanted and is not shown counts where its host has pictures that are: other hosts count visitors.
        """
        photos = {url: None for url, side_px in self.pictures.items() if side_px >= MIN_BOX_PX}
        hosts = self.inside | {site_host(url) for url in photos}
        small = set(self.pictures) - set(photos)
        photos.update((url, None) for url in self.wanted if url not in small and site_host(url) in hosts)
        return list(photos)

    def loaded(self, url: str, body: bytes | None) -> None:
        """Take in a script that came, or did not."""
        if site_host(url) not in self.inside:
            if body is None:
                self.lacks.add(site_host(url))
        elif body is not None and sum(map(len, self.scripts)) + len(body) <= MAX_SCRIPT_CHARS:
            self.scripts.append(body.decode("utf-8", "replace"))

    def fetch(self, url: str, size_bytes: int) -> None:
        """Take in a picture that a script asked for as data. What counts visitors is smaller."""
        self.want(url)
        if size_bytes >= MIN_FETCHED_BYTES:
            self.pictures.setdefault(url, MIN_BOX_PX)

    def want(self, url: str) -> None:
        if len(self.wanted) < MAX_WANTED and url.startswith(("http://", "https://")):
            self.wanted.setdefault(url)


async def prepare(page: Any, _request: Any) -> None:
    """Before the page loads: note whether it listens for hash routes."""
    await page.add_init_script(LISTEN_JS)


async def look(page: Any, visit: Visit) -> None:
    """Scroll to the end, press what loads or filters, and note all that is shown."""
    waiting: set[Any] = set()
    page.on("request", lambda request: waiting.add(request))
    page.on("requestfinished", lambda request: waiting.discard(request))
    page.on("requestfailed", lambda request: waiting.discard(request))
    with contextlib.suppress(PlaywrightTimeout):  # for requests from before we listened
        await page.wait_for_load_state("networkidle", timeout=ANSWER_WAIT_MS)
    visit.stays = True
    await _move(page)
    for is_last in (False, True):
        try:
            visit.still_grew = await _scroll_to_the_end(page, visit, waiting)
            await page.evaluate(STEPS_JS)
            visit.html = await page.content()
        except PlaywrightError as error:
            if is_last or not LEAVING.search(str(error)):
                raise
            await page.wait_for_load_state("domcontentloaded")  # it was on its way to another page of the site
        else:
            break
    visit.url = page.url
    visit.is_routed = bool(await page.evaluate(ROUTED_JS))
    await _note(page, visit)
    visit.is_pressing = True
    with contextlib.suppress(PlaywrightError):  # a button took the page away
        await _press(page, visit, waiting)


async def _move(page: Any) -> None:
    """What visitors do first, without pressing anything: scripts that are delayed for the sake of speed wait for it."""
    with contextlib.suppress(PlaywrightError):
        await page.mouse.move(4, 400)
        await page.mouse.move(6, 404)
        await page.mouse.wheel(0, 40)
        await page.keyboard.press("Shift")


async def _scroll_to_the_end(page: Any, visit: Visit, waiting: set[Any]) -> bool:
    """Scroll and press "load more" until nothing new appears. Returns whether MAX_SCROLLS ended it.

    A page that does not grow is not complete while its own requests are unanswered: our pacing may hold them back.
    """
    scrolls_without_growth = 0
    answer_wait_ms = ANSWER_WAIT_MS
    late = _LateWait(visit)
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
            if not await late.brought(page, size):
                return False
            scrolls_without_growth = 0
        size = await page.evaluate(SIZE_JS)
    return True


class _LateWait:
    """Waits while a page lacks pictures and has a timer that may show them, LATE_WAIT_MS in all."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._left_ms = LATE_WAIT_MS if visit.awaits_timers else 0.0
        self._known = -1  # pictures that were wanted before the first wait

    async def brought(self, page: Any, size: float) -> bool:
        """Wait once; whether the page grew."""
        if self._known >= 0:
            self._visit.came_late = len(self._visit.wanted) >= self._known + MIN_LATE_PICTURES
        if self._left_ms <= 0:
            return False
        began_at, wanted = time.monotonic(), len(self._visit.wanted)
        with contextlib.suppress(PlaywrightTimeout):
            waits_no_more = f"({SIZE_JS})() > {size} || !({WAITS_JS})()"
            await page.wait_for_function(waits_no_more, timeout=self._left_ms, polling=100)
        grew = bool(await page.evaluate(SIZE_JS) > size)
        waited_ms = (time.monotonic() - began_at) * 1000
        self._left_ms -= waited_ms
        if self._known < 0 and (grew or waited_ms >= WORTH_NOTING_MS):
            self._known, self._visit.came_late = wanted, False
        return grew


async def _press(page: Any, visit: Visit, waiting: set[Any]) -> None:
    """Press filters, tabs, arrows and thumbnails, and note what they bring; go back where one changes the address.

    A button is pressed again as long as it brings pictures that are new to the page, whatever it is called.
    """
    fruitless, uncertain, fruitful = 0, 0, 0
    brought = False
    known_html = unescape(visit.html)
    last_at = time.monotonic() + ALL_PRESSES_S
    ends_at = time.monotonic() + PRESSES_S
    here = page.url
    while uncertain < MAX_UNCERTAIN_PRESSES and time.monotonic() < ends_at and fruitful < MAX_FRUITFUL_PRESSES:
        known = len(visit.wanted)
        seen = visit.pictures.keys() | visit.wanted.keys()
        pressed = await page.evaluate(PRESS_JS, [brought, fruitless < MAX_PRESSES])
        if pressed is None:
            return
        name, is_uncertain = pressed
        if not name:
            await _close(page)
            continue
        await _settle(visit, waiting, known, ends_at)
        if _is_page(page.url, here, visit):
            if site_host(page.url) in visit.inside:
                visit.links.setdefault(page.url)
            await page.evaluate("() => history.back()")
            await _settle(visit, waiting, known, ends_at)
            if page.url != here:
                return
        else:
            here = page.url
            await _note(page, visit)
        new = (visit.pictures.keys() | visit.wanted.keys()) - seen
        brought = any(_spelling(url) not in known_html for url in new)
        if brought:
            fruitful, ends_at = fruitful + 1, min(time.monotonic() + PRESSES_S, last_at)
        elif is_uncertain:
            uncertain += 1
        else:
            fruitless += 1
    visit.still_brought = brought


def _is_page(url: str, here: str, visit: Visit) -> bool:
    """Whether a press led to another page. A fragment is one if it looks like a path, or the page listens for them."""
    if url.partition("#")[0] == here.partition("#")[0] and not is_hash_route(url):
        return url != here and visit.is_routed
    return url != here


def _spelling(url: str) -> str:
    """How a page names the address of a picture, in whatever size: without its query, if a file's name precedes it."""
    parts = urlsplit(url)
    return parts.path if not parts.query or PICTURE_FILE.search(parts.path) else f"{parts.path}?{parts.query}"


async def _close(page: Any) -> None:
    """Close what a press opened over the page: by Escape, or by a button of its own."""
    await page.keyboard.press("Escape")
    for step in (0, 1, 2):
        if not await page.evaluate(OPENED_JS, step):
            return
        until = time.monotonic() + CLOSE_WAIT_S
        while step < 2 and time.monotonic() < until:
            await asyncio.sleep(POLL_S)
            if not await page.evaluate(OPENED_JS, 0):
                return


async def _settle(visit: Visit, waiting: set[Any], known: int, ends_at: float) -> None:
    """Wait until the page has what it asked for after a press, and a moment more."""
    until = time.monotonic() + PRESS_WAIT_S
    while time.monotonic() < min(until, ends_at):
        await asyncio.sleep(POLL_S)
        if waiting or len(visit.wanted) > known:
            known = len(visit.wanted)
            until = time.monotonic() + PRESS_WAIT_S


async def _note(page: Any, visit: Visit) -> None:
    """Pictures and links of the page and of its frames that are of the same site."""
    for frame in page.frames[:MAX_FRAMES]:
        if frame is not page.main_frame and frame.url != "about:srcdoc" and site_host(frame.url) not in visit.inside:
            continue
        with contextlib.suppress(PlaywrightError):  # a frame may go at any time
            found = await frame.evaluate(SNAPSHOT_JS)
            for url, side_px in found["pictures"]:
                visit.pictures[url] = max(side_px, visit.pictures.get(url, 0.0))
            visit.links.update(dict.fromkeys(found["links"]))
            visit.apart.setdefault(found["base"], {}).update(dict.fromkeys(found["html"]))
