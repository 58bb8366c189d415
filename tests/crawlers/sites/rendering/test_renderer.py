"""What a rendering adds to the static reading, and when there is one."""

import asyncio
from typing import Any

import pytest

from crawlers import markup
from crawlers.sites.rendering.renderer import MAX_FAILURES, MAX_WAITS, Renderer, read, with_visit
from crawlers.sites.rendering.visit import Visit
from foundation.errors import CrawlError

PAGE = "https://a.example/gallery"
INSIDE = frozenset(["a.example"])
STATIC = '<a href="#top">top</a><a href="/about">us</a><img src="/my cake.jpg"><script src="/app.js"></script>'


def visit(html: str = STATIC, **values: Any) -> Visit:
    return Visit(INSIDE, html=html, url=PAGE, **values)


def test_what_was_read_already_is_not_missed() -> None:
    """Links to places of the page, and addresses that the browser escapes in its own way."""
    seen = visit(
        pictures={"https://a.example/my%20cake.jpg": 400.0},
        wanted={"https://a.example/my%20cake.jpg": None},
        links={f"{PAGE}#top": None, "https://a.example/about": None, "https://b.example/": None},
    )
    complete = with_visit(read(markup.read(STATIC), PAGE, (), (), set()), seen)
    assert complete.missed == frozenset()
    assert [photo.image_url for photo in complete.photos] == ["https://a.example/my%20cake.jpg"]


def test_what_the_browser_saw_is_added() -> None:
    """Photos that a script put into the page, or only asked for; links; a wider variant of a known photo."""
    html = (
        STATIC.replace("<img ", '<img srcset="/my cake.jpg 300w, /my cake-large.jpg 1600w" ') + '<img src="/new.jpg">'
    )
    seen = visit(html, wanted={"https://a.example/loaded.jpg": None}, links={"https://a.example/menu": None})
    complete = with_visit(read(markup.read(STATIC), PAGE, (), (), set()), seen)
    known, new, loaded = complete.photos
    assert known.image_url == "https://a.example/my%20cake.jpg"
    assert "https://a.example/my%20cake-large.jpg" in known.offers
    assert (new.image_url, loaded.image_url) == ("https://a.example/new.jpg", "https://a.example/loaded.jpg")
    assert complete.only_shown == [new.image_url, loaded.image_url]
    assert "https://a.example/menu" in complete.links


def test_the_end_of_an_address_in_a_script_is_the_photo_that_the_browser_shows() -> None:
    """`for (name of names) show(folder + name)`: the names alone lead nowhere, and cost one request of the first."""
    static = '<p>Cakes</p><script>names = ["1.jpg", "2.jpg"]; for (n of names) show("/large/" + n)</script>'
    seen = visit(static.replace("Cakes", '<img src="/large/1.jpg" alt="One"><img src="/large/2.jpg">'))
    one, two = with_visit(read(markup.read(static), PAGE, (), (), set()), seen).photos
    assert one.offers == ("https://a.example/large/1.jpg", "https://a.example/1.jpg")
    assert (one.alt, two.image_url) == ("One", "https://a.example/large/2.jpg")


def test_a_picture_that_a_press_enlarged_is_the_thumbnail_in_full_size() -> None:
    static = '<img src="/thumbs/1.jpg" alt="One"><img src="/thumbs/2.jpg"><script src="/app.js"></script>'
    seen = visit(static, wanted={"https://a.example/large/1.jpg": None})
    complete = with_visit(read(markup.read(static), PAGE, (), (), set()), seen)
    two, one = sorted(complete.photos, key=lambda photo: photo.alt)
    assert (one.image_url, one.alt) == ("https://a.example/large/1.jpg", "One")
    assert "https://a.example/thumbs/1.jpg" in one.offers
    assert two.named_url == "https://a.example/thumbs/2.jpg"


def test_the_browser_shows_the_text_of_a_photo_that_a_script_names() -> None:
    static = '<p>Cakes</p><script>p = [{"src": "/1.jpg", "name": "Tart"}]</script>'
    seen = visit(static.replace("Cakes", '<img src="/1.jpg" alt="Tart">'))
    (one,) = with_visit(read(markup.read(static), PAGE, (), (), set()), seen).photos
    assert one.alt == "Tart"


def test_icons_and_counters_of_visitors_are_not_photos() -> None:
    """What is shown small, and what another host is asked for without showing it."""
    seen = visit(
        pictures={"https://a.example/icon.png": 24.0, "https://cdn.example/cake.jpg": 300.0},
        wanted={
            "https://a.example/icon.png": None,
            "https://count.example/pixel.gif": None,
            "https://cdn.example/next.jpg": None,
        },
    )
    assert seen.shown() == ["https://cdn.example/cake.jpg", "https://cdn.example/next.jpg"]


@pytest.mark.parametrize("error", [CrawlError("no browser"), RuntimeError("it died")])
def test_without_a_browser_pages_are_read_as_they_are(error: Exception) -> None:
    """A missing browser is tried once; one that fails is given up after some pages."""
    tries: list[str] = []

    async def show(url: str, _visit: Visit, is_optional: bool) -> None:
        assert is_optional
        tries.append(url)
        raise error

    renderer = Renderer(show, lambda url, why: None, lambda: INSIDE)

    async def crawl() -> None:
        for number in range(9):
            reading = read(markup.read(STATIC), f"{PAGE}/{number}", (), (), set())
            assert await renderer.complete(reading, is_start=False) == reading

    asyncio.run(crawl())
    assert len(tries) == (1 if isinstance(error, CrawlError) else MAX_FAILURES)
    assert renderer.obstacle
    assert renderer.pages == 0


def test_a_crawl_stops_to_wait_for_timers_that_show_nothing() -> None:
    """Three pages in a row decide; one where something came late begins anew."""
    results = [False, False, True, False, None, False, False, False, None]
    waited: list[bool] = []

    async def show(_url: str, visit: Visit, _is_optional: bool) -> None:
        waited.append(visit.awaits_timers)
        visit.came_late = results[len(waited) - 1]

    renderer = Renderer(show, lambda url, why: None, lambda: INSIDE)

    async def crawl() -> None:
        for number in range(len(results)):
            await renderer.visit(f"{PAGE}/{number}", is_optional=True, notes_failure=False)

    asyncio.run(crawl())
    assert MAX_WAITS == 3
    assert waited == [True] * 7 + [False] * 2
