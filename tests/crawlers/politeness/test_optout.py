"""Behaviours 8 and 9 and F22, F27 of docs/crawling.md: who objects to training keeps their pictures."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, photo, site, text
from PIL import Image

from crawlers.ledger.receipt import receipt
from crawlers.politeness import optout
from simulator.server import Answer, Scripted, Server

RDF, PLUS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://ns.useplus.org/ldf/xmp/1.0/"


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
    assert bool(optout.of_headers([("x-robots-tag", value)]).objection) == objects


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
        ("/ai.txt", text("# No training\nUser-Agent: *\nDisallow: *.jpg\nAllow: *.mp4\n"), "ai.txt: disallowed"),
        ("/ai.txt", text("User-Agent: *\nDisallow: /\n"), "ai.txt: disallowed"),
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
    assert optout.of_page('<meta name="robots" content="noindex, follow">').objection == ""


def test_an_opt_out_in_any_spelling_keeps_pictures(tmp_path: Path) -> None:
    """F27: of five pages, only the picture of the one that does not object is requested."""
    pages = {
        "/1": html('<meta name="robots" content="noai noimageai"><img src="/1.jpg">'),
        "/2": html('<meta http-equiv="X-Robots-Tag" content=noai><img src="/2.jpg">'),
        "/3": html('<img src="/3.jpg">', X_Robots_Tag="nosnippet noai"),
        "/4": html('<meta name="GPTBot" content="noindex"><img src="/4.jpg">'),
        "/5": html('<meta name="robots" content="noindex noodp"><img src="/5.jpg">'),
    }
    pictures = {f"/{n}.jpg": jpeg(n) for n in range(1, 6)}
    server = Server(Scripted({**pages, **pictures}))
    project = site(tmp_path, *(f"{server.url}{page}" for page in pages), allowed=[server.address])
    crawled(project)
    server.stop()
    assert [hit.path for hit in server.log if hit.is_image] == ["/5.jpg"]
    assert sorted(reason for _, reason in outcome_by_name(project).values()) == [
        "", "opt-out: X-Robots-Tag: noai", "opt-out: meta gptbot: noindex", "opt-out: meta robots: noai",
        "opt-out: meta x-robots-tag: noai",
    ]  # fmt: skip


def test_a_picture_whose_bytes_object_is_not_stored(tmp_path: Path) -> None:
    """IPTC/PLUS Data Mining in XMP; allowed and unspecified are stored, and the receipt says what was read."""
    values = ("DMI-PROHIBITED-AIMLTRAINING", "DMI-ALLOWED", "DMI-UNSPECIFIED")
    answers: dict[str, Any] = {"/": html(*(f'<img src="/{n}.jpg">' for n in range(3)))}
    for number, value in enumerate(values):
        out = io.BytesIO()
        packet = (
            f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:plus="{PLUS}" plus:DataMining="{value}"/></rdf:RDF>'
        )
        Image.open(io.BytesIO(photo(number))).save(out, "JPEG", xmp=packet.encode())
        answers[f"/{number}.jpg"] = Answer(body=out.getvalue(), content_type="image/jpeg")
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    outcomes = outcome_by_name(project)
    assert outcomes["0.jpg"] == ("rejected", f"opt-out: XMP plus:DataMining: {values[0]}")
    assert outcomes["1.jpg"] == outcomes["2.jpg"] == ("stored", "")
    assert "the owner objects to training" in receipt(project, f"{server.url}/0.jpg").line()
    allowed = receipt(project, f"{server.url}/1.jpg")
    assert [one.usage_preference for one in allowed.standing] == ["train-ai=y"]


def test_a_hostile_tdmrep_json_ends(tmp_path: Path) -> None:
    """F22: patterns that a backtracking reader never finishes cost nothing; the picture is collected."""
    hostile = json.dumps([{"location": f"/{'*a' * 25}$", "tdm-reservation": 1}]).encode()
    path = f"/{'a' * 60}b.jpg"
    rules = text(f"User-agent: *\nDisallow: /{'*a' * 25}$\nContent-Usage: /{'*a' * 25}$ train-ai=n\n")
    answers = {"/.well-known/tdmrep.json": Answer(body=hostile), "/robots.txt": rules, path: jpeg(1)}
    server = Server(Scripted({**answers, "/": html(f'<img src="{path}">')}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    began = time.monotonic()
    crawled(project)
    server.stop()
    assert time.monotonic() - began < 60
    assert list(outcome_by_name(project).values()) == [("stored", "")]


@pytest.mark.parametrize(
    "body",
    [
        "User-Agent: *\nDisallow: /\nAllow: *.jpg\n",
        "User-Agent: Other\nDisallow: /\n",
        "<html><p>User-Agent: * Disallow: / is what we do not say</p></html>",
        "<html>\nUser-agent: *\nDisallow: /\n</html>",
        "",
    ],
)
def test_an_ai_txt_that_does_not_forbid_pictures_is_no_objection(body: str) -> None:
    assert optout.AiTxt.parse(body.encode()).statement("https://a.example/a.jpg").objection == ""
