"""What a page offers."""

import pytest

from crawlers import markup
from crawlers.sites.discovery import candidates, placeholders
from crawlers.sites.links import grows, is_shell, links, same_series

PAGE = "https://a.example/gallery"


def test_one_photo_offered_in_many_ways_is_one_candidate() -> None:
    """data-src, srcset, noscript and JSON-LD of one photo are one candidate, the original first."""
    html = (
        '<img src="data:image/gif;base64,R0" data-src="/c-300x200.jpg" data-srcset="/c-300x200.jpg 300w">'
        '<noscript><img src="/c-300x200.jpg"></noscript>'
        '<picture><source srcset="/c-1024x683.jpg 1024w"><img src="/c-300x200.jpg"></picture>'
        '<script type="application/ld+json">{"image": "https:\\/\\/a.example\\/c.jpg"}</script>'
        "<div style=\"background-image:url('/c-768x512.jpg')\"></div>"
    )
    (photo,) = candidates(html, PAGE)
    assert photo.image_url == "https://a.example/c.jpg"


def test_placeholders_are_counted_and_not_asked_for() -> None:
    """An image that is nothing but a data: address is no candidate."""
    html = '<img src="data:image/png;base64,AA"><img src="/x.jpg">'
    assert [c.image_url for c in candidates(html, PAGE)] == ["https://a.example/x.jpg"]
    assert placeholders(html) == 1


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<base href="https://cdn.example/i/"><img src="x.jpg">', "https://cdn.example/i/x.jpg"),
        ('<img src="/a.jpg 300w, /b.jpg 600w">', "https://a.example/b.jpg"),
        ('<a href="/full.jpg"><img src="/thumb.jpg"></a>', "https://a.example/full.jpg"),
        ('<meta property="og:image" content="/og.jpg">', "https://a.example/og.jpg"),
        ("<div data-bg=\"url('/bg.jpg')\"></div>", "https://a.example/bg.jpg"),
    ],
)
def test_first_offer(html: str, expected: str) -> None:
    """Each way to offer a picture is read."""
    assert candidates(html, PAGE)[0].image_url == expected


def test_drawings_are_rejected_with_a_reason() -> None:
    """An SVG is named, not fetched."""
    (photo,) = candidates('<img src="/logo.svg">', PAGE)
    assert "SVG" in photo.rejected


def test_links_stay_on_the_host() -> None:
    """Other hosts, files and the basket are not pages to crawl."""
    html = (
        '<a href="/a"></a><a href="//b.example/"></a><a href="/menu.pdf"></a><a href="/cart"></a><a href="/a#top"></a>'
    )
    assert links(html, PAGE) == ["https://a.example/a"]


@pytest.mark.parametrize(
    ("url", "page", "same"),
    [
        ("https://a.example/gallery/2", "https://a.example/gallery", True),
        ("https://a.example/gallery/page/3/", "https://a.example/gallery/page/2/", True),
        ("https://a.example/g?page=3", "https://a.example/g?page=2", True),
        ("https://a.example/about", "https://a.example/gallery", False),
        ("https://a.example/galerie3.htm", "https://a.example/galerie2.htm", True),
        ("https://a.example/galerie2.htm", "https://a.example/galerie.htm", True),
        ("https://a.example/b.php?k=4&seite=10", "https://a.example/b.php?k=4&seite=9", True),
        ("https://a.example/b.php?k=4&seite=9", "https://a.example/b.php?k=4&seite=10", False),
        ("https://a.example/b.php?k=5&seite=10", "https://a.example/b.php?k=4&seite=9", False),
        ("https://a.example/cake7", "https://a.example/cake2", False),
        ("https://a.example/events/2026-12/", "https://a.example/events/2026-11/", False),
        ("https://a.example/c.php?month=12", "https://a.example/c.php?month=11", False),
    ],
)
def test_same_series(url: str, page: str, same: bool) -> None:
    """Numbered pages of one gallery do not count as deeper."""
    assert same_series(url, page) is same


@pytest.mark.parametrize(
    ("html", "needed"),
    [
        ("<main><img src=/a.jpg></main>", False),
        ("<main><img src=/a.jpg></main><script>gtag('x')</script>", False),
        ('<div id="gallery"></div><script>fetch("/x")</script>', True),
        ("<main></main><script>new IntersectionObserver(f)</script>", True),
        ('<div id="root"></div><script src="/app.js"></script>', True),
    ],
)
def test_needs_browser(html: str, needed: bool) -> None:
    """A browser is started for pages that scripts fill, and for no other."""
    page = markup.read(html)
    assert (grows(page) or is_shell(page)) is needed
