"""How the time of reading what servers send grows with its size: 1 is linear, 2 is the square.

Each family makes hostile input of any size for one reader. `worst_growth()` measures every family at a size and at
four times that size; tests/crawlers/sites/test_growth.py asserts the same of each.
"""

import gc
import gzip
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from protego import Protego

from crawlers import markup
from crawlers.photo_apis.commons import plain_text
from crawlers.politeness import optout, pacing
from crawlers.politeness.robots import only_our_agents
from crawlers.sites import discovery, links, sitemaps
from crawlers.sites.messages import message_from_json
from crawlers.sites.originals import absolute, originals, platform_of
from crawlers.sites.walking import actions, hosts, templates

PAGE = "https://a.example/g/p.html"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
TIMES = 4  # how much larger the second input is
LINEAR = 1.2  # growth up to this counts as linear: caches and memory cost a little
MEASURES = 6  # at most, of one family; the fastest counts, a busy machine only makes it slower
MIN_MEASURE_S = 0.003
# Repetitions: of nested elements, in an address or in a list of elements, in an attribute, in a script. Four times as
# many stay below the limits of the readers, which would hide the growth.
NESTED, SMALL, MIDDLE, LARGE = 250, 1_500, 6_000, 20_000
sys.path.append(str(Path(__file__).parent))  # a test loads this file by its path
from growth_large import large, read_strings  # noqa: E402
from growth_statements import statements  # noqa: E402

# An address for each rule of crawlers.sites.reading.platforms, and for each service of nested.
EXAMPLES = tuple((Path(__file__).parent / "growth_examples.txt").read_text(encoding="utf-8").split())


