"""Objections to the use of pictures for training: headers, <meta> elements, robots.txt, tdmrep.json. Pure functions.

Each function returns the evidence, as the ledger keeps it; an empty text means no objection.
Sources: X-Robots-Tag and robots meta (noai, noimageai: DeviantArt 2022; noml: Mojeek), TDM Reservation
Protocol (W3C community group), Content-Usage (IETF aipref drafts), Content-Signal (contentsignals.org).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from crawlers import markup
from crawlers.markup import Document
from foundation.settings import AGENT_NAME

OBJECTIONS = ("noai", "noimageai", "noml", "noindex", "noimageindex", "none")
# A page's `noindex` keeps the page out of search results, as many shops do with /gallery/page/2. It does not object to
# the use of its photos.
META_OBJECTIONS = ("noai", "noimageai", "noml", "noimageindex")
DIRECTIVES_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
TRAINING_USES = ("train-ai", "ai-train", "train-genai", "ai", "tdm", "bots")  # names of the use that we make
SIGNAL_HEADERS = ("content-usage", "content-signal")
MAX_RULES = 1_000  # of one tdmrep.json or robots.txt; a site has one for each of its parts
MAX_EVIDENCE_CHARS = 200


def from_headers(headers: Iterable[tuple[str, str]]) -> str:
    """An objection in the headers of an answer. headers: pairs of name and value, in order."""
    for name, value in headers:
        match name.lower():
            case "x-robots-tag":
                if objection := _robots_tag(value):
                    return f"X-Robots-Tag: {objection}"
            case "tdm-reservation":
                if value.strip() == "1":
                    return "tdm-reservation: 1"
            case "content-usage" | "content-signal":
                if objection := _usage(value):
                    return f"{name.title()}: {objection}"
    return ""


def from_page(html: str | Document) -> str:
    """An objection in a page's <meta> elements."""
    for name, content in _metas(html):
        if name in ("robots", AGENT_NAME):
            words = {word.strip().lower() for word in content.split(",")}
            if objection := next((word for word in META_OBJECTIONS if word in words), ""):
                return f"meta {name}: {objection}"
        elif name == "tdm-reservation" and content.strip() == "1":
            return "meta tdm-reservation: 1"
    return ""


def forbids_following(html: str | Document) -> bool:
    """Whether a page asks not to follow its links."""
    for name, content in _metas(html):
        if name in ("robots", AGENT_NAME):
            words = {word.strip().lower() for word in content.split(",")}
            if words & {"nofollow", "none"}:
                return True
    return False


def _metas(html: str | Document) -> Iterator[tuple[str, str]]:
    """Names, in lower case, and contents of the page's <meta> elements."""
    for meta in markup.read(html).named("meta"):
        if "name" in meta.attributes and "content" in meta.attributes:
            yield meta.attributes["name"].strip().lower(), meta.attributes["content"]


@dataclass(frozen=True)
class RobotsSignals:
    """The Content-Usage and Content-Signal lines of our group of a robots.txt, or of `*` where we have no group.

    lines: name and value, in order.
    """

    lines: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "RobotsSignals":
        groups: dict[str, list[tuple[str, str]]] = {}
        agents: set[str] = set()  # of the group that is read; of them, only ours and `*`
        is_first_group, in_rules = True, False
        for line in text.splitlines():
            name, colon, value = line.partition("#")[0].partition(":")
            name, value = name.strip().lower(), value.strip()
            if not colon:
                continue
            if name == "user-agent":
                if in_rules:
                    agents.clear()
                is_first_group = in_rules = False
                if value.lower() in (AGENT_NAME, "*"):
                    agents.add(value.lower())
                continue
            in_rules = True
            for agent in {"*"} if is_first_group and name in SIGNAL_HEADERS else agents:
                lines = groups.setdefault(agent, [])
                if name in SIGNAL_HEADERS and len(lines) < MAX_RULES:
                    lines.append((name, value))
        return cls(tuple(groups.get(AGENT_NAME, groups.get("*", []))))

    def objection(self, url: str) -> str:
        """The evidence of the first line that is about `url` and objects; empty where none does."""
        path = _path(url)
        for name, value in self.lines:
            prefix, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
            if path.startswith(prefix.rstrip("*$")) and (objection := _usage(rest)):
                return f"robots.txt {name.title()}: {objection}"
        return ""


def from_robots_txt(text: str, url: str) -> str:
    """An objection to the use of `url` in a robots.txt."""
    return RobotsSignals.parse(text).objection(url)


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

    def objection(self, url: str) -> str:
        """The evidence of the first rule that matches; empty where it does not reserve."""
        path = _path(url)
        for pattern, reserved in self.rules:
            if matches(pattern, path):
                return "tdmrep.json: tdm-reservation 1" if reserved else ""
        return ""


def matches(pattern: str, path: str) -> bool:
    """Whether a path matches: `*` stands for anything, `$` at the end for the path's end; else a beginning is enough.

    Each part is looked for once, behind the one before it: nothing is tried again.
    """
    is_whole = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not parts:
        return not is_whole or path == first
    *middle, last = parts
    at = len(first)
    for part in middle:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return path.endswith(last) and len(path) - len(last) >= at if is_whole else path.find(last, at) >= 0


def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return "/"


def _robots_tag(value: str) -> str:
    """The objection in one X-Robots-Tag value, if it is scoped to us or to all robots."""
    for_us = True
    for part in value.split(","):
        directive = part.strip().lower()
        scope, colon, rest = directive.partition(":")
        if colon and scope.strip() not in DIRECTIVES_WITH_VALUE:
            for_us = scope.strip() in ("*", AGENT_NAME)
            directive = rest.strip()
        if for_us and directive in OBJECTIONS:
            return directive
    return ""


def _usage(value: str) -> str:
    """`train-ai=n` in a structured dictionary; booleans are written y and n, yes and no, ?1 and ?0."""
    for member in value.split(","):
        name, _, answer = member.partition("=")
        if name.strip().lower() in TRAINING_USES and answer.split(";")[0].strip().strip('"').lower() in (
            "n",
            "no",
            "?0",
        ):
            return member.strip()[:MAX_EVIDENCE_CHARS]
    return ""
