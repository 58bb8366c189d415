"""What sitemaps list."""

import gzip

import pytest

from crawlers.sites.sitemaps import Sitemap, parse

IMAGE = "http://www.google.com/schemas/sitemap-image/1.1"
PAGES = (
    f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:i="{IMAGE}">'
    "<url><loc> https://a.example/g </loc><i:image><i:loc>/1.jpg</i:loc></i:image>"
    "<i:image><i:loc>/2.jpg</i:loc></i:image></url><url><loc>https://a.example/about</loc></url></urlset>"
).encode()
LISTED = {"https://a.example/g": ["/1.jpg", "/2.jpg"], "https://a.example/about": []}


@pytest.mark.parametrize("body", [PAGES, gzip.compress(PAGES, mtime=0)], ids=["plain", "gzip"])
def test_pages_and_their_photos(body: bytes) -> None:
    assert parse(body) == Sitemap(images=LISTED)


def test_a_sitemap_of_sitemaps() -> None:
    body = b"<sitemapindex><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>"
    assert parse(body) == Sitemap(indexed=["https://a.example/s.xml"])


def test_a_truncated_sitemap_gives_what_can_be_read() -> None:
    assert parse(PAGES[: PAGES.index(b"<url><loc>https://a.example/about")]).images == {
        "https://a.example/g": ["/1.jpg", "/2.jpg"]
    }


@pytest.mark.parametrize(
    "body", [b"", b"<html>no</html>", b"\x1f\x8b broken", gzip.compress(PAGES, mtime=0)[:40], b"\x00" * 99]
)
def test_other_content_lists_nothing(body: bytes) -> None:
    assert parse(body) == Sitemap()


def test_entities_are_not_expanded() -> None:
    """A sitemap cannot read files of this machine."""
    body = (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        b"<urlset><url><loc>https://a.example/&e;</loc></url></urlset>"
    )
    assert not any("root:" in page for page in parse(body).images)
