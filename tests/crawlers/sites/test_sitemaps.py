"""What sitemaps list."""

import gzip
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, jpeg, site, text

from crawlers.sites import sitemaps
from crawlers.sites.sitemaps import HostSitemaps, Sitemap, parse
from simulator.server import Answer, Scripted, Server

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


def test_sections_come_in_turn() -> None:
    """A crawl that ends after some pages has seen the gallery too, however many posts are listed before it."""
    posts = [f"https://a.example/blog/{number}" for number in range(9)]
    listed = [*posts, "https://a.example/gallery/1", "https://a.example/gallery/2", "https://a.example/cakes"]
    turns = sitemaps.in_turn(listed)
    assert sorted(turns) == sorted(listed)
    assert turns[:5] == [posts[0], listed[9], listed[11], posts[1], listed[10]]


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


# VmHWM, not ru_maxrss: that one counts the memory of the process that started this one.
MEASURED = """
import re, sys, time
from pathlib import Path
from crawlers.sites.sitemaps import parse
body = sys.stdin.buffer.read()
start = time.process_time()
parse(body)
kilobytes = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(int(kilobytes) / 1024, time.process_time() - start)
"""


@pytest.mark.parametrize(
    "make",
    [
        lambda: gzip.compress(b"<urlset>" + b"<a/>" * 1_000_000 + b"</urlset>", 1),
        lambda: gzip.compress(b"<a/>" * 1_000_000),
        lambda: gzip.compress(b"<urlset><url>" + b"<a/>" * 1_000_000),
        lambda: gzip.compress(b"<urlset>" + b" " * 500_000_000, 1),
        lambda: gzip.compress(b"<urlset><url><loc>" + b"a" * 60_000_000, 1),
        lambda: gzip.compress(b"<urlset>" + b"<url><loc>https://a.example/</loc></url>" * 1_000_000, 1),
        lambda: gzip.compress(b"<urlset><url><loc>a</loc>" + b"<image><loc>b</loc></image>" * 1_500_000, 1),
        lambda: gzip.compress(b"<urlset>" + b"<!-- a -->" * 4_000_000, 1),
        lambda: b"<urlset " + b" ".join(b"a%d='1'" % number for number in range(1_000_000)) + b"/>",
    ],
    ids=["elements", "roots", "inside", "blanks", "address", "pages", "photos", "comments", "attributes"],
)
@pytest.mark.slow  # megabytes
def test_a_small_file_takes_little_memory_and_time(make: Callable[[], bytes]) -> None:
    """Security 8: a million elements in 240 KB took 1.6 GB and 80 seconds."""
    done = subprocess.run([sys.executable, "-c", MEASURED], input=make(), capture_output=True, check=True)
    megabytes, cpu_s = map(float, done.stdout.split())
    assert megabytes < 200
    assert cpu_s < 10


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b"", "it is empty"),
        (b"https://a.example/\nhttps://a.example/b", "it is no XML"),
        (b"<!DOCTYPE html><html><body><p>Not found", "it is a web page"),
        (b"\n<html lang='en'>", "it is a web page"),
        (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><urlset><url><loc>&b;</loc></url></urlset>", "a DTD"),
        (gzip.compress(PAGES)[:-20], "its gzip is cut off"),
        (gzip.compress(PAGES) + b"garbage", "its gzip is damaged"),
        (gzip.compress(b"") * 1_001, "more than 1,000 gzip members"),
        (PAGES[:-30], "cut off or damaged"),
        (b"<urlset><url><loc>" + b"a" * 9_000 + b"</loc></url></urlset>", "address: too long"),
        (b"<a>" * 10_000, "cut off or damaged"),
        (b"<urlset>" + b"<a/>" * sitemaps.MAX_ELEMENTS, "elements"),
        (gzip.compress(b"<urlset>" + (b"<!--" + b" " * 990_000 + b"-->") * 54, 1), "bytes"),
        (b"<urlset " + b"a='>' " * 400_000, "characters in one tag"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_left_unread_is_noted(body: bytes, note: str) -> None:
    """Security 8: never an exception."""
    assert any(note in found for found in parse(body).notes)


@pytest.mark.parametrize(
    "body",
    [
        PAGES.decode().encode("utf-16"),
        PAGES.decode().encode("utf-16-be"),
        b'<?xml version="1.0" encoding="utf-16"?>' + PAGES,
        b'<?xml version="1.0" encoding="x-nothing"?>' + PAGES,
        b"\xef\xbb\xbf" + PAGES,
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + PAGES,
        gzip.compress(PAGES[:50]) + gzip.compress(PAGES[50:]) + b"\x00" * 50,
        b"\n\n" + PAGES,
    ],
    ids=[
        "UTF-16",
        "big-endian",
        "said to be UTF-16",
        "unknown",
        "UTF-8 with a mark",
        "Latin-1",
        "two gzip members, padded",
        "blank lines",
    ],
)
def test_other_ways_to_write_the_same(body: bytes) -> None:
    assert parse(body) == Sitemap(images=LISTED)
    assert parse(body).notes == ()


def test_an_entity_bomb_is_refused() -> None:
    """Security 8: also in attributes, where parsers always replace entities."""
    levels = "".join(f'<!ENTITY a{level + 1} "{f"&a{level};" * 10}">' for level in range(12))
    bomb = f'<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">{levels}]><urlset b="&a12;"><url><loc>&a12;</loc></url></urlset>'
    start = time.process_time()
    assert parse(bomb.encode()) == Sitemap()
    assert time.process_time() - start < 1


def index(*addresses: str) -> bytes:
    listed = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f"<sitemapindex>{listed}</sitemapindex>".encode()


def asked(found: HostSitemaps, answers: dict[str, bytes]) -> list[str]:
    """The addresses that are asked for, where every other sitemap is empty."""
    addresses = []
    while waiting := found.next():
        addresses.append(waiting[0])
        found.read(answers.get(waiting[0], b"<urlset/>"), *waiting)
    return addresses


def test_twenty_sitemaps_are_read_however_they_are_named() -> None:
    """Security 8: by robots.txt, by one index or by many; it became 80."""
    many = [f"https://a.example/{number}.xml" for number in range(300)]
    named = HostSitemaps(many, {"a.example"})
    assert len(asked(named, {})) == sitemaps.MAX_SITEMAPS
    assert named.notes == ["more than 20 sitemaps"]
    indexed = HostSitemaps(many[:19], {"a.example"})
    assert asked(indexed, {address: index(*many) for address in many}) == many[:20]
    assert indexed.notes == ["more than 20 sitemaps"]


def test_indexes_inside_each_other_end() -> None:
    """Security 8: one that names itself is read once; other hosts and broken addresses are not asked."""
    chain = {f"https://a.example/{level}": index(f"https://a.example/{level + 1}") for level in range(9)}
    deep = HostSitemaps(["https://a.example/0"], {"a.example"})
    assert asked(deep, chain) == [f"https://a.example/{level}" for level in range(3)]
    assert "more than 2 indexes inside each other" in deep.notes[0]
    own = index("https://a.example/0", "https://b.example/1", "http://[/2", "")
    assert asked(HostSitemaps(["https://a.example/0"], {"a.example"}), {"https://a.example/0": own}) == [
        "https://a.example/0"
    ]


def test_all_sitemaps_of_a_host_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Security 8: bytes, and pages with photos."""
    many = [f"https://a.example/{number}.xml" for number in range(9)]
    monkeypatch.setattr(sitemaps, "MAX_TOTAL_BYTES", 3 * len(PAGES))
    bytes_limited = HostSitemaps(many, {"a.example"})
    assert len(asked(bytes_limited, dict.fromkeys(many, PAGES))) == 3
    assert "bytes of sitemaps" in bytes_limited.notes[-1]
    monkeypatch.undo()
    monkeypatch.setattr(sitemaps, "MAX_LISTED", 8)
    listing = HostSitemaps(many, {"a.example"})
    assert len(asked(listing, dict.fromkeys(many, PAGES))) == 2
    assert "pages and photos" in listing.notes[-1]


def test_a_crawl_asks_for_twenty_and_says_so(tmp_path: Path) -> None:
    """Security 8: an index of 100 sitemaps, each an index of 100 more; and one that fails does not end the others."""
    answers: dict[str, Any] = {"/": html('<img src="/a.jpg">'), "/a.jpg": jpeg(1), "/b.jpg": jpeg(2)}
    server = Server(Scripted(answers))
    body = index(*(f"{server.url}/{number}.xml" for number in range(100)))
    answers |= {f"/{number}.xml": Answer(body=body) for number in range(1, 100)}
    answers["/0.xml"] = Answer(500)
    answers["/1.xml"] = Answer(
        body=f"<urlset><url><loc>{server.url}/</loc><image><loc>/b.jpg</loc></image></url></urlset>".encode()
    )
    answers["/robots.txt"] = text(f"Sitemap: {server.url}/99.xml\n")
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert len({hit.path for hit in server.log if hit.path.endswith(".xml")}) == sitemaps.MAX_SITEMAPS
    assert report.outcomes == {"stored": 2}
    assert "more than 20 sitemaps; the rest was not read" in report.notes
