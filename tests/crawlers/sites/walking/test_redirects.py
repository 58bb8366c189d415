"""Where a page's redirects end."""

import asyncio

import pytest
from scrapy import Request
from scrapy.http import Response

from crawlers.politeness.refusals import KnownPage, LeftSite
from crawlers.sites.guards import MAX_COOKIES, InsideMiddleware, RedirectCookies
from crawlers.sites.walking.hosts import page_key

PAGE = "https://a.example/cakes"


def arrive(url: str, keys: set[str], **meta: object) -> Request:
    """The request that a redirect from PAGE led to, as the middleware lets it pass."""
    known = {"redirect_urls": [PAGE], "inside": {"a.example"}, "keys": keys}
    request = Request(url, meta={**known, **meta})
    asyncio.run(InsideMiddleware().process_request(request))
    return request


def test_a_redirect_to_a_page_that_is_read_anyway_ends_there() -> None:
    """A link without the slash at its end would cost two requests."""
    with pytest.raises(KnownPage):
        arrive(f"{PAGE}/", {page_key(PAGE), page_key(f"{PAGE}/")})


def test_where_a_redirect_leads_is_read_once() -> None:
    """The page counts as read from then on; a second try of the same request is no second page."""
    keys = {page_key(PAGE)}
    request = arrive(f"{PAGE}/", keys)
    assert page_key(f"{PAGE}/") in keys
    arrive(request.url, keys, arrived=request.meta["arrived"])


def test_a_redirect_to_itself_is_no_known_page() -> None:
    """It ends by the limit of redirects, with a note."""
    arrive(PAGE, {page_key(PAGE)})


def test_a_redirect_to_another_host_ends_there() -> None:
    with pytest.raises(LeftSite):
        arrive("https://b.example/cakes", {page_key(PAGE)})


def cookie_after(url: str, status: int, *cookies: str) -> bytes | None:
    """What is sent to `url` after PAGE was answered with these cookies."""
    middleware, request = RedirectCookies(), Request(url)
    answer = Response(PAGE, status=status, headers={"Set-Cookie": list(cookies)})
    asyncio.run(middleware.process_response(Request(PAGE), answer))
    asyncio.run(middleware.process_request(request))
    return request.headers.get("Cookie")


def test_a_redirect_that_waits_for_its_cookie_gets_it() -> None:
    assert cookie_after(f"{PAGE}/", 302, "seen=1; Path=/; HttpOnly", "id=a=b") == b"seen=1; id=a=b"


def test_no_other_cookie_is_sent() -> None:
    """Not what comes with a page, nothing to another host, no more than a few."""
    assert cookie_after(f"{PAGE}/", 200, "seen=1") is None
    assert cookie_after("https://b.example/", 302, "seen=1") is None
    many = cookie_after(f"{PAGE}/", 302, *(f"c{n}=1" for n in range(99)), "d=" + "x" * 9_999) or b""
    assert many.count(b"=") == MAX_COOKIES
