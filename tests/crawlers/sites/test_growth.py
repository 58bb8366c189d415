"""What servers send is read in time that grows with its size, up to limits that are noted; odd text never crashes."""

import importlib.util
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site
from hypothesis import given, settings
from hypothesis import strategies as st
from protego import Protego

from crawlers import markup
from crawlers.photo_apis.commons import plain_text
from crawlers.photo_apis.protocol import count_in
from crawlers.politeness import optout, pacing
from crawlers.politeness.robots import only_our_agents
from crawlers.sites import discovery, links, sitemaps
from crawlers.sites.messages import message_from_json
from crawlers.sites.originals import absolute, originals
from crawlers.sites.reading import notations, scanner, styles
from crawlers.sites.reading.platforms import PLATFORMS
from simulator.server import Answer, Scripted, Server

PAGE = "https://a.example/g/p.html"
CEILING_S = 20.0  # of CPU, for what took longer or never ended; it takes less than two seconds on a quiet machine


def _benchmark() -> Any:
    """benchmarks/crawlers/growth.py, which has the families; benchmarks are no package."""
    path = Path(__file__).parents[3] / "benchmarks" / "crawlers" / "growth.py"
    spec = importlib.util.spec_from_file_location("growth", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["growth"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


growth = _benchmark()


@pytest.mark.long
@pytest.mark.slow  # it measures every other family; `make bench-crawl` measures all
@pytest.mark.parametrize("family", growth.FAMILIES[::2], ids=lambda family: family.name)
def test_four_times_the_input_takes_four_times_the_time(family: Any) -> None:
    """Security 7 and 8: pages, scripts, attributes, headers, robots.txt, tdmrep.json, sitemaps."""
    assert family.growth() <= growth.LINEAR


@pytest.mark.long
@pytest.mark.slow  # it measures
@pytest.mark.parametrize("example", growth.EXAMPLES[::8])  # `make bench-crawl` measures all
def test_no_part_of_an_address_makes_a_rule_slow_by_being_repeated(example: str) -> None:
    """Security 7: each part of an address that a rule knows, many times, with and without what should follow."""
    slow = {family.name: exponent for family in growth.rules(example) if (exponent := family.growth()) > growth.LINEAR}
    assert slow == {}


def test_every_rule_has_an_address_to_repeat() -> None:
    for platform in PLATFORMS:
        assert any(platform.find(example) for example in growth.EXAMPLES), platform.name


def _nested(times: int) -> str:
    return "<div id=gallery>" * times + "<p>"


STANDSTILLS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "cloudinary, 105 characters": (originals, "https://res.cloudinary.com/c/image/upload/" + "a_" * 31 + "b"),
    "cloudinary, 50 KB": (originals, "https://res.cloudinary.com/c/image/upload/" + "a_b" * 17_000),
    "squarespace, 50 KB": (originals, "https://a.example/" + "?format=1w&" * 4_500 + "#"),
    "weebly, 50 KB": (originals, "https://a.example" + "/uploads/a.jpg" * 3_500),
    "duda, 50 KB": (originals, "https:" + "//lirp.a/b/opt/c-100w.jpg" * 2_000 + "!"),
    "godaddy, 50 KB": (originals, "https://a.example" + "/isteam/ip/a" * 4_000),
    "url( in CSS": (growth.read_page, "<div style='" + "url(" * 20_000 + "'>"),
    "srcset of 20 KB": (growth.read_page, "<img srcset='x 1w, " + "a " * 10_000 + "'>"),
    "5 MB of nested elements": (growth.read_page, _nested(320_000) + "<script>1</script>"),
    "1,000 nested elements": (growth.read_page, "<p>" * 150_000 + _nested(1_000) + "<script>1</script>"),
    "end tags for nested elements": (growth.read_page, _nested(2_000) + "</b>" * 1_200_000),
    "150,000 images": (growth.read_page, "".join(f"<img src=/{n}.jpg>" for n in range(150_000))),
    "4.9 MB of quoted addresses": (growth.read_page, "<script>" + '"/photos/a.jpg?w=1",' * 245_000 + "</script>"),
    "data- attributes": (growth.read_page, f"<img {' '.join(f'data-{n}=/{n}.jpg' for n in range(200_000))}>"),
    "linked data of 400,000 numbers": (
        growth.read_page,
        "<script type='application/ld+json'>[" + "0," * 400_000 + "0]</script>",
    ),
    "alternative text of 9 MB": (growth.read_page, "<img src=/a.jpg alt='" + "cake " * 1_800_000 + "'>"),
    "tdmrep.json": (
        lambda body: optout.Reservations.parse(body).objection("https://a.example/" + "a" * 60 + "b"),
        json.dumps([{"location": "/" + "*a" * 25 + "$", "tdm-reservation": 1}]).encode(),
    ),
    "robots.txt of 500 KB": (
        growth.read_robots,
        "".join(f"User-agent: a{n}\n" for n in range(15_000)) + "Disallow: /*a\n" * 17_000,
    ),
}


@pytest.mark.slow  # megabytes
@pytest.mark.parametrize("name", STANDSTILLS)
def test_what_stood_still_is_read(name: str) -> None:
    """Security 7: the inputs that took from six seconds to for ever."""
    read, value = STANDSTILLS[name]
    start = time.process_time()
    read(value)
    assert time.process_time() - start < CEILING_S


@pytest.mark.slow  # megabytes
@pytest.mark.parametrize(
    ("page", "limit"),
    [
        ("a" * (markup.MAX_PAGE_CHARS + 1), "characters"),
        ("<p>" * (markup.MAX_ELEMENTS + 1), "elements"),
        ("<b>" * (markup.MAX_DEPTH + 1), "inside each other"),
        ("<b>" * 2_000 + "</i>" * 300_000, "end tags"),
        ("<img " + " ".join(f"a{n}=1" for n in range(markup.MAX_ATTRIBUTES + 1)) + ">", "attributes"),
        ("<img src=/a-300x200.jpg>" * discovery.MAX_ADDRESSES, "addresses of photos"),
        ("<img srcset='" + "/a.jpg 9w, " * 101 + "'>", "addresses in one element"),
        (f"<picture>{'<source srcset=/a.jpg />' * 21}<img></picture>", "sources of one picture"),
        (f"<script>{'a' * (scanner.MAX_SCRIPT_CHARS + 1)}</script>", "a script of more"),
        (f"<base href='{'a' * 9_000}'>", "a base address"),
        ("<a href=/a></a>" * (links.MAX_LINKS + 1), "links"),
    ],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_a_limit_is_noted(page: str, limit: str) -> None:
    document = markup.read(page)
    discovery.candidates(document, PAGE)
    links.links(document, PAGE)
    assert any(limit in reached for reached in document.limits)


def test_a_crawl_notes_limits_and_rejects_addresses_that_are_too_long(tmp_path: Path) -> None:
    """Security 7: the photos before the limit are collected."""
    long = "b" * 9_000
    crowded = " ".join(f"data-a{n}=x" for n in range(200))
    answers: dict[str, Any] = {
        "/": html(f"<img src='/a.jpg' {crowded}><img src=/{long}.jpg><img src='/c.jpg'>"),
        "/a.jpg": jpeg(1),
        "/c.jpg": jpeg(2),
        "/sitemap.xml": Answer(body=b"<!doctype html><html><body>Not here</body></html>"),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.outcomes == {"stored": 2, "rejected": 1}
    assert ("rejected", "address: too long") in outcome_by_name(project).values()
    assert any("more than 100 attributes of one element; the rest was not read" in note for note in report.notes)
    assert any("sitemap.xml: it is a web page" in note for note in report.notes)


ANY = st.one_of(
    st.text(max_size=80),
    st.text(st.sampled_from("019²٣.-+eExw, \t\n:;=*$/?#%&\"'<>()[]{}ab"), max_size=80),
    st.lists(st.sampled_from(["User-agent:", "Disallow: /", "Crawl-delay: ", "nan", "1e999", "\n", "*", "$", "²"])).map(
        "".join
    ),
)


@settings(max_examples=500, deadline=None)
@given(ANY)
def test_no_text_crashes_a_reader(text: str) -> None:
    """Security 10: headers, robots.txt, tdmrep.json, sitemaps, attributes, authors: any text in, an answer out."""
    pacing.retry_after_s(text, datetime(2026, 11, 24, tzinfo=UTC))
    pacing.whole_number(text)
    for name in ("X-Robots-Tag", "Content-Usage", "tdm-reservation"):
        optout.of_headers([(name, text)])
    optout.RobotsSignals.parse(text).objection(text)
    Protego.parse(only_our_agents(text)).can_fetch(PAGE, "isitcakebot")
    optout.Reservations.parse(text.encode("utf-8", "replace")).objection(text)
    optout.Reservations.parse(json.dumps([{"location": text, "tdm-reservation": text}]).encode()).objection(PAGE)
    sitemaps.parse(text.encode("utf-8", "replace"))
    sitemaps.parse(f"<urlset><url><loc>{text}</loc></url></urlset>".encode("utf-8", "replace"))
    notations.srcset(text)
    notations.interchange(text)
    notations.listed(text)
    notations.named_width(text)
    list(notations.quoted_pictures(text))
    list(styles.css_pictures(text))
    originals(text)
    absolute(text, text)
    plain_text(text)
    growth.read_page(text)
    with pytest.raises(ValueError, match=r".?"):
        message_from_json(text + "{")


@pytest.mark.slow  # megabytes
@pytest.mark.parametrize("nested", ["[", '{"a":', '[{"@type":'])
def test_json_without_end_names_nothing(nested: str) -> None:
    """Security 7: JSON that is nested deeper than Python reads."""
    text = nested * 100_000
    assert list(notations.quoted_pictures(text)) == []
    assert optout.Reservations.parse(text.encode()) == optout.Reservations()
    with pytest.raises(ValueError, match="not a message"):
        message_from_json(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7", 7),
        (" 007 ", 7),
        ("²", None),
        ("٣", None),
        ("-1", None),
        ("1e3", None),
        ("", None),
        ("9" * 5_000, pacing.MOST),
    ],
)
def test_whole_numbers_are_written_with_ten_digits(text: str, meant: int | None) -> None:
    """Security 10: other digits, signs and powers are no number of a header."""
    assert pacing.whole_number(text) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [("7", 7), (7, 7), (7.5, 0), ("²", 0), (None, 0), ([], 0), (float("nan"), 0), (10**400, 0), ({}, 0)],
)
def test_numbers_of_an_answer(value: Any, meant: float) -> None:
    """Security 10: what a photo API says of its pages may be anything."""
    assert count_in({"pages": value}, "pages") == meant


@pytest.mark.parametrize("delay", ["²", "nan", "inf", "1e999", "-1", "9" * 5_000, ""])
def test_a_crawl_delay_that_is_no_number_is_none(delay: str) -> None:
    """Security 10: also one of 5,000 digits."""
    assert not Protego.parse(f"User-agent: *\nCrawl-delay: {delay}\n").crawl_delay("isitcakebot")


@pytest.mark.parametrize("descriptor", ["1e999w", "-1x", "٣x", "²w", "12345678901w", "w", "1.w", "nanw"])
def test_an_odd_descriptor_names_no_width(descriptor: str) -> None:
    """Security 10: the entry beside it is read."""
    assert [one.width_px for one in notations.srcset(f"/a.jpg {descriptor}")] in ([], [0])
    assert notations.srcset(f"/b.jpg 2w, /a.jpg {descriptor}")[0] == notations.Entry("/b.jpg", 2)


def test_a_character_number_without_end_is_no_author() -> None:
    """Security 10: html.unescape() fails on it."""
    assert plain_text(f"<b>Ann&#{'1' * 5_000};</b>") == "Ann"


# Where speed made the code clever, the same thing said slowly.
@settings(max_examples=1_000, deadline=None)
@given(st.text(st.sampled_from("/ab*$"), max_size=8), st.text(st.sampled_from("/ab$"), max_size=10))
def test_a_pattern_matches_as_by_the_plain_expression(pattern: str, path: str) -> None:
    whole = "\\Z" if pattern.endswith("$") else ""
    slow = re.compile(".*".join(map(re.escape, pattern.removesuffix("$").split("*"))) + whole)
    assert optout.matches(pattern, path) == bool(slow.match(path))


LINES = st.lists(
    st.sampled_from(
        [
            "User-agent: *",
            "User-agent: isitcakebot",
            "user agent other",
            "User-Agent: isit*",
            "useragent: cake",
            "User-agent:",
            "Disallow: /a",
            "Allow: /a/b",
            "Disallow: /*c$",
            "Sitemap: https://a.example/s",
            "Crawl-delay: 2",
            "nonsense",
            "x: y",
            "User-agent: other # isitcakebot",
            "",
            "User-agent: *bot*",
            "User-agent: b",
        ]
    ),
    max_size=10,
)


@settings(max_examples=1_000, deadline=None)
@given(LINES)
def test_shorter_lists_of_agents_mean_the_same_for_us(lines: list[str]) -> None:
    """Only the names of other crawlers change, so what is allowed to us does not."""
    text = "\n".join(lines)
    whole, ours = Protego.parse(text), Protego.parse(only_our_agents(text))
    for path in ("/", "/a", "/a/b", "/a/c", "/c"):
        url = f"https://a.example{path}"
        assert ours.can_fetch(url, "isitcakebot") == whole.can_fetch(url, "isitcakebot")
    assert ours.crawl_delay("isitcakebot") == whole.crawl_delay("isitcakebot")
    assert list(ours.sitemaps) == list(whole.sitemaps)
