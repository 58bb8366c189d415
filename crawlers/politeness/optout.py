"""Who does not want their pictures used for training says so in one of these ways. Pure functions.

Each answer is the evidence, as it is kept in the ledger; empty means no objection.
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
# A page's own `noindex` keeps it out of search results: /gallery/page/2 of many a shop. It says nothing of its photos.
META_OBJECTIONS = ("noai", "noimageai", "noml", "noimageindex")
WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
USES = ("train-ai", "ai-train", "train-genai", "ai", "tdm", "bots")  # what we do goes by these names
SIGNALS = ("content-usage", "content-signal")


def from_headers(headers: Iterable[tuple[str, str]]) -> str:
    """An objection in the headers of an answer; pairs of name and value, in order."""
    for name, value in headers:
        match name.lower():
            case "x-robots-tag":
                if found := _robots_tag(value):
                    return f"X-Robots-Tag: {found}"
            case "tdm-reservation":
                if value.strip() == "1":
                    return "tdm-reservation: 1"
            case "content-usage" | "content-signal":
                if found := _usage(value):
                    return f"{name.title()}: {found}"
    return ""


def from_page(html: str) -> str:
    """An objection in a page's <meta> elements."""
    for meta in Selector(text=html or "<html></html>").xpath("//meta[@name and @content]"):
        name, content = attributes(meta)["name"].strip().lower(), attributes(meta)["content"]
        if name in ("robots", AGENT_NAME):
            words = {word.strip().lower() for word in content.split(",")}
            if found := next((word for word in META_OBJECTIONS if word in words), ""):
                return f"meta {name}: {found}"
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
    """An objection in a Content-Usage or Content-Signal line of the group that is ours, or else everybody's."""
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
        if name in SIGNALS:
            for agent in agents or ["*"]:
                groups.setdefault(agent, []).append((name, value))
        else:
            for agent in agents:
                groups.setdefault(agent, [])
    path = urlsplit(url).path or "/"
    for name, value in groups.get(AGENT_NAME, groups.get("*", [])):
        where, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
        if path.startswith(where.rstrip("*$")) and (found := _usage(rest)):
            return f"robots.txt {name.title()}: {found}"
    return ""


@dataclass(frozen=True)
class Reservations:
    """What a host's /.well-known/tdmrep.json reserves: patterns of paths, in the file's order."""

    patterns: tuple[tuple[re.Pattern[str], bool], ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> "Reservations":
        """Anything but a list of rules reserves nothing."""
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
        """The first rule that matches decides."""
        parts = urlsplit(url)
        path = parts.path or "/"
        for pattern, reserved in self.patterns:
            if pattern.match(path):
                return "tdmrep.json: tdm-reservation 1" if reserved else ""
        return ""


def _pattern(location: str) -> re.Pattern[str]:
    """`*` stands for anything, `$` at the end for the end; without it a beginning is meant."""
    ends = location.endswith("$")
    return re.compile(".*".join(map(re.escape, location.removesuffix("$").split("*"))) + ("$" if ends else ""))


def _robots_tag(value: str) -> str:
    """The objection in one X-Robots-Tag value that is meant for us or for all."""
    for_us = True
    for part in value.split(","):
        directive = part.strip().lower()
        scope, colon, rest = directive.partition(":")
        if colon and scope.strip() not in WITH_VALUE:
            for_us = scope.strip() in ("*", AGENT_NAME)
            directive = rest.strip()
        if for_us and directive in OBJECTIONS:
            return directive
    return ""


def _usage(value: str) -> str:
    """`train-ai=n` in a structured dictionary; booleans are written y and n, yes and no, ?1 and ?0."""
    for member in value.split(","):
        name, _, answer = member.partition("=")
        if name.strip().lower() in USES and answer.split(";")[0].strip().strip('"').lower() in ("n", "no", "?0"):
            return member.strip()
    return ""
