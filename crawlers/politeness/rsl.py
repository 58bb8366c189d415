"""Really Simple Licensing: licences that a robots.txt, a header or a page names, in XML (RSL 1.0, rslstandard.org)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from crawlers.politeness.statements import BETWEEN_WORDS, Statement, first_of, matches

MEDIA_TYPE = "application/rsl+xml"
MAX_BYTES = 500 * 1024
MAX_CONTENTS = 1_000  # of one document
MAX_LINKS = 5  # licences of one page or of one robots.txt
TRAINING = ("all", "ai-all", "ai-train", "train-ai", "ai", "train-genai")  # uses that ours is one of
FREE = ("free", "attribution")  # kinds of payment that cost nothing


@dataclass(frozen=True)
class Licences:
    """The contents that a document licenses: a pattern of paths, host or empty, and what it says about training."""

    contents: tuple[tuple[str, str, Statement], ...] = ()

    @classmethod
    def parse(cls, body: bytes, address: str) -> "Licences":
        """Licences from the document's content; content of another form says nothing. address: of the document."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
        try:
            root = etree.fromstring(body[:MAX_BYTES], parser)
        except (etree.LxmlError, ValueError):
            return cls()
        if root is None or _name(root) != "rsl":
            return cls()
        found: list[tuple[str, str, Statement]] = []
        for element in root:
            if _name(element) == "content" and len(found) < MAX_CONTENTS:
                parts = urlsplit(absolute(element.get("url") or "/", address))
                pattern = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                found.append((parts.netloc, pattern, _of_content(element)))
        return cls(tuple(found))

    def statement(self, url: str) -> Statement:
        """What the licence of `url` says: that of the longest pattern that matches."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return Statement()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fitting = [
            (len(pattern), statement)
            for host, pattern, statement in self.contents
            if host in ("", parts.netloc) and matches(pattern, path)
        ]
        longest = max((length for length, _ in fitting), default=0)
        return first_of(statement for length, statement in fitting if length == longest)

    def summary(self) -> str:
        return "; ".join(
            f"{host}{pattern}: {statement.said}" for host, pattern, statement in self.contents if statement.said
        )


def links_in_headers(pairs: Iterable[tuple[str, str]], base: str) -> list[str]:
    """Addresses of RSL documents in Link headers: `<address>; rel="license"; type="application/rsl+xml"`."""
    found = []
    for name, value in pairs:
        if name.lower() != "link":
            continue
        for link in value.split(","):
            target, *parameters = link.split(";")
            words = {parameter.strip().lower().replace('"', "").replace("'", "") for parameter in parameters}
            if f"type={MEDIA_TYPE}" in words and any(word.startswith("rel=") and "license" in word for word in words):
                found.append(absolute(target.strip().strip("<>"), base))
    return found[:MAX_LINKS]


def _of_content(content: Any) -> Statement:
    """What the licences of one content say together: one that allows training without payment is enough."""
    licences = [_of_licence(element) for element in content if _name(element) == "license"]
    if granted := next((licence for licence in licences if licence.permission), None):
        return granted
    if objecting := next((licence for licence in licences if licence.objection), None):
        return objecting
    return Statement("RSL: a licence must be asked for") if content.get("server") else Statement()


def _of_licence(licence: Any) -> Statement:
    permitted, prohibited = _uses(licence, "permits"), _uses(licence, "prohibits")
    payments = [element.get("type", "purchase").lower() for element in licence if _name(element) == "payment"]
    if use := next((use for use in prohibited if use in TRAINING), ""):
        return Statement(f"RSL prohibits {use}")
    use = next((use for use in permitted if use in TRAINING), "")
    if permitted and not use:
        return Statement(f"RSL permits {', '.join(permitted)[:80]} only")
    if paid := next((kind for kind in payments if kind not in FREE), ""):
        return Statement(f"RSL asks for payment ({paid[:40]})")
    return Statement(permission=f"RSL permits {use or 'every use'}") if use or payments else Statement()


def _uses(licence: Any, name: str) -> list[str]:
    """The uses in elements of this name; those about users and countries are not about uses."""
    elements = [element for element in licence if _name(element) == name and element.get("type", "usage") == "usage"]
    return [use for element in elements for use in BETWEEN_WORDS.split((element.text or "").lower()) if use]


def _name(element: Any) -> str:
    """The element's name without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def absolute(address: str, base: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return base


def inline(texts: Iterable[str], base: str) -> Iterator[Licences]:
    """Licences that stand in a page, in <script type="application/rsl+xml">."""
    for text in texts:
        yield Licences.parse(text.encode("utf-8", "replace"), base)
