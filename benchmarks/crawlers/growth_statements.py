"""Hostile inputs for the readers of statements about training; growth.py measures them with the others."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from crawlers.politeness.ai_crawlers import ai_crawlers
from crawlers.politeness.robots_signals import RobotsSignals
from crawlers.politeness.rsl import Licences
from dataset.pictures.rights import rights_of

SMALL, MIDDLE = 1_500, 6_000  # as in growth.py
PAGE = "https://a.example/g/p.html"


def _read_signals(text: str) -> None:
    """All that a robots.txt says about training."""
    signals = RobotsSignals.parse(text, ai_crawlers())
    signals.ban("https://a.example/" + "a" * 1_000)
    signals.statement("https://a.example/" + "a" * 1_000)
    signals.summary()


def _read_licences(body: bytes) -> None:
    Licences.parse(body, PAGE).statement("https://a.example/" + "a" * 1_000)


def _read_rights(content: bytes) -> None:
    rights_of(content, SimpleNamespace(info={}, format="WEBP"))


def _read_jpeg_rights(content: bytes) -> None:
    rights_of(content, SimpleNamespace(info={}, format="JPEG"))


def statements() -> Iterator[tuple[str, Callable[[Any], object], Callable[[int], Any], int]]:
    """Name, reader, maker and smaller size of each family: what hosts, licences and pictures say about training."""
    robots: dict[str, Callable[[int], str]] = {
        "groups of one AI crawler": lambda n: "User-agent: GPTBot\nDisallow: /*a*b$\n" * n,
        "AI crawlers in turn": lambda n: "User-agent: GPTBot\nDisallow: /a\nUser-agent: CCBot\nAllow: /\n" * n,
        "names of AI crawlers": lambda n: "User-agent: CCBot\nUser-agent: GPTBot\n" * n + "Disallow: /*a*a$\n" * n,
        "signals with paths": lambda n: "User-agent: *\n" + "Content-Usage: /*a*a*b$ train-ai=n\n" * n,
        "licences": lambda n: "License: /a.xml\n" * n,
        "spaces": lambda n: "User-agent: *\nContent-Signal: ai-train" + " " * n + "= n" + " =" * n,
    }
    for name, make in robots.items():
        yield (f"robots.txt: {name}", _read_signals, make, SMALL)
    licence = b'<content url="/*a*a*b$"><license><permits type="usage">search</permits></license></content>'
    licences: dict[str, Callable[[int], bytes]] = {
        "contents": lambda n: b"<rsl>" + licence * n + b"</rsl>",
        "pattern": lambda n: b'<rsl><content url="/' + b"*a" * n + b'$"/></rsl>',
        "nested": lambda n: b"<rsl>" * n,
        "uses": lambda n: (
            b'<rsl><content url="/"><license><permits>' + b"search " * n + b"</permits></license></content></rsl>"
        ),
    }
    for name, body in licences.items():
        yield (f"licence: {name}", _read_licences, body, SMALL)
    start = b'<x:xmpmeta xmlns:x="a" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    contents: dict[str, Callable[[int], bytes]] = {
        "packets": lambda n: (start + b"</x:xmpmeta>") * n,
        "open packets": lambda n: b"<x:xmpmeta" * n,
        "nested rights": lambda n: start + b"<dc:rights>a" * n + b"</dc:rights>" * n + b"</x:xmpmeta>",
        "texts": lambda n: start + b"<dc:rights>" + b"&#65;" * n + b"</dc:rights></x:xmpmeta>",
        "attributes": lambda n: start + b"<dc:a " + b"".join(b'b%d="c" ' % i for i in range(n)) + b"/></x:xmpmeta>",
        "labels": lambda n: b"c2pa.training-mining" * n,
        "answers": lambda n: b"c2pa.training-mining" + b"ai_training notAllowed" * n,
    }
    for name, content in contents.items():
        yield (f"rights: {name}", _read_rights, content, MIDDLE)
    segment = b"\xff\xeb\x00\x20JP\x00\x01\x00\x00\x00\x01" + b"\x00" * 22
    yield ("rights: segments", _read_jpeg_rights, lambda n: b"\xff\xd8" + segment * n, MIDDLE)
