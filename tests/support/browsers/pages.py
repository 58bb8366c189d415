"""A running service in a real browser: who looks at it, on which screen, and what is wrong with a page."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select

from dataset.catalog.tables import judgements, wall_pictures, walls
from dataset.project import Project
from labeling.wall.invitations import invite

PATIENCE_MS = 30_000
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SMALL_FIELDS = """matchMedia("(pointer: coarse)").matches
    ? [...document.querySelectorAll("input:not([type=checkbox], [type=file]), select")]
        .filter((field) => field.offsetWidth && parseFloat(getComputedStyle(field).fontSize) < 16)
        .map((field) => field.id || field.name)
    : []"""
PHONE, DESK, WIDE = (390, 844), (1280, 800), (2560, 1300)
DRIVER = "GL Driver Message"  # of a graphics driver without a card: about its speed
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A running service, and its project."""

    url: str
    project: Project

    def context(self, browser: Browser, size: tuple[int, int], scheme: str, reviewer: str = "") -> BrowserContext:
        """A browser of its own; of a reviewer who is signed in, if one is named."""
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=size == PHONE,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        if reviewer:
            context.new_page().goto(f"{self.url}/review/enter/{invite(self.project, reviewer, datetime.now(UTC))}")
        return context

    @staticmethod
    def slow_down(page: Page, addresses: re.Pattern[str], ms: int = 400) -> None:
        """Every answer to such addresses is sent this much later."""

        def later(route: Route) -> None:
            page.wait_for_timeout(ms)
            route.continue_()

        page.route(addresses, later)

    def forget_answers(self) -> None:
        """Nobody answered, and no picture is on a wall."""
        with self.project.catalog.write() as connection:
            for table in (judgements, walls, wall_pictures):
                connection.execute(table.delete())

    def given(self, reviewer: str, origin: str) -> list[str]:
        """The answers of a reviewer in the ledger."""
        with self.project.catalog.read() as connection:
            these = judgements.c.reviewer == reviewer, judgements.c.origin == origin
            return list(
                connection.execute(select(judgements.c.answer).where(*these).order_by(judgements.c.id)).scalars()
            )


def look_at(page: Page) -> dict[str, object]:
    """What is wrong with the page on the screen: sideways scrolling, fields into which Safari zooms, what axe finds."""
    wrong: dict[str, object] = {}
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width[0] > width[1]:
        wrong["sideways"] = width
    if small := page.evaluate(SMALL_FIELDS):
        wrong["text below 16 px"] = small
    found = Axe().run(page, options=RULES).response["violations"]
    wrong |= {violation["id"]: [node["target"] for node in violation["nodes"]][:5] for violation in found}
    return wrong


def listen(page: Page) -> list[str]:
    """Errors and warnings of the page's console, from now on: also what the policy of the page refuses."""
    texts: list[str] = []

    def keep(kind: str, text: str) -> None:
        if kind in ("error", "warning") and DRIVER not in text:
            texts.append(text)

    page.on("console", lambda message: keep(message.type, message.text))
    page.on("pageerror", lambda error: texts.append(str(error)))
    return texts
