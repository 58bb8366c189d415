"""What a page's own requests may do, and which of their answers serve the crawl too."""

from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import Response

from crawlers.sites.rendering.answers import ACTS, Kept, is_picture

URL = "https://a.example/api/image?id=1"


def ours(url: str = URL, **headers: str) -> Request:
    return Request(url, headers={"Accept": "image/*", **headers}, meta={"is_image": True})


def answer(content_type: str = "image/jpeg", **values: Any) -> Response:
    return Response(URL, headers={"Content-Type": content_type}, body=b"picture", **values)


@pytest.mark.parametrize(
    "path",
    [
        "/cart/add?id=1",
        "/?add-to-cart=3",
        "/add_to_wishlist/4",
        "/api?action=like",
        "/vote",
        "/favorites/7",
        "/log-out",
    ],
)
def test_addresses_that_do_something(path: str) -> None:
    """A button that we press must not ask for them."""
    assert ACTS.search(f"https://a.example{path}")


@pytest.mark.parametrize(
    "path",
    [
        "/wp-admin/admin-ajax.php?action=load_more&page=2",
        "/wp-json/wp/v2/media",
        "/added",
        "/cart-cakes",
        "/likes-of-us",
        "/address?page=2",
        "/photos?rated=1",
    ],
)
def test_addresses_that_only_show(path: str) -> None:
    assert not ACTS.search(f"https://a.example{path}")


def test_a_picture_is_kept_for_one_request_of_ours() -> None:
    """The second request for it goes out, as one does that asks whether it changed."""
    kept = Kept()
    kept.keep_picture(URL, Request(URL, headers={"Accept": "*/*", "Sec-Fetch-Mode": "cors"}), answer())
    assert kept.take_picture(ours("https://a.example/api/image?id=2")) is None
    assert kept.take_picture(ours(**{"If-None-Match": '"1"'})) is None
    assert kept.take_picture(Request(URL)) is None
    assert kept.take_picture(ours()).body == b"picture"
    assert kept.take_picture(ours()) is None


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Api-Key", "Range"])
def test_a_picture_that_not_everybody_gets_is_not_kept(name: str) -> None:
    """The script's request had a header of its own."""
    kept = Kept()
    kept.keep_picture(URL, Request(URL, headers={"Accept": "*/*", name: "1"}), answer())
    assert kept.take_picture(ours()) is None


@pytest.mark.parametrize(
    ("method", "kind", "content_type", "status", "expected"),
    [
        ("GET", "fetch", "image/jpeg", 200, True),
        ("GET", "xhr", "Image/WebP; q=1", 200, True),
        ("GET", "script", "image/jpeg", 200, False),
        ("POST", "fetch", "image/jpeg", 200, False),
        ("GET", "fetch", "image/svg+xml", 200, False),
        ("GET", "fetch", "application/json", 200, False),
        ("GET", "fetch", "image/jpeg", 206, False),
    ],
)
def test_pictures_that_scripts_ask_for(method: str, kind: str, content_type: str, status: int, expected: bool) -> None:
    asked = SimpleNamespace(method=method, resource_type=kind)
    assert is_picture(asked, answer(content_type, status=status)) is expected