# Hostile markup by name: `repeated|before|after`.
PAGES: dict[str, str] = json.loads((Path(__file__).parent / "growth_pages.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Family:
    """Hostile inputs of one kind. make: the input of a size. read: what reads it. size: of the smaller input."""

    name: str
    read: Callable[[Any], object]
    make: Callable[[int], Any]
    size: int

    def growth(self) -> float:
        """The exponent of the time over the size, from the fastest of several measures."""
        small, large = self.make(self.size), self.make(self.size * TIMES)
        exponent, fast_s, slow_s = math.inf, math.inf, math.inf
        for _ in range(MEASURES):
            slow_s = min(slow_s, _cpu_s(self.read, large))
            fast_s = min(fast_s, _cpu_s(self.read, small))
            exponent = math.log(slow_s / fast_s, TIMES)
            if exponent <= LINEAR:
                break
        return exponent


def worst_growth() -> float:
    """The largest exponent of all families and rules."""
    families = (*FAMILIES, *(family for example in EXAMPLES for family in rules(example)))
    return max(family.growth() for family in families)


def _cpu_s(read: Callable[[Any], object], value: Any) -> float:
    """CPU seconds of one reading; a fast one is repeated."""
    gc.disable()
    try:
        rounds, start = 0, time.process_time()
        while True:
            read(value)
            rounds += 1
            if (spent := time.process_time() - start) >= MIN_MEASURE_S:
                return spent / rounds
    finally:
        gc.enable()


def read_page(html: str) -> None:
    """All that a crawl reads of a page."""
    page = markup.read(html)
    links.grows(page)
    links.is_shell(page)
    discovery.candidates(page, PAGE)
    discovery.placeholders(page)
    found = links.links(page, PAGE)
    links.frames(page, PAGE)
    links.routes([f"{url}#a" for url in found], page, PAGE)
    list(hosts.session_names(found))
    templates.has_script(page)
    templates.marks(page, PAGE, 1)
    optout.of_page(page)
    optout.forbids_following(page)


def read_robots(text: str) -> None:
    """All that a crawl reads of a robots.txt."""
    parser = Protego.parse(only_our_agents(text))
    parser.crawl_delay("isitcakebot")
    parser.can_fetch("https://a.example/" + "a" * 1_000, "isitcakebot")
    optout.RobotsSignals.parse(text).objection(PAGE)


def _of_attribute(template: str) -> Callable[[int], str]:
    """A page with one element. template: `repeated|before|after` of its attribute."""
    repeated, before, after = template.split("|")
    return lambda size: before + repeated * size + after


def _pages() -> Iterator[Family]:
    for name, template in PAGES.items():
        size = NESTED if name.startswith("nested") else SMALL if template.startswith("<") else MIDDLE
        yield Family(f"page: {name}", read_page, _of_attribute(template), size)
    scripts = {
        "quoted": '"/abc.jpg",|',
        "unquoted": '"/abc|',
        "one quote": "'https://a.jpg?|",
        "extensions": ".jpg?|",
        "slashes": '"/|',
        "scroll": "addEventListener( |",
        "escaped": '"\\/abc\\/d.jpg"|',
        "numbers": "0,|[",
        "growing": "load.more infinite|",
        "backticks": "`/a.jpg`,|",
        "three kinds of quotes": "\"'`|",
        "other quotes inside": "'/a\"b`c.jpg|",
        "objects": '{"image":"/a.jpg"},|',
        "sizes": '"sizes":{"large":{"url":"/a.jpg"}},|',
        "open objects": '{"sizes":|',
        "keys": "a=|",
        "backslashes": "\\|",
        "escapes": '"\\u002fa.jpg",|',
        "closed objects": "}|",
        "srcsets": '"srcset":"/a.jpg 9w, /b.jpg 99w",|',
    }
    for name, template in scripts.items():
        repeated, before = template.split("|")
        yield Family(
            f"script: {name}",
            read_page,
            lambda size, r=repeated, b=before: f"<script>{b}{r * size}</script>",
            MIDDLE,
        )
    linked = {
        "list": lambda size: "[" + "0," * size + "0]",
        "lists": lambda size: "[" * size + "]" * size,
        "shallow lists": lambda size: "[" + "[[[0]]]," * size + "0]",
        "images": lambda size: json.dumps({"image": ["/a.jpg"] * size}),
        "types": lambda size: json.dumps([{"@type": ["ImageObject"] * 50, "url": "/a"}] * (size // 20)),
    }
    for name, make in linked.items():
        yield Family(f"linked data: {name}", read_strings, make, LARGE)


def _addresses() -> Iterator[Family]:
    repeated = ("a", "../", "%", " ", "/", "\\", "?", "&w=1", "#", "a.", ":", "@", "[", "ä", "%41", ";", "\t")
    for piece in repeated:
        for before in ("", "http://", "https://a.example/"):
            yield Family(
                f"address: {before}{piece!r}",
                lambda url: absolute(url, PAGE),
                lambda size, b=before, p=piece: b + p * (size // len(p)),
                SMALL,
            )
    for piece in ("a/", "?a=b&", "&add=", "sid=1a2b3c4d5&", ";sid=1", "/cart", "%2F", ".", "#/a", "utm_a=1&"):
        for before in ("?", ""):
            text = f"https://a.example/{before}"
            yield Family(f"page: {before}{piece}", _read_page_address, lambda n, t=text, p=piece: t + p * n, SMALL)
    for piece in ("*a", "a*", "*", "/*a*a*b$"):
        yield Family(f"skip: {piece}", _skip, lambda n, p=piece: f"/{p * n}", 240)
    for piece in ("/1", "/page/1", "page=1&", "?p=1", ".pdf", "/cart", "/"):
        yield Family(f"series: {piece}", lambda url: links.same_series(url, PAGE), lambda n, p=piece: p * n, SMALL)


def _skip(pattern: str) -> None:
    actions.is_skipped("https://a.example/" + "a" * 4_000, [pattern])


def _read_page_address(url: str) -> None:
    hosts.page_key(url)
    hosts.without_session(url, frozenset(["a"]))
    list(hosts.session_names([url] * 4))
    actions.is_action(url)
    actions.is_binary(url)


def rules(example: str) -> Iterator[Family]:
    """Each part of an address, repeated where it stands; the rest follows, or something that does not fit."""
    parts = re.findall(r"\w+|\W", example.partition("//")[2])
    for start in range(len(parts)):
        for length in (1, 2, 4):
            before, piece = "".join(parts[:start]), "".join(parts[start : start + length])
            for end in ("".join(parts[start + length :]), "!"):
                yield Family(
                    f"rule: {before}({piece})+{end}",
                    _read_originals,
                    lambda size, b=before, p=piece, e=end: f"https://{b}{p * (size // len(p))}{e}",
                    SMALL,
                )


def _read_originals(url: str) -> None:
    originals(url)
    platform_of(url)


def _hosts() -> Iterator[Family]:
    robots: dict[str, Callable[[int], str]] = {
        "agents and rules": lambda n: "".join(f"User-agent: a{i}\n" for i in range(n)) + "Disallow: /a\n" * n,
        "our agents and rules": lambda n: (
            "".join(f"User-agent: isit*{'*' * (i % 99)}\n" for i in range(n)) + "Allow: /\n" * n
        ),
        "wildcard rules": lambda n: "User-agent: *\n" + "Disallow: /*a*b$\n" * n,
        "one wildcard rule": lambda n: "User-agent: *\nDisallow: /" + "*a" * n + "$\n",
        "stars": lambda n: "User-agent: *\nDisallow: /" + "*" * n + "b\n",
        "dollars": lambda n: "User-agent: *\nDisallow: /" + "$" * n + "\n",
        "delay": lambda n: "User-agent: *\nCrawl-delay: " + "9" * n + "\n",
        "rate": lambda n: "User-agent: *\nRequest-rate: 1/" + "9" * n + "\n",
        "signals": lambda n: "User-agent: *\n" + "Content-Signal: ai-train=yes\n" * n,
        "blanks": lambda n: "User-agent" + " " * n + "\n" + " " * n + "x",
        "percent": lambda n: "User-agent: *\nDisallow: /" + "%41" * n,
    }
    for name, make in robots.items():
        yield Family(f"robots.txt: {name}", read_robots, make, SMALL)
    reservations = {
        "one pattern": lambda n: [{"location": "/" + "*a" * n + "$", "tdm-reservation": 1}],
        "patterns": lambda n: [{"location": "/*a*a*b$", "tdm-reservation": 1}] * n,
        "stars": lambda n: [{"location": "/" + "*" * n + "b", "tdm-reservation": 1}],
    }
    for name, rules in reservations.items():
        yield Family(
            f"tdmrep.json: {name}",
            lambda body: optout.Reservations.parse(body).objection("https://a.example/" + "a" * 4_000),
            lambda n, r=rules: json.dumps(r(n)).encode(),
            240,
        )
    headers = (
        ("x-robots-tag", "a,"),
        ("x-robots-tag", "a:"),
        ("x-robots-tag", "unavailable_after: "),
        ("content-usage", "a=b,"),
        ("content-signal", "ai-train=y;"),
        ("tdm-reservation", " "),
        ("link", "<a>; rel=next,"),
    )
    for name, piece in headers:
        yield Family(
            f"header: {name} {piece!r}",
            lambda pair: optout.of_headers([pair]),
            lambda n, a=name, p=piece: (a, p * n),
            MIDDLE,
        )
    for piece in ("9", " ", "(", "Tue, ", "1:", "²", "-", ","):
        yield Family(
            f"Retry-After: {piece!r}", lambda text: pacing.retry_after_s(text, NOW), lambda n, p=piece: p * n, MIDDLE
        )
    for piece in ("<", "<a>", "&#1", "&", "&#x1;", " "):
        yield Family(f"author: {piece!r}", plain_text, lambda n, p=piece: p * n, SMALL)
    yield Family("message", _read_message, lambda n: json.dumps({"error": "a" * n, "kind": "b"}), MIDDLE)


def _read_message(line: str) -> None:
    message_from_json(line)


def _sitemaps() -> Iterator[Family]:
    urls = "<url><loc>https://a.example/</loc></url>"
    kinds: dict[str, Callable[[int], bytes]] = {
        "pages": lambda n: f"<urlset>{urls * n}</urlset>".encode(),
        "elements": lambda n: ("<urlset>" + "<a/>" * n).encode(),
        "nested": lambda n: b"<a>" * n,
        "photos": lambda n: b"<urlset><url><loc>a</loc>" + b"<image><loc>b</loc></image>" * n + b"</url></urlset>",
        "index": lambda n: b"<sitemapindex>" + b"<sitemap><loc>/a</loc></sitemap>" * n + b"</sitemapindex>",
        "text": lambda n: b"<urlset><url><loc>" + b"a " * n + b"</loc></url></urlset>",
        "attributes": lambda n: ("<urlset " + " ".join(f'a{i}="1"' for i in range(n)) + "/>").encode(),
        "namespaces": lambda n: ("<urlset " + " ".join(f'xmlns:a{i}="1"' for i in range(n)) + "/>").encode(),
        "wrong tags": lambda n: b"<urlset>" + b"<a></b>" * n,
        "ampersands": lambda n: b"<urlset>" + b"&a" * n,
        "comments": lambda n: b"<urlset>" + b"<!-- -->" * n,
        "open comment": lambda n: b"<urlset><!--" + b"- " * n,
        "gzip": lambda n: gzip.compress(b"<urlset>" + b"<a/>" * n + b"</urlset>", 1),
        "gzip members": lambda n: gzip.compress(b"") * n,
        "UTF-16": lambda n: f"<urlset>{urls * n}</urlset>".encode("utf-16"),
        "web page": lambda n: b"<!doctype html>" + b"<a>" * n,
    }
    for name, make in kinds.items():
        yield Family(f"sitemap: {name}", sitemaps.parse, make, MIDDLE)


FAMILIES = (
    *_pages(),
    *_addresses(),
    *_hosts(),
    *_sitemaps(),
    *(Family(*each) for each in (*large(), *statements())),
)


if __name__ == "__main__":
    print(json.dumps({"worst_growth": round(worst_growth(), 4)}))
