"""Reads a page's photos.

Functions of the page alone: no network, no Scrapy. `html` is a page's text, or what crawlers.markup.read made of it.
Each of them goes over the page once; what they leave unread because a limit is reached, they note in Document.limits.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from crawlers import markup
from crawlers.markup import Document
from crawlers.sites.reading import attributes
from crawlers.sites.reading.identity import MAX_OFFERS, Identity, Offer
from crawlers.sites.reading.mentions import Evidence, Mention
from crawlers.sites.reading.scanner import MAX_ADDRESSES, TOO_LONG, LinkedFile, Scanner, base_of
from crawlers.sites.reading.words import LARGE_FOLDERS, SMALL_FOLDERS, names_apart_from

__all__ = [
    "MAX_ADDRESSES",
    "Candidate",
    "base_of",
    "candidates",
    "embedded_photos",
    "placeholders",
    "with_their_folders",
]
MAX_ALT_CHARS = 2000
MAX_INLINE = 500  # photos in `data:` addresses of one page


@dataclass(frozen=True)
class Candidate:
    """One photo of a page. tries: addresses to try, in order.

    width_px: of the largest variant that the page names; the original should not be smaller. content: of a photo that
    stands in the page itself; nothing is asked for it.
    """

    tries: tuple[Offer, ...]
    page_url: str
    alt: str = ""
    rejected: str = ""  # why it must not be requested; empty where it may be
    width_px: int = 0
    content: bytes = b""

    @property
    def offers(self) -> tuple[str, ...]:
        """The addresses to try, in order."""
        return tuple(offer.url for offer in self.tries)

    @property
    def is_measured(self) -> bool:
        """Whether the page names the width of a variant, as a srcset does."""
        return any(offer.evidence == Evidence.WIDTH for offer in self.tries)

    @property
    def image_url(self) -> str:
        return self.tries[0].url

    @property
    def named_url(self) -> str:
        """The address that stands for the photo on every page: the first that is more than a guess."""
        return next((offer.url for offer in self.tries if offer.is_proven), self.image_url)


def candidates(
    html: str | Document,
    page_url: str,
    listed: Sequence[str] = (),
    linked: Sequence[LinkedFile] = (),
    proven: set[str] | None = None,
) -> list[Candidate]:
    """Photos of the page, in reading order; each once, however often the page names it.

    listed: addresses that the site's sitemap names for this page. linked: scripts and style sheets of the site that the
    page loads. proven: what earlier pages of the crawl showed of their hosts; this page adds to it.
    """
    scanner = Scanner(markup.read(html), page_url)
    mentions = list(scanner.mentions(listed, linked))
    identity = Identity(scanner.base, set() if proven is None else proven, scanner.spend)
    too_long = [mention for mention in mentions if mention.rejected == TOO_LONG]
    photos = identity.photos(mention for mention in mentions if mention.named and mention.rejected != TOO_LONG)
    found = [
        Candidate(
            offers,
            page_url,
            (photo.mention.alt or photo.mention.caption)[:MAX_ALT_CHARS],
            photo.mention.rejected,
            max(photo.mention.display_px, max(one.width_px for one in photo.named)),
        )
        for photo, offers in zip(photos, identity.offers(photos), strict=True)
    ]
    found += [
        Candidate((Offer(mention.best.url, Evidence.NAMED),), page_url, mention.alt[:MAX_ALT_CHARS], TOO_LONG)
        for mention in {mention.best.url: mention for mention in too_long}.values()
    ]
    return found + _inline(mentions, page_url)


def with_their_folders(photos: Sequence[Candidate]) -> list[Candidate]:
    """The photos of a page. Pictures of one file name in a folder of small ones and in one of large ones are one."""
    large: dict[tuple[str, ...], int] = {}
    for number, photo in enumerate(photos):
        for name in () if photo.rejected else names_apart_from(photo.named_url, LARGE_FOLDERS):
            large.setdefault(name, number)
    joined: dict[int, Candidate | None] = {}  # None: it is part of another
    for number, photo in enumerate(photos if large else ()):
        names = names_apart_from(photo.named_url, SMALL_FOLDERS)
        at = next((large[name] for name in names if name in large), number)
        if at != number and (whole := joined.get(at, photos[at])) is not None:
            tries = {offer.url: offer for offer in (*whole.tries, *photo.tries)}
            kept = tuple(tries.values())[:MAX_OFFERS]
            joined[at] = replace(whole, tries=kept, alt=whole.alt or photo.alt)
            joined[number] = None
    return [one for number, photo in enumerate(photos) if (one := joined.get(number, photo)) is not None]


def placeholders(html: str | Document) -> int:
    """How many <img> have no address but a short data: address."""
    document = markup.read(html)
    named = {source.parent.index for source in document.named("source") if source.parent is not None}
    count = 0
    for image in document.named(*attributes.IMAGES):
        if any(value.lstrip().startswith("data:") for value in image.attributes.values()):
            has_source = image.parent is not None and image.parent.index in named
            count += not has_source and not _has_photo(image)
    return count


def embedded_photos(document: Document, enough: int) -> int:
    """How many photos the JSON and the scripts of a page name; counting stops when there are enough."""
    return len(list(islice(Scanner(document, "https://any.example/").of_scripts(), enough)))


def _has_photo(image: markup.Element) -> bool:
    is_named = any(True for _ in attributes.addresses_of(image))
    return is_named or bool(attributes.inline_pictures(image))


def _inline(mentions: Sequence[Mention], page_url: str) -> list[Candidate]:
    """Photos that stand in the page itself. Their address is the page's, with their SHA-256 as fragment."""
    found: dict[str, Candidate] = {}
    for mention in mentions:
        for value in mention.inline:
            if len(found) >= MAX_INLINE:
                break
            try:
                content = base64.b64decode(value.partition(",")[2].replace("%2B", "+").replace("%3D", "="))
            except (binascii.Error, ValueError):
                continue
            url = f"{page_url.partition('#')[0]}#sha256={hashlib.sha256(content).hexdigest()}"
            offer = Offer(url, Evidence.NAMED, "data:")
            found.setdefault(url, Candidate((offer,), page_url, mention.alt[:MAX_ALT_CHARS], content=content))
    return list(found.values())
