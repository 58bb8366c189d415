"""One visit of a page in the browser: what it shows, what it wanted, and where it leads.

Nothing is asked of a host for it but what the page itself needs; pictures are answered with a drawing of ours.
"""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from crawlers.sites.rendering.scripts import (
    LISTEN_JS,
    PRESS_JS,
    ROUTED_JS,
    SCROLL_JS,
    SIZE_JS,
    SNAPSHOT_JS,
    STEPS_JS,
)
from crawlers.sites.walking.hosts import site_host

MAX_SCROLLS = 100  # of one page
SCROLLS_WITHOUT_GROWTH = 2  # then the page is complete
SCROLL_WAIT_MS = 400
ANSWER_WAIT_MS = 20_000  # for a page whose own requests are not answered yet
MAX_PRESSES = 16  # of filters, tabs and arrows, that bring no new picture
MAX_FRUITFUL_PRESSES = 100  # of those that do
PRESSES_S = 15.0  # for the next picture that a press brings
ALL_PRESSES_S = 45.0
PRESS_WAIT_S = 0.25
POLL_S = 0.02
MAX_FRAMES = 20
MAX_SCRIPT_CHARS = 2_000_000  # of all scripts of one page that are read where a library is missing
MAX_WANTED = 5_000  # pictures of one page
LEAVING = re.compile(r"context was destroyed|navigat", re.IGNORECASE)  # in messages of Playwright
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
    """

    inside: frozenset[str] = frozenset()
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

    def begin(self) -> None:
        """Forget what an attempt saw that failed."""
        self.__init__(self.inside)  # type: ignore[misc]

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
    for is_last in (False, True):
        try:
            visit.still_grew = await _scroll_to_the_end(page, waiting)
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


async def _scroll_to_the_end(page: Any, waiting: set[Any]) -> bool:
    """Scroll and press "load more" until nothing new appears. Returns whether MAX_SCROLLS ended it.

    A page that does not grow is not complete while its own requests are unanswered: our pacing may hold them back.
    """
    scrolls_without_growth = 0
    answer_wait_ms = ANSWER_WAIT_MS
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
            return False
        size = await page.evaluate(SIZE_JS)
    return True


async def _press(page: Any, visit: Visit, waiting: set[Any]) -> None:
    """Press filters, tabs and arrows, each once, and note what they bring; go back where one changes the address.

    A button is pressed again as long as it brings pictures that are new to the page, whatever it is called.
    """
    pressed: list[str] = []
    again, fruitless = "", 0
    last_at = time.monotonic() + ALL_PRESSES_S
    ends_at = time.monotonic() + PRESSES_S
    here = page.url
    while fruitless < MAX_PRESSES and time.monotonic() < ends_at and len(pressed) - fruitless < MAX_FRUITFUL_PRESSES:
        known = len(visit.wanted)
        seen = visit.pictures.keys() | visit.wanted.keys()
        name = await page.evaluate(PRESS_JS, [pressed, again])
        if name is None:
            return
        pressed.append(name)
        await _settle(visit, waiting, known, ends_at)
        if page.url != here:
            if site_host(page.url) in visit.inside:
                visit.links.setdefault(page.url)
            await page.evaluate("() => history.back()")
            await _settle(visit, waiting, known, ends_at)
            if page.url != here:
                return
        else:
            await _note(page, visit)
        brought = (visit.pictures.keys() | visit.wanted.keys()) - seen
        if any(urlsplit(url).path not in visit.html for url in brought):
            again, ends_at = name, min(time.monotonic() + PRESSES_S, last_at)
        else:
            again, fruitless = "", fruitless + 1
    visit.still_brought = bool(again)


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
