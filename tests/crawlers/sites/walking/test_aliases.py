"""Other addresses of pages that are read anyway are hardly asked, and calendars end."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, site, stored

from crawlers import markup
from crawlers.sites.walking.aliases import WITNESSES, Aliases, alias
from crawlers.sites.walking.calendars import PATIENCE, Calendars
from crawlers.sites.walking.hosts import page_key
from dataset.opening import open_project
from simulator.server import Scripted, Server

CAKES = 8
TEXT = "<p>Our cakes are made by hand, and no two of them are the same, which is why we show them all.</p>"


def _asked(server: Server, part: str) -> int:
    return sum(part in hit.path for hit in server.log)


def _shop(canonical: str, own: str = "nothing") -> Server:
    """Pages of products, each with links to itself under other addresses. canonical: of `{n}`. own: the part of the
    addresses that show another photo, too.
    """
    answers: dict[str, Any] = {"/": html(TEXT, *(f'<a href="/products/{n}">{n}</a>' for n in range(CAKES)))}
    for n in range(CAKES):
        named = f'<link rel="canonical" href="{canonical.format(n=n)}">' if canonical else ""
        others = [f"/products/{n}?variant={v}" for v in (1, 2)] + [f"/collections/all/products/{n}"]
        links = "".join(f'<a href="{other}">{other}</a>' for other in others)
        for path in (f"/products/{n}", *others):
            photos = f'<img src="/{n}.jpg">' + (f'<img src="/own-{n}.jpg">' if own in path else "")
            answers[path] = html(named, TEXT, photos, links)
        answers |= {f"/{n}.jpg": jpeg(n), f"/own-{n}.jpg": jpeg(100 + n)}
    return Server(Scripted(answers))


def test_other_addresses_of_a_page_are_asked_a_few_times(tmp_path: Path) -> None:
    server = _shop("/products/{n}")
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert len(stored(project)) == CAKES
    assert _asked(server, "variant") == WITNESSES
    assert _asked(server, "/collections/") == WITNESSES


@pytest.mark.parametrize(
    ("canonical", "own"),
    [
        ("/products/{n}", "variant"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (("", "nothing"), ("/", "nothing"), ("/", "/collections/"))
        ),
    ],
)
def test_other_pages_are_all_asked(tmp_path: Path, canonical: str, own: str) -> None:
    """Without a canonical address, with a wrong one, and with photos of their own."""
    server = _shop(canonical, own)
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert len(stored(project)) == CAKES * (1 if own == "nothing" else 2)
    assert _asked(server, "variant") == CAKES * 2
    if own != "variant":
        assert _asked(server, "/collections/") == CAKES


def test_a_small_program_for_all_pages_has_no_aliases() -> None:
    pages = {"http://a.example/index.php", "http://a.example/cakes", "http://a.example/gallery/2"}
    assert alias("http://a.example/index.php?site=contact", pages) is None
    assert alias("http://a.example/?site=contact", pages) is None
    assert alias("http://a.example/cakes?page=2", pages) is None
    assert alias("http://a.example/old/cakes", pages) is None
    assert alias("http://a.example/cakes?size=2", pages) is not None
    assert alias("http://a.example/en/gallery/2", pages) is not None
    assert alias("http://a.example/cakes/print/", pages) is not None
    assert alias("http://a.example/other/print/", pages) is None


def _calendar(photo_on_day: int | None) -> Server:
    """A calendar without an end, and a gallery behind its pages' links where a day has a photo."""

    class Endless(Scripted):
        def answer(self, path: str, query: str, headers: dict[str, str]) -> Any:
            if path.startswith("/events/2026-"):
                _, month, day = path.rpartition("/")[2].split("-")
                number = int(month) * 31 + int(day)
                following = number + 1
                shown = f'<img src="/{number}.jpg">' if photo_on_day and number % photo_on_day == 0 else ""
                link = f"/events/2026-{following // 31:02}-{following % 31:02}"
                return html(TEXT, shown, f'<a href="{link}">next day</a>', '<a href="/">home</a>')
            return super().answer(path, query, headers)

    answers: dict[str, Any] = {"/": html(TEXT, '<img src="/1.jpg">', '<a href="/events/2026-01-01">calendar</a>')}
    answers |= {f"/{n}.jpg": jpeg(n) for n in range(1, 200)}
    return Server(Endless(answers))


@pytest.mark.long
def test_a_calendar_ends(tmp_path: Path) -> None:
    server = _calendar(None)
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    (tmp_path / "isitcake.toml").write_text((tmp_path / "isitcake.toml").read_text() + "depth = 50\n")
    report = crawled(open_project(project.settings.config_path))
    server.stop()
    assert _asked(server, "/events/") == PATIENCE + 1
    assert any("showed no new photo, so further ones are not read" in note for note in report.notes)


@pytest.mark.long
def test_a_calendar_with_photos_is_read_on(tmp_path: Path) -> None:
    server = _calendar(10)
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    (tmp_path / "isitcake.toml").write_text((tmp_path / "isitcake.toml").read_text() + "depth = 50\n")
    crawled(open_project(project.settings.config_path))
    server.stop()
    assert _asked(server, "/events/") > 2 * PATIENCE


def test_what_leads_to_other_pages_is_no_calendar() -> None:
    """An archive by months shows no photo, and leads to the pages that do."""
    archive, months = Calendars(), [f"http://a.example/2024/{month:02}/" for month in range(1, 13)] * 2
    for month in months:
        archive.read(month, False, [f"{month}cake-{month[-3]}"])
    assert archive.fruitless_like("http://a.example/2023/01/") == ""
    empty = Calendars()
    for month in months:
        empty.read(month, False, ["http://a.example/2025/01/"])
    assert empty.fruitless_like("http://a.example/2023/01/") == months[0]
    assert empty.fruitless_like("http://a.example/cakes/12/") == ""


@pytest.mark.parametrize(("new", "asked"), [(0, WITNESSES), (1, CAKES)])
def test_pages_in_another_language_are_asked_a_few_times(new: int, asked: int) -> None:
    """Unless they show photos of their own. A page without photos says nothing."""
    aliases, pages = Aliases(), set[str]()
    for n in range(CAKES):
        here, there = f"https://a.example/{n}", f"https://a.example/de/{n}"
        named = f'<link rel="alternate" hreflang="en" href="/{n}"><link rel="alternate" hreflang="de" href="/de/{n}">'
        pages.add(page_key(here))
        aliases.read(here, markup.read(named), 2, 2)
        assert aliases.hold(there, pages, partial(str, there))
    assert not aliases.hold("https://a.example/de/other", pages, str)
    released: list[str] = []
    while requests := aliases.released():
        released += requests
        for url in requests:
            aliases.read(url, markup.read(TEXT), 2, new)
    assert len(released) == asked
