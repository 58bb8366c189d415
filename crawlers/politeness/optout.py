"""Statements about training in headers, in <meta> elements, in tdmrep.json and in ai.txt. Pure functions.

Sources: X-Robots-Tag and robots meta (noai, noimageai: DeviantArt 2022; noml: Mojeek), TDM Reservation Protocol (W3C
community group), Content-Usage (IETF aipref drafts), Content-Signal (contentsignals.org), ai.txt (Spawning 2023).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from crawlers import markup
from crawlers.markup import Document
from crawlers.politeness.robots_signals import MAX_RULES, RobotsSignals
from crawlers.politeness.statements import (
    MAX_EVIDENCE_CHARS,
    META_OBJECTIONS,
    TO_AI_CRAWLERS,
    Statement,
    first_of,
    matches,
    names_us,
    product_of,
    robots_tag,
    usage,
    word_in,
)
from foundation.settings import AGENT_NAME

__all__ = [
    "NO_NAMES", "AiTxt", "Reservations", "RobotsSignals", "forbids_following", "matches", "of_headers", "of_page",
]  # fmt: skip
NO_NAMES: frozenset[str] = frozenset()
_AI_TXT_LINE = re.compile(r"(?:user-agent|allow|disallow)\s{0,20}:", re.IGNORECASE)


def of_headers(headers: Iterable[tuple[str, str]], ai_crawlers: frozenset[str] = NO_NAMES) -> Statement:
    """What the headers of an answer say. headers: pairs of name and value, in order.

    ai_crawlers: names in lower case; what is said to them alone is said to us.
    """
    return first_of(_of_header(name.strip().lower(), value, ai_crawlers) for name, value in headers)


def of_page(html: str | Document, ai_crawlers: frozenset[str] = NO_NAMES) -> Statement:
    """What a page's <meta> elements say."""
    return first_of(_of_meta(name, content, ai_crawlers) for name, content in _metas(html))


def forbids_following(html: str | Document) -> bool:
    """Whether a page asks not to follow its links."""
    return any(
        (name in ("robots", "x-robots-tag") or names_us(name)) and word_in(content, ("nofollow", "none"))
        for name, content in _metas(html)
    )


def _of_header(name: str, value: str, ai_crawlers: frozenset[str]) -> Statement:
    match name:
        case "x-robots-tag":
            objection = robots_tag(value, ai_crawlers)
            return Statement(objection and f"X-Robots-Tag: {objection}")
        case "tdm-reservation":
            return _reserved(value, name)
        case "content-usage" | "content-signal":
            return _named(usage(value), name.title())
    return Statement()


def _of_meta(name: str, content: str, ai_crawlers: frozenset[str]) -> Statement:
    """name: of the element, or its http-equiv."""
    if name == "tdm-reservation":
        return _reserved(content, "meta tdm-reservation")
    if name in ("content-usage", "content-signal"):
        return _named(usage(content), f"meta {name}")
    is_ai = product_of(name) in ai_crawlers
    if name in ("robots", "x-robots-tag") or names_us(name) or is_ai:
        word = word_in(content, TO_AI_CRAWLERS if is_ai else META_OBJECTIONS)
        return Statement(word and f"meta {name}: {word}")
    return Statement()


def _reserved(value: str, name: str) -> Statement:
    value = value.strip()
    evidence = f"{name}: {value}"
    return Statement(evidence if value == "1" else "", evidence if value == "0" else "")


def _named(statement: Statement, name: str) -> Statement:
    return Statement(
        statement.objection and f"{name}: {statement.objection}",
        statement.permission and f"{name}: {statement.permission}",
    )


def _metas(html: str | Document) -> Iterator[tuple[str, str]]:
    """Names (or http-equiv), in lower case, and contents of the page's <meta> elements."""
    for meta in markup.read(html).named("meta"):
        name = meta.attributes.get("name") or meta.attributes.get("http-equiv")
        if name and "content" in meta.attributes:
            yield name.strip().lower(), meta.attributes["content"]


@dataclass(frozen=True)
class Reservations:
    """The rules of a host's /.well-known/tdmrep.json: in order, patterns of paths and whether they are reserved."""

    rules: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> "Reservations":
        """Rules from the file's content; content of another form reserves nothing."""
        try:
            rules: Any = json.loads(body)
        except (ValueError, RecursionError):
            return cls()
        if isinstance(rules, Mapping):
            rules = [rules]
        if not isinstance(rules, list):
            return cls()
        return cls(
            tuple(
                (rule["location"], rule.get("tdm-reservation", 0) in (1, "1"))
                for rule in rules[:MAX_RULES]
                if isinstance(rule, Mapping) and isinstance(rule.get("location"), str)
            )
        )

    def statement(self, url: str) -> Statement:
        """What the first rule says that matches."""
        path = _path(url)
        for pattern, reserved in self.rules:
            if matches(pattern, path):
                evidence = f"tdmrep.json: tdm-reservation {int(reserved)}"
                return Statement(evidence if reserved else "", "" if reserved else evidence)
        return Statement()

    def objection(self, url: str) -> str:
        return self.statement(url).objection

    def summary(self) -> str:
        return "; ".join(f"{pattern}: {int(reserved)}" for pattern, reserved in self.rules)


@dataclass(frozen=True)
class AiTxt:
    """A host's ai.txt, which says in the lines of a robots.txt what may be used for training, mostly by file type.

    parser: Protego's; None where there is no such file. rules: its lines.
    """

    parser: Any = None
    rules: tuple[str, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> "AiTxt":
        """Rules from the file's content; content of another form forbids nothing."""
        lines = [line.partition("#")[0].strip() for line in body.decode("utf-8", "replace").splitlines()]
        rules = [line for line in lines if _AI_TXT_LINE.match(line)][:MAX_RULES]
        if not any(line.lower().startswith("disallow") for line in rules) or "<html" in "".join(lines)[:1000].lower():
            return cls()
        return cls(Protego.parse("\n".join(rules)), tuple(rules))

    def statement(self, url: str) -> Statement:
        """An objection where we may not use what is at an address."""
        is_free = self.parser is None or self.parser.can_fetch(url, AGENT_NAME)
        return Statement("" if is_free else "ai.txt: disallowed")

    @property
    def objects_somewhere(self) -> bool:
        return self.parser is not None

    def summary(self) -> str:
        return "; ".join(self.rules)[:MAX_EVIDENCE_CHARS]


def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return "/"
