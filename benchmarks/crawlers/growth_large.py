"""Hostile inputs of megabytes for each extractor and each rule of platforms; growth.py measures them too."""

from collections.abc import Callable, Iterator

from crawlers.sites.reading import linked as linked_files
from crawlers.sites.reading import nested, notations, styles
from crawlers.sites.reading.platforms import PLATFORMS

MEGABYTES = 1_250_000
PAGE = "https://a.example/g/p.html"


def read_strings(text: str) -> None:
    list(notations.quoted_pictures(text))


def large() -> Iterator[tuple[str, Callable[[str], object], Callable[[int], str], int]]:
    """Each extractor and each rule with 1.25 MB, and with four times as much."""
    extractors: dict[str, Callable[[str], object]] = {
        "srcset": notations.srcset,
        "css": lambda text: list(styles.css_urls(text)),
        "strings": read_strings,
        "interchange": notations.interchange,
        "list": notations.listed,
        "width": notations.named_width,
        "inner address": nested.inner_address,
        "page parameter": nested.page_parameter,
        "style sheet": lambda text: linked_files.SiteStyle(text, PAGE),
    }
    pieces = (" ", '"/a.jpg",', "url(a", "/a.jpg 1w, ")
    for name, read in extractors.items():
        for piece in pieces:
            yield f"5 MB, {name}: {piece}", read, lambda size, p=piece: p * (size // len(p)), MEGABYTES
    for platform in PLATFORMS:
        for piece in ("-1x1",):
            yield (
                f"5 MB, rule {platform.name}: {piece}",
                platform.find,
                lambda size, p=piece: f"https://a.example/{p * (size // len(p))}",
                MEGABYTES,
            )
