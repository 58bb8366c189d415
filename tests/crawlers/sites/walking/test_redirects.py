"""Where a page's redirects end."""

import asyncio

import pytest
from scrapy import Request

from crawlers.politeness.refusals import KnownPage, LeftSite
from crawlers.sites.guards import InsideMiddleware
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
