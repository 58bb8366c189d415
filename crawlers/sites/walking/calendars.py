"""Calendars: the days and months of a site have no end, and each leads to the next."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE = 20  # fruitless pages before the others like them are not asked
MOST_KINDS = 10_000  # of one source
NUMBER = re.compile(r"[0-9]+")
DATE = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}(?:[-_./]?(?:0[1-9]|1[0-2])|[-_./][1-9])(?![0-9][0-9]{2})"
    r"|(?<![a-z])(?:date|day|week|month|year|datum|tag|woche|monat|jahr|mois|annee|mes|cal)[a-z]{0,6}[=/_-]?[0-9]",
    re.IGNORECASE,
)


@dataclass
class Calendars:
    """Pages whose addresses hold a date, and are alike but for their numbers, are of one kind.

    A page is fruitless if it shows no new photo and leads to no new page of another kind.
    """

    fruitless: Counter[str] = field(default_factory=Counter)
    fruitful: set[str] = field(default_factory=set)
    example: dict[str, str] = field(default_factory=dict)

    def read(self, url: str, shows_new: bool, new_links: Iterable[str]) -> None:
        """Learn from a page that was read."""
        kind = _kind(url)
        if not kind:
            return
        if shows_new or any(_kind(link) != kind for link in new_links):
            self.fruitful.add(kind)
        elif kind in self.fruitless or len(self.fruitless) < MOST_KINDS:
            self.fruitless[kind] += 1
            self.example.setdefault(kind, url)

    def fruitless_like(self, url: str) -> str:
        """A page of the same kind, if many of them were read and all were fruitless; else empty."""
        kind = _kind(url)
        is_left = self.fruitless[kind] >= PATIENCE and kind not in self.fruitful
        return self.example[kind] if is_left else ""


def _kind(url: str) -> str:
    """Empty for an address without a date."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    text = f"{parts.path}?{parts.query}"
    return NUMBER.sub("0", text) if DATE.search(text) else ""
