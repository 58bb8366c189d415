"""Reads a page: its photos. Its links are read in crawlers.sites.links.

Functions of the page alone: no network, no Scrapy. `html` is a page's text, or what crawlers.markup.read made of it.
Each of them goes over the page once; what they leave unread because a limit is reached, they note in Document.limits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import urlsplit

from crawlers import markup
from crawlers.markup import Document
from crawlers.sites import notations
from crawlers.sites.links import base_of
from crawlers.sites.originals import IMAGE_EXTENSION, absolute, is_too_long, originals
from foundation.network.addresses import MAX_URL_CHARACTERS

MAX_SCRIPT_CHARS = 5_000_000
MAX_OFFERS = 40  # addresses to try that are kept for one photo
MAX_ALT_CHARS = 2000
# A page of 2,000 photos with eight widths each has 16,000 addresses, their originals included. One of more than
# ADDRESS_CHARS counts as several.
MAX_ADDRESSES = 50_000
ADDRESS_CHARS = 512
MAX_ADDRESSES_OF_ELEMENT = 100
MAX_SOURCES = 20  # <source> elements of one <picture>
TOO_LONG = "address: too long"  # the words of foundation.network.addresses
REJECTED_CHARS = 500  # of such an address, for the ledger
IMAGES = ("img", "amp-img")
OG_PROPERTIES = ("og:image", "og:image:secure_url")
BACKGROUND_ATTRIBUTES = ("data-bg", "data-background", "data-background-image")


@dataclass(frozen=True)
class Candidate:
    """One photo of a page. offers: addresses to try, the most original first."""

    offers: tuple[str, ...]
    page_url: str
    alt: str = ""
    rejected: str = ""  # why it must not be requested; empty where it may be
    width_px: int = 0  # of the largest variant that the page names; the original should not be smaller

    @property
    def image_url(self) -> str:
        return self.offers[0]


@dataclass(frozen=True)
class _Mention:
    """One element, style or script of the page that names a photo, by one or more addresses."""

    offers: list[str]
    alt: str = ""
    rejected: str = ""
    width_px: int = 0


def candidates(html: str | Document, page_url: str, listed: Sequence[str] = ()) -> list[Candidate]:
    """Photos of the page, in reading order; each once, however often the page names it.

    listed: addresses that the site's sitemap names for this page.
    """
    mentions = _Mentions(markup.read(html), page_url)
    photos: dict[str, Candidate] = {}
    photo_of: dict[str, str] = {}
    for mention in mentions.of_page(listed):
        ranked = mentions.ranked(mention)
        first_offer = next((photo_of[url] for url in ranked if url in photo_of), None)
        if first_offer is None:
            first_offer = ranked[0]
            photos[first_offer] = Candidate(
                tuple(ranked[:MAX_OFFERS]), page_url, mention.alt[:MAX_ALT_CHARS], mention.rejected, mention.width_px
            )
        else:
            earlier = photos[first_offer]
            photos[first_offer] = Candidate(
                tuple(dict.fromkeys((*earlier.offers, *ranked)))[:MAX_OFFERS],
                page_url,
                earlier.alt or mention.alt[:MAX_ALT_CHARS],
                earlier.rejected and mention.rejected,
                max(earlier.width_px, mention.width_px),
            )
        for url in ranked:
            photo_of.setdefault(url, first_offer)
    return list(photos.values())


def placeholders(html: str | Document) -> int:
    """How many <img> have no address but a data: address."""
    count = 0
    for image in markup.read(html).named(*IMAGES):
        values = (value.strip() for value in notations.values(image.attributes))
        named = [value for value in values if value]
        count += bool(named) and all(value.startswith("data:") for value in named)
    return count


class _Mentions:
    """Reads the mentions of photos in a page, until MAX_ADDRESSES addresses were looked at."""

    def __init__(self, document: Document, page_url: str) -> None:
        self._document = document
        self._base = base_of(document, page_url)
        self._addresses = 0

    def of_page(self, listed: Sequence[str]) -> Iterator[_Mention]:
        yield from self._of_images(self._document)
        unread = "".join(text for _, text in self._document.texts_in("noscript") if "<img" in text)
        if unread:  # some parsers keep the content of <noscript> as text
            yield from self._of_images(markup.read(unread))
        yield from self._of_anchors()
        yield from self._of_styles()
        for meta in self._document.named("meta"):
            attributes = meta.attributes
            if attributes.get("property") in OG_PROPERTIES or attributes.get("name") == "twitter:image":
                yield from self._found([attributes.get("content", "")])
        yield from self.of_scripts()
        for value in listed:
            yield from self._found([value])

    def of_scripts(self) -> Iterator[_Mention]:
        """JSON-LD, and addresses in JSON inside scripts."""
        for script, text in self._document.texts_in("script"):
            if len(text) > MAX_SCRIPT_CHARS:
                self._document.note(f"a script of more than {MAX_SCRIPT_CHARS:,} characters")
            elif script.attributes.get("type", "").strip().lower() == "application/ld+json":
                for value, caption in notations.linked_data(text):
                    yield from self._found([value], caption)
            else:
                for value in notations.quoted_images(text):
                    plain = value.replace("\\/", "/").replace("\\u002F", "/").replace("\\u0026", "&")
                    yield from self._found([plain.replace("&amp;", "&")])

    def ranked(self, mention: _Mention) -> list[str]:
        """Originals of every offer first, then the offers themselves."""
        if mention.rejected == TOO_LONG:
            return mention.offers
        chains = [originals(url, self._base) for url in dict.fromkeys(mention.offers)]
        ranked = list(dict.fromkeys([url for chain in chains for url in chain[:-1]] + [chain[-1] for chain in chains]))
        self._addresses += sum(map(_cost, ranked))
        return ranked

    def _of_images(self, document: Document) -> Iterator[_Mention]:
        sources = _sources(document)
        for image in document.named(*IMAGES):
            attributes = image.attributes
            raw = notations.values(image.attributes)
            if image.parent is not None:
                raw += sources.get(image.parent.index, ())
            link = image.anchor.attributes.get("href", "") if image.anchor is not None else ""
            if self._is_full():
                break
            self._addresses += 1
            if link and _is_image(absolute(link, self._base)):
                raw.insert(0, link)
            offers, rejected = self._offers(address for value in raw for address in notations.addresses(value))
            rejected = rejected or _why_not(attributes, offers)
            if offers:
                yield _Mention(offers, attributes.get("alt", ""), rejected, max(map(notations.named_width, raw)))

    def _of_anchors(self) -> Iterator[_Mention]:
        """Links to images that show no image themselves."""
        elements = self._document.elements
        images = list(accumulate((element.name == "img" for element in elements), initial=0))
        for anchor in self._document.named("a"):
            if images[anchor.end] == images[anchor.index] and (href := anchor.attributes.get("href")):
                yield from self._found([href], anchor.attributes.get("title", ""), only_images=True)

    def _of_styles(self) -> Iterator[_Mention]:
        for element in self._document.elements:
            attributes = element.attributes
            values = [*notations.css_urls(attributes.get("style", ""))]
            values += [attributes[name] for name in BACKGROUND_ATTRIBUTES if name in attributes]
            for value in values:
                label = attributes.get("aria-label", attributes.get("title", ""))
                yield from self._found([next(notations.css_urls(value), value)], label)
        for _, style in self._document.texts_in("style"):
            for value in notations.css_urls(style):
                yield from self._found([value], only_images=True)

    def _found(self, values: Iterable[str], alt: str = "", only_images: bool = False) -> Iterator[_Mention]:
        """One mention, if one of the values is an address. only_images: the address must end like an image's."""
        offers, rejected = self._offers(values)
        if offers and not (only_images and (rejected or not _is_image(offers[0]))):
            yield _Mention(offers, alt, rejected)

    def _offers(self, values: Iterable[str]) -> tuple[list[str], str]:
        """Absolute addresses of what one element names; if all are too long, the beginning of one, and why not."""
        offers: list[str] = []
        too_long = ""
        for number, value in enumerate(values):
            if self._is_full():
                break
            if number == MAX_ADDRESSES_OF_ELEMENT:
                self._document.note(f"more than {MAX_ADDRESSES_OF_ELEMENT} addresses in one element")
                break
            self._addresses += 1
            url = absolute(value, self._base, self._document.encoding)
            if url and len(url) <= MAX_URL_CHARACTERS:
                offers.append(url)
                self._addresses += _cost(url) - 1
            elif (url or is_too_long(value)) and not too_long:
                too_long = absolute(value.strip()[:REJECTED_CHARS], self._base) or ""
        return (offers, "") if offers or not too_long else ([too_long[:REJECTED_CHARS]], TOO_LONG)

    def _is_full(self) -> bool:
        if self._addresses >= MAX_ADDRESSES:
            self._document.note(f"more than {MAX_ADDRESSES:,} addresses of photos")
        return self._addresses >= MAX_ADDRESSES


def _sources(document: Document) -> dict[int, list[str]]:
    """The srcsets of the <source> elements of each <picture>, by its index."""
    sources: dict[int, list[str]] = {}
    for source in document.named("source"):
        if source.parent is None or source.parent.name != "picture":
            continue
        values = sources.setdefault(source.parent.index, [])
        if len(values) >= MAX_SOURCES:
            document.note(f"more than {MAX_SOURCES} sources of one picture")
            continue
        values += [value for name, value in source.attributes.items() if name in ("srcset", "data-srcset")]
    return sources


def _cost(url: str) -> int:
    return 1 + len(url) // ADDRESS_CHARS


def _is_image(url: str | None) -> bool:
    return url is not None and IMAGE_EXTENSION.search(urlsplit(url).path) is not None


def _why_not(attributes: dict[str, str], offers: list[str]) -> str:
    """Why an image is rejected by what its page says; empty where it is not."""
    if {attributes.get("width", ""), attributes.get("height", "")} == {"1"}:
        return "one pixel"
    if offers and all(urlsplit(url).path.lower().endswith((".svg", ".ico")) for url in offers):
        return "drawing: SVG or icon file"
    return ""
