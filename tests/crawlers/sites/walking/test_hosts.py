"""Addresses that are one host, and addresses that are one page."""

import pytest

from crawlers.sites.links import links
from crawlers.sites.sitemaps import HostSitemaps
from crawlers.sites.walking.hosts import page_key, session_names, site_host, without_session


@pytest.mark.parametrize(
    "url",
    ["https://baker.example/", "https://www.baker.example/a", "http://BAKER.example:80/", "https://baker.example:443",
     "https://www.baker.example.:443/"],
)  # fmt: skip
def test_one_host_has_many_spellings(url: str) -> None:
    """F18: www., default ports, letters and the final dot make no difference."""
    assert site_host(url) == "baker.example"


@pytest.mark.parametrize(
    "url", ["http://baker.example:8080/", "https://shop.baker.example/", "https://wwwbaker.example/"]
)
def test_other_hosts_stay_others(url: str) -> None:
    assert site_host(url) != "baker.example"


def test_links_and_sitemaps_of_the_same_host_are_followed() -> None:
    page = '<a href="https://www.a.example/x"></a><a href="https://a.example:443/y"></a><a href="https://b.a.example/"></a>'
    assert links(page, "https://a.example/") == ["https://www.a.example/x", "https://a.example:443/y"]
    assert HostSitemaps(["https://www.a.example/s.xml"], {"a.example"}).next() == ("https://www.a.example/s.xml", 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.a.example/g", "http://a.example:80/g", True),
        ("https://a.example/g?b=2&a=1", "https://a.example/g?a=1&b=2", True),
        ("https://a.example/g?a=1&PHPSESSID=0123456789abcdef", "https://a.example/g?a=1", True),
        ("https://a.example/g;jsessionid=12AB?a=1", "https://a.example/g?a=1", True),
        ("https://a.example/g?utm_source=x", "https://a.example/g", True),
        ("https://a.example/p/fox?pr_rec_id=4f1&pr_seq=uniform&_pos=1&_ss=r", "https://a.example/p/fox", True),
        ("https://a.example/g?srsltid=AfmBOo&gad_source=1&gclid=x&igshid=y", "https://a.example/g", True),
        ("https://a.example/g?orderby=price-desc&page=2", "https://a.example/g?page=2", True),
        ("https://a.example/g?sort_by=title-ascending", "https://a.example/g?sort_by=best-selling", True),
        ("https://a.example/g?order=product.price.asc", "https://a.example/g?sort=pd.name&order=ASC", True),
        ("https://a.example/g?sort=cakes", "https://a.example/g", False),  # a choice, not an order
        ("https://a.example/show?order=1234", "https://a.example/show", False),
        ("https://a.example/show?order=", "https://a.example/show", False),
        ("https://a.example/show?v=1234", "https://a.example/show", False),
        ("https://a.example/show?gid=5", "https://a.example/show?gid=6", False),  # galleries, not visitors
        ("https://a.example/show?pk_album=5", "https://a.example/show?pk_album=6", False),
        ("https://a.example/show?dclid=5&ttclid=x&gbraid=y&pk_campaign=z", "https://a.example/show", True),
        ("https://a.example/#/wedding", "https://a.example/#/birthday", False),
        ("https://a.example/#/wedding", "https://a.example/#/wedding/", True),
        ("https://a.example/g?sid=red", "https://a.example/g", False),  # a word, not a session
        ("https://a.example/g?page=2", "https://a.example/g", False),
        ("https://a.example/G", "https://a.example/g", False),
    ],
)
def test_addresses_of_one_page_have_one_key(one: str, other: str, same: bool) -> None:
    assert (page_key(one) == page_key(other)) is same


def test_a_value_that_nearly_all_links_carry_is_a_session() -> None:
    """F29: whatever the parameter is called; a filter that further pages of one gallery carry is none."""
    links = [f"https://a.example/p{n}?visit=77f3a9c0de77" for n in range(5)]
    assert list(session_names(links)) == ["visit"]
    assert without_session(links[0], frozenset(["visit"])) == "https://a.example/p0"
    gallery = [f"https://a.example/g?album=summer2024&page={n}" for n in range(5)]
    assert list(session_names([*gallery, "https://a.example/", "https://a.example/about"])) == []
