"""Links that are likely another address of a page that is read anyway: `/cakes/1?variant=2`, `/shop/all/cakes/1`, or
the same page in another language, as `<link rel="alternate" hreflang>` says.

Which they are differs from site to site, so they wait until the rest of the site was read. Then a few of a kind are
asked: if each names the other address as its own (`<link rel="canonical">`) and shows known photos only, the rest of
it is never asked. Many sites name the first page of a list as the address of all its pages, but those show new ones.
Of pages in another language, those that show known photos only say it.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from crawlers.markup import Document
from crawlers.sites.originals import absolute
from crawlers.sites.reading.scanner import base_of
from crawlers.sites.walking.hosts import page_key

WITNESSES = 3  # pages that must say that a kind of address leads to a page that is known
MOST_HELD = 20_000  # of one source; further ones are asked at once
MOST_PREFIX = 3  # parts of a path that may stand before the address of a page
LEAST_PATH = 2  # parts of the path of the page itself
MOST_LANGUAGE_CHARS = 20
COPIES = ("print", "amp")  # last parts of the path of a page in another form
INDEX = re.compile(r"(?:index|default|home)\.\w{3,4}", re.IGNORECASE)  # with a query, it is any page of the site
NUMBER_OF_PAGE = re.compile(r"page|paged|p|pg|offset|start|seite|s", re.IGNORECASE)


@dataclass(frozen=True)
class Alias:
    """kind: what addresses that are made in the same way have in common. of: the key of the page that it may be."""

    kind: str
    of: str
    is_translation: bool = False


def alias(url: str, pages: Collection[str]) -> Alias | None:
    """What `url` may be another address of; None if of nothing. pages: keys of the pages that were or will be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    segments = [part for part in parts.path.split("/") if part]
    if names and not parts.fragment and not any(NUMBER_OF_PAGE.fullmatch(name) for name in names):
        key = page_key(urlunsplit(parts._replace(query="")))
        is_one_page = bool(segments) and not INDEX.fullmatch(segments[-1])
        return Alias(f"{segments[:1]}?{names}", key) if is_one_page and key in pages else None
    if segments and segments[-1] in COPIES and not names:
        key = page_key(urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix(segments[-1]))))
        if (found := next((one for one in (key, key.rstrip("/")) if one in pages), None)) is not None:
            return Alias(f"/{segments[-1]}", found)
    for cut in range(1, min(MOST_PREFIX, len(segments) - LEAST_PATH) + 1):
        key = page_key(urlunsplit(parts._replace(path=f"/{'/'.join(segments[cut:])}")))
        if key in pages:
            return Alias(f"{segments[0]}/{cut}/{segments[cut]}", key)
    return None


@dataclass
class Aliases:
    """The aliases of one source. waiting: what makes the requests that are held, by kind. known: by page_key."""

    waiting: dict[str, list[Callable[[], Any]]] = field(default_factory=dict)
    known: dict[str, Alias] = field(default_factory=dict)
    witnesses: Counter[str] = field(default_factory=Counter)
    others: set[str] = field(default_factory=set)  # kinds that lead to pages of their own
    translations: dict[str, Alias] = field(default_factory=dict)  # of pages that were read, by page_key

    def hold(self, url: str, pages: Collection[str], make: Callable[[], Any]) -> bool:
        """Whether `url` is an alias, which waits. pages: as in `alias`. make: makes its request."""
        found = self.translations.get(page_key(url)) or alias(url, pages)
        if found is None or found.kind in self.others or len(self.known) >= MOST_HELD:
            return False
        self.known[page_key(url)] = found
        self.waiting.setdefault(found.kind, []).append(make)
        return True

    def read(self, url: str, document: Document, photos: int, new: int) -> None:
        """Learn from a page that was read. photos: that it shows. new: how many of them no page showed before."""
        if (found := self.known.get(page_key(url))) is None:
            for language, other in _translations(document, url):
                if len(self.translations) < MOST_HELD:
                    self.translations.setdefault(page_key(other), Alias(f"in {language}", page_key(url), True))
        elif found.is_translation and not new:
            self.witnesses[found.kind] += bool(photos)
        elif photos and not new and page_key(canonical(document, url)) == found.of:
            self.witnesses[found.kind] += 1
        else:
            self.others.add(found.kind)

    def released(self) -> list[Any]:
        """Requests to make now that nothing else is left: a few of each kind that is not known, all of the others."""
        requests: list[Any] = []
        for kind, held in self.waiting.items():
            if kind not in self.others and self.witnesses[kind] >= WITNESSES:
                held.clear()
            most = len(held) if kind in self.others else WITNESSES
            requests += [make() for make in held[:most]]
            del held[:most]
        return requests


def _translations(document: Document, url: str) -> Iterator[tuple[str, str]]:
    """The languages in which a page says that it exists, with the addresses."""
    base = base_of(document, url)
    for link in islice(document.named("link"), 1000):
        language = link.attributes.get("hreflang", "").strip().lower()[:MOST_LANGUAGE_CHARS]
        is_other = language and "alternate" in link.attributes.get("rel", "").lower().split()
        other = absolute(link.attributes.get("href", ""), base, document.encoding) if is_other else None
        if other and page_key(other) != page_key(url):
            yield language, other


def canonical(document: Document, url: str) -> str:
    """The address that a page names as its own; empty if it names none."""
    base = base_of(document, url)
    named = (
        link.attributes.get("href", "")
        for link in islice(document.named("link"), 1000)
        if "canonical" in link.attributes.get("rel", "").lower().split()
    )
    return next((found for value in named if (found := absolute(value, base, document.encoding))), "")
