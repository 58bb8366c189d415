"""How styles name pictures. Pure functions, linear in their input; see crawlers.sites.reading.notations."""

import re
from collections.abc import Iterator

from crawlers.sites.reading.notations import Entry

CSS_START = re.compile(r"url\(\s*+", re.IGNORECASE)
CSS_END = re.compile(r"\s*+\)")
CSS_BARE = re.compile(r"(?:[^()\s\"'\\]++|\\[0-9a-fA-F]{1,6}+\s?|\\.|\([^()\s\"']{0,200}+\))*+", re.DOTALL)
IMAGE_SET = re.compile(r"image-set\(", re.IGNORECASE)
IMAGE_SET_BODY = re.compile(
    r"(?:[^()\"';{}]++|\"[^\"\n]*+\"|'[^'\n]*+'|\((?:[^()\"']++|\"[^\"\n]*+\"|'[^'\n]*+')*+\))*+"
)
IMAGE_SET_ENTRY = re.compile(
    r"type\([^()]*+\)|(?:\"([^\"\n]++)\"|'([^'\n]++)'|(?<=url\()\s*+([^()\"'\s]++))(?:\s*+\))?+(?:\s*+type\([^()]*+\))?+"
    r"(?:\s*+(\d{1,4}(?:\.\d{1,4})?)(x|dppx|dpi)\b)?",
    re.IGNORECASE,
)
CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


def css_urls(text: str) -> Iterator[str]:
    """What stands in each `url(…)` of a style: in quotes, or bare up to the bracket that closes it."""
    at = 0
    bare_end = 0  # where a bare address ends that started before; what starts inside it ends there too
    while found := CSS_START.search(text, at):
        start = at = found.end()
        quote = text[start : start + 1]
        if quote and quote in "\"'":
            end = text.find(quote, start + 1)
            if end > start + 1 and (closing := CSS_END.match(text, end + 1)):
                yield _without_escapes(text[start + 1 : end])
                at = closing.end()
                continue
        if start >= bare_end:
            bare = CSS_BARE.match(text, start)
            bare_end = bare.end() if bare else start
            closing = CSS_END.match(text, bare_end)
            if closing and bare_end > start:
                yield _without_escapes(text[start:bare_end])
                at = closing.end()


def css_pictures(text: str) -> Iterator[list[Entry]]:
    """The pictures of a style: one entry for each `url(…)`, and one list for the densities of an `image-set(…)`."""
    at = 0
    for found in IMAGE_SET.finditer(text):
        if found.start() < at:
            continue
        yield from ([Entry(url)] for url in css_urls(text[at : found.start()]))
        body = IMAGE_SET_BODY.match(text, found.end())
        at = body.end() if body else found.end()
        entries = [
            Entry(_without_escapes(address), density=float(number or 1) / (96 if unit.lower() == "dpi" else 1))
            for *written, number, unit in IMAGE_SET_ENTRY.findall(text, found.end(), at)
            if (address := "".join(written))
        ]
        if entries:
            yield entries
    yield from ([Entry(url)] for url in css_urls(text[at:]))


def _without_escapes(text: str) -> str:
    if "\\" not in text:
        return text
    return CSS_ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] and 0 < int(found[1], 16) < 0x110000 else found[2] or "", text
    )
