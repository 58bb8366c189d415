"""Really Simple Licensing: what a licence in XML says about training, and where a site names it."""

from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text

from crawlers.politeness.rsl import Licences, links_in_headers
from simulator.server import Answer, Scripted, Server

PICTURE = "https://a.example/cakes/1.jpg"


def rsl(*contents: str) -> bytes:
    return f'<?xml version="1.0"?><rsl xmlns="https://rslstandard.org/rsl">{"".join(contents)}</rsl>'.encode()


def content(licence: str, url: str = "/", attributes: str = "") -> str:
    return f'<content url="{url}" {attributes}><license>{licence}</license></content>'


@pytest.mark.parametrize(
    ("contents", "preference"),
    [
        ([content('<prohibits type="usage">ai-train</prohibits>')], "train-ai=n"),
        ([content('<prohibits type="usage">search, train-ai</prohibits>')], "train-ai=n"),
        ([content('<prohibits type="usage">all</prohibits>')], "train-ai=n"),
        ([content('<permits type="usage">search</permits>')], "train-ai=n"),  # what is not permitted is prohibited
        ([content('<permits type="usage">ai-all</permits><payment type="training"/>')], "train-ai=n"),
        ([content('<permits type="usage">ai-train</permits><payment type="free"/>')], "train-ai=y"),
        ([content('<permits type="usage">all</permits>')], "train-ai=y"),
        ([content('<payment type="attribution"/>')], "train-ai=y"),
        ([content('<payment><amount currency="USD">1</amount></payment>')], "train-ai=n"),
        ([content('<permits type="user">education</permits>')], ""),
        ([content('<prohibits type="geo">EU</prohibits>')], ""),
        (['<content url="/" server="https://licences.example"/>'], "train-ai=n"),
        ([content('<prohibits type="usage">ai-train</prohibits>', "/pies/")], ""),
        ([content('<prohibits type="usage">ai-train</prohibits>', "/*.jpg$")], "train-ai=n"),
        ([content('<prohibits type="usage">ai-train</prohibits>', "https://a.example/cakes/")], "train-ai=n"),
        ([content('<prohibits type="usage">ai-train</prohibits>', "https://other.example/")], ""),
        (
            [
                content('<prohibits type="usage">all</prohibits>'),
                content('<permits type="usage">ai-train</permits>', "/cakes/"),
            ],
            "train-ai=y",  # the longest pattern
        ),
    ],
)
def test_licences(contents: list[str], preference: str) -> None:
    licences = Licences.parse(rsl(*contents), "https://a.example/rsl.xml")
    assert licences.statement(PICTURE).preference == preference


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not xml", b"<html><body>404</body></html>", b"<rsl><content/></rsl>", b"\xff\xfe\x00",
        b'<!DOCTYPE rsl [<!ENTITY a "ai-train"><!ENTITY b "&a;&a;&a;&a;">]><rsl><content url="/"><license>'
        b'<permits type="usage">&b;</permits></license></content></rsl>',
        b"<rsl>" * 100_000,
    ],
)  # fmt: skip
def test_other_content_says_nothing_and_harms_nothing(body: bytes) -> None:
    assert Licences.parse(body, "https://a.example/rsl.xml").statement(PICTURE).objection == ""


def test_links_of_other_licences_are_left_alone() -> None:
    links = [
        ("Link", '</rsl.xml>; rel="license"; type="application/rsl+xml", </next>; rel="next"'),
        ("link", "<https://b.example/r.xml>; type=application/rsl+xml; rel=license"),
        ("Link", '<https://creativecommons.org/licenses/by/4.0/>; rel="license"'),
    ]
    assert links_in_headers(links, PICTURE) == ["https://a.example/rsl.xml", "https://b.example/r.xml"]


PROHIBITED = Answer(
    body=rsl(content('<prohibits type="usage">ai-train</prohibits>')), content_type="application/rsl+xml"
)
IMAGE = '<img src="/a.jpg">'
LINK = '<link rel="license" type="application/rsl+xml" href="/rsl.xml">'
INLINE = f'<script type="application/rsl+xml">{PROHIBITED.body.decode()}</script>'
HEADER = '</rsl.xml>; rel="license"; type="application/rsl+xml"'


@pytest.mark.parametrize(
    "answers",
    [
        {"/robots.txt": text("License: /rsl.xml\nUser-agent: *\nAllow: /\n"), "/": html(IMAGE)},
        {"/": html(LINK, IMAGE)},
        {"/": html(INLINE, IMAGE)},
        {"/": html(IMAGE, Link=HEADER)},
    ],
    ids=["robots.txt", "link", "in the page", "header"],
)
def test_a_licence_that_prohibits_training_is_found_wherever_it_is_named(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    """No picture is requested, and the ledger names the licence."""
    server = Server(Scripted({**answers, "/rsl.xml": PROHIBITED, "/a.jpg": jpeg(1)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert not [hit for hit in server.log if hit.is_image]
    assert outcome_by_name(project) == {"a.jpg": ("rejected", "opt-out: RSL prohibits ai-train")}
