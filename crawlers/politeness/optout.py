"""Objections to the use of pictures for training: headers, <meta> elements, robots.txt, tdmrep.json. Pure functions.

Each function returns the evidence, as the ledger keeps it; an empty text means no objection.
Sources: X-Robots-Tag and robots meta (noai, noimageai: DeviantArt 2022; noml: Mojeek), TDM Reservation
Protocol (W3C community group), Content-Usage (IETF aipref drafts), Content-Signal (contentsignals.org).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from parsel import Selector

from crawlers.markup import attributes
from foundation.settings import AGENT_NAME

OBJECTIONS = ("noai", "noimageai", "noml", "noindex", "noimageindex", "none")
# A page's `noindex` keeps the page out of search results, as many shops do with /gallery/page/2. It does not object to
# the use of its photos.
META_OBJECTIONS = ("noai", "noimageai", "noml", "noimageindex")
DIRECTIVES_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
TRAINING_USES = ("train-ai", "ai-train", "train-genai", "ai", "tdm", "bots")  # names of the use that we make
SIGNAL_HEADERS = ("content-usage", "content-signal")


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


def from_page(html: str) -> str:
    """An objection in a page's <meta> elements."""
    for meta in Selector(text=html or "<html></html>").xpath("//meta[@name and @content]"):
        name, content = attributes(meta)["name"].strip().lower(), attributes(meta)["content"]
        if name in ("robots", AGENT_NAME):
            words = {word.strip().lower() for word in content.split(",")}
            if objection := next((word for word in META_OBJECTIONS if word in words), ""):
                return f"meta {name}: {objection}"
        elif name == "tdm-reservation" and content.strip() == "1":
            return "meta tdm-reservation: 1"
    return ""


def forbids_following(html: str) -> bool:
    """Whether a page asks not to follow its links."""
    for meta in Selector(text=html or "<html></html>").xpath("//meta[@name and @content]"):
        if attributes(meta)["name"].strip().lower() in ("robots", AGENT_NAME):
            words = {word.strip().lower() for word in attributes(meta)["content"].split(",")}
            if words & {"nofollow", "none"}:
                return True
    return False


def from_robots_txt(text: str, url: str) -> str:
    """An objection in a Content-Usage or Content-Signal line of our group, or of `*` where we have no group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            continue
        if name == "user-agent":
            agents = [*agents, value.lower()] if not in_rules else [value.lower()]
            in_rules = False
            continue
        in_rules = True
        if name in SIGNAL_HEADERS:
            for agent in agents or ["*"]:
                groups.setdefault(agent, []).append((name, value))
        else:
            for agent in agents:
                groups.setdefault(agent, [])
    path = urlsplit(url).path or "/"
    for name, value in groups.get(AGENT_NAME, groups.get("*", [])):
        prefix, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
        if path.startswith(prefix.rstrip("*$")) and (objection := _usage(rest)):
            return f"robots.txt {name.title()}: {objection}"
    return ""


@dataclass(frozen=True)
class Reservations:
    """The rules of a host's /.well-known/tdmrep.json: in order, patterns of paths and whether they are reserved."""

    patterns: tuple[tuple[re.Pattern[str], bool], ...] = ()

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
                (_pattern(str(rule["location"])), str(rule.get("tdm-reservation", 0)) == "1")
                for rule in rules[:1000]
                if isinstance(rule, Mapping) and "location" in rule
            )
        )

    def objection(self, url: str) -> str:
        """The evidence of the first rule that matches; empty where it does not reserve."""
        parts = urlsplit(url)
        path = parts.path or "/"
        for pattern, reserved in self.patterns:
            if pattern.match(path):
                return "tdmrep.json: tdm-reservation 1" if reserved else ""
        return ""


def _pattern(location: str) -> re.Pattern[str]:
    """`*` matches anything, `$` at the end matches the end of the path; otherwise a beginning is enough."""
    ends = location.endswith("$")
    return re.compile(".*".join(map(re.escape, location.removesuffix("$").split("*"))) + ("$" if ends else ""))


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
            return member.strip()
    return ""
