"""Behaviours 8 and 9 of docs/crawling.md: who objects to training keeps their pictures."""

from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text

from crawlers.politeness import optout
from simulator.server import Answer, Scripted, Server


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        ("noai", True),
        ("NoImageAI", True),
        ("noindex", True),
        ("nofollow, noimageindex", True),
        ("noml", True),
        ("isitcakebot: noai", True),
        ("*: noai", True),
        ("otherbot: noai", False),
        ("otherbot: noindex, nofollow, isitcakebot: noml", True),
        ("isitcakebot: nofollow, otherbot: noai", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", True),
        ("max-image-preview: large", False),
        ("index, follow", False),
    ],
)
def test_8_x_robots_tag(value: str, objects: bool) -> None:
    """Any case, comma lists, meant for us or for all; what is meant for another bot is not meant for us."""
    assert bool(optout.from_headers([("x-robots-tag", value)])) == objects


def test_8_a_picture_whose_headers_object_is_not_stored(tmp_path: Path) -> None:
    """The ledger names the header; scoped to another bot it is stored."""
    page = html('<img src="/a.jpg"><img src="/b.jpg">')
    answers: dict[str, Any] = {
        "/a.jpg": jpeg(1, X_Robots_Tag="NoAI, nofollow"),
        "/b.jpg": jpeg(2, X_Robots_Tag="otherbot: noai"),
    }
    server = Server(Scripted({"/": page, **answers}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert outcome_by_name(project) == {"a.jpg": ("rejected", "opt-out: X-Robots-Tag: noai"), "b.jpg": ("stored", "")}


@pytest.mark.parametrize(
    ("path", "answer", "evidence"),
    [
        ("/", html('<meta name="ROBOTS" content="index, NoAI"><img src="/a.jpg">'), "meta robots: noai"),
        ("/", html('<meta name="tdm-reservation" content="1"><img src="/a.jpg">'), "meta tdm-reservation: 1"),
        ("/", html('<img src="/a.jpg">', tdm_reservation="1"), "tdm-reservation: 1"),
        ("/", html('<img src="/a.jpg">', Content_Usage="train-ai=n"), "Content-Usage: train-ai=n"),
        (
            "/.well-known/tdmrep.json",
            Answer(body=b'[{"location": "/open/*", "tdm-reservation": 0}, {"location": "/*", "tdm-reservation": 1}]'),
            "tdmrep.json: tdm-reservation 1",
        ),
        ("/robots.txt", text("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n"), "robots.txt Content-Usage"),
        ("/robots.txt", text("User-Agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n"), "Content-Signal"),
    ],
)
def test_9_a_page_that_objects_keeps_its_pictures(tmp_path: Path, path: str, answer: Answer, evidence: str) -> None:
    """None of them is requested, and the ledger names the signal."""
    server = Server(Scripted({"/": html('<img src="/a.jpg">'), "/a.jpg": jpeg(), path: answer}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert not [hit for hit in server.log if hit.is_image]
    ((outcome, reason),) = outcome_by_name(project).values()
    assert outcome == "rejected"
    assert reason.startswith("opt-out: ")
    assert evidence in reason
    assert "opted out" in report.notes[0]


def test_9_noindex_of_a_gallery_page_says_nothing_of_its_photos() -> None:
    """Shops mark /gallery/page/2 noindex for search engines."""
    assert optout.from_page('<meta name="robots" content="noindex, follow">') == ""
