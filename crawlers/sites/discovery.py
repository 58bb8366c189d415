"""Reads a page: its photos, its links, and whether it needs a browser to show them.

Pure functions of the page's text: no network, no Scrapy.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from parsel import Selector

from crawlers.markup import attributes
from crawlers.sites.originals import IMAGE_EXTENSION, absolute, originals

MAX_SCRIPT_CHARS = 5_000_000
MAX_OFFERS = 40  # addresses to try that are kept for one photo
MAX_ALT_CHARS = 2000
IMG_XPATH = "//img | //amp-img"
OG_XPATH = "//meta[@property='og:image' or @property='og:image:secure_url' or @name='twitter:image']/@content"
SET_ATTRIBUTES = ("srcset", "data-srcset", "data-lazy-srcset", "data-bgset", "imagesrcset")
CSS_URL = re.compile(r"url\(\s*(?:\"([^\"]+)\"|'([^']+)'|([^)\s]+))\s*\)", re.IGNORECASE)
QUOTED_IMAGE = re.compile(
    r"[\"']((?:https?:)?(?:\\?/){1,2}[^\"'<>\s]{3,600}?\.(?:jpe?g|png|webp|avif)(?:[?/][^\"'<>\s]{0,300})?)[\"']",
    re.IGNORECASE,
)
GROWING_SCRIPT = re.compile(  # adds photos when one scrolls or presses a button
    r"IntersectionObserver|infinite.?scroll|load.?more|addEventListener\(\s*[\"']scroll|onscroll", re.IGNORECASE
)
MORE_BUTTON = re.compile(r"^\s*(load|show|view|see) more\b", re.IGNORECASE)
MIN_EMBEDDED_PHOTOS = 3  # with so many in its JSON, a page needs no browser
MIN_WORDS = 30  # a page without images and with fewer words is filled by scripts
GALLERY_CONTAINER = re.compile(r"\b(gallery|portfolio|grid|feed|root|app|__next|masonry|products)\b", re.IGNORECASE)
PAGE_NUMBER = re.compile(
    r"(?:/page)?/\d{1,4}/?(?=$|\?)|(?<=[?&])(?:page|p|paged|offset|start|pg)=\d{1,5}&?", re.IGNORECASE
)
NO_PAGE = re.compile(
    r"\.(pdf|zip|docx?|xlsx?|mp4|mov|mp3|css|js|ics|xml|json)$|/(cart|checkout|account|login|wp-admin|wp-json|feed)(/|$)",
    re.IGNORECASE,
)


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


def candidates(html: str, page_url: str, listed: Sequence[str] = ()) -> list[Candidate]:
    """Photos of the page, in reading order; each once, however often the page names it.

    listed: addresses that the site's sitemap names for this page.
    """
    selector = Selector(text=html or "<html></html>")
    base = absolute(selector.xpath("//base/@href").get("") or page_url, page_url) or page_url
    mentions = [
        *_from_elements(selector, base),
        *_from_styles(selector, base),
        *_from_head_and_scripts(selector, base),
        *(_Mention([url]) for value in listed if (url := absolute(value, base))),
    ]
    photos: dict[str, Candidate] = {}
    photo_of: dict[str, str] = {}
    for mention in mentions:
        if not mention.offers:
            continue
        ranked = _rank(mention.offers, base)
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


def placeholders(html: str) -> int:
    """How many <img> have no address but a data: address."""
    selector = Selector(text=html or "<html></html>")
    return sum(
        all(value.strip().startswith("data:") for value in _values(image) if value.strip())
        for image in selector.xpath(IMG_XPATH)
        if any(value.strip().startswith("data:") for value in _values(image))
    )


def links(html: str, page_url: str) -> list[str]:
    """Pages of the same host that this page links to, in reading order, once each."""
    selector = Selector(text=html or "<html></html>")
    base = absolute(selector.xpath("//base/@href").get("") or page_url, page_url) or page_url
    host = urlsplit(page_url).netloc
    pages: dict[str, None] = {}
    for href in selector.xpath("//a/@href").getall():
        url = absolute(href, base)
        if not url or urlsplit(url).netloc != host:
            continue
        path = urlsplit(url).path
        if not IMAGE_EXTENSION.search(path) and not NO_PAGE.search(path):
            pages[url] = None
    return list(pages)


def same_series(url: str, page_url: str) -> bool:
    """Whether two addresses are pages of one numbered series, such as /gallery and /gallery/2, ?page=2 and ?page=3."""
    return PAGE_NUMBER.sub("", url).rstrip("/?") == PAGE_NUMBER.sub("", page_url).rstrip("/?")


def needs_browser(html: str) -> bool:
    """Whether scripts load the photos, judged by the page's content and not by its address.

    A page whose embedded JSON names its photos needs no browser, unless it grows when scrolled.
    """
    selector = Selector(text=html or "<html></html>")
    scripts = selector.xpath("//script[not(contains(@type, 'json'))]")
    if not scripts:
        return False
    if any(GROWING_SCRIPT.search(script) for script in scripts.xpath("text()").getall()):
        return True
    if any(
        MORE_BUTTON.search(" ".join(e.xpath(".//text()").getall())) for e in selector.xpath("//button | //a[@href='#']")
    ):
        return True
    if sum(1 for _ in _from_head_and_scripts(selector, "https://any.example/", head=False)) >= MIN_EMBEDDED_PHOTOS:
        return False
    for container in selector.xpath("//main | //section | //div | //ul"):
        name = " ".join((attributes(container).get("id", ""), attributes(container).get("class", "")))
        if (
            GALLERY_CONTAINER.search(name)
            and not container.xpath(".//img | .//a")
            and not "".join(container.xpath(".//text()").getall()).strip()
        ):
            return True
    text = " ".join(selector.xpath("//body//text()[not(parent::script or parent::style)]").getall())
    return not selector.xpath("//img") and len(text.split()) < MIN_WORDS


def _from_elements(selector: Selector, base: str) -> Iterator[_Mention]:
    for image in selector.xpath(IMG_XPATH):
        raw = [*_values(image)]
        raw += image.xpath("parent::picture/source/@srcset | parent::picture/source/@data-srcset").getall()
        link = image.xpath("ancestor::a[1]/@href").get("")
        if link and IMAGE_EXTENSION.search(urlsplit(absolute(link, base) or "").path):
            raw.insert(0, link)
        offers = [url for value in raw for url in _addresses(value, base)]
        if not offers and attributes(image).get("src", "").strip().startswith("data:"):
            continue  # counted by placeholders()
        tiny = {attributes(image).get("width", ""), attributes(image).get("height", "")} == {"1"}
        vector = offers and all(urlsplit(url).path.lower().endswith((".svg", ".ico")) for url in offers)
        rejected = "one pixel" if tiny else "drawing: SVG or icon file" if vector else ""
        yield _Mention(offers, attributes(image).get("alt", ""), rejected, max(map(_named_width, raw), default=0))
    for text in selector.xpath("//noscript/text()").getall():
        if "<img" in text:  # some parsers keep the content of <noscript> as text
            yield from _from_elements(Selector(text=text), base)
    for anchor in selector.xpath("//a[not(.//img)]"):
        url = absolute(attributes(anchor).get("href", ""), base)
        if url and IMAGE_EXTENSION.search(urlsplit(url).path):
            yield _Mention([url], attributes(anchor).get("title", ""))


def _from_styles(selector: Selector, base: str) -> Iterator[_Mention]:
    for element in selector.xpath("//*[@style or @data-bg or @data-background or @data-background-image]"):
        values = [next(filter(None, match)) for match in CSS_URL.findall(attributes(element).get("style", ""))]
        values += [
            attributes(element).get(name, "") for name in ("data-bg", "data-background", "data-background-image")
        ]
        for value in values:
            match = CSS_URL.search(value)
            url = absolute(next(filter(None, match.groups())) if match else value, base)
            if url:
                yield _Mention([url], attributes(element).get("aria-label", attributes(element).get("title", "")))
    for style in selector.xpath("//style/text()").getall():
        for match in CSS_URL.findall(style):
            url = absolute(next(filter(None, match)), base)
            if url and IMAGE_EXTENSION.search(urlsplit(url).path):
                yield _Mention([url])


def _from_head_and_scripts(selector: Selector, base: str, head: bool = True) -> Iterator[_Mention]:
    """og:image, JSON-LD, and addresses in JSON inside scripts."""
    if head:
        for value in selector.xpath(OG_XPATH).getall():
            if url := absolute(value, base):
                yield _Mention([url])
    for script in selector.xpath("//script[text()]"):
        text = script.xpath("text()").get("")
        if len(text) > MAX_SCRIPT_CHARS:
            continue
        if attributes(script).get("type", "").strip().lower() == "application/ld+json":
            yield from _from_linked_data(text, base)
            continue
        for match in QUOTED_IMAGE.findall(text):
            value = match.replace("\\/", "/").replace("\\u002F", "/").replace("\\u0026", "&").replace("&amp;", "&")
            if url := absolute(value, base):
                yield _Mention([url])


def _from_linked_data(text: str, base: str) -> Iterator[_Mention]:
    """schema.org: `image`, and the contentUrl of an ImageObject."""
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            is_image = "ImageObject" in str(node.get("@type", ""))
            named = node.get("image")
            values = [value for value in (named if isinstance(named, list) else [named]) if isinstance(value, str)]
            values += [str(node[key]) for key in ("contentUrl", "url") if is_image and node.get(key)][:1]
            for value in values:
                if url := absolute(value, base):
                    yield _Mention([url], str(node.get("caption") or node.get("name") or "") if is_image else "")
            waiting += [value for key, value in node.items() if isinstance(value, dict | list) and key != "logo"]


def _values(image: Selector) -> list[str]:
    """Attributes of an <img> that may hold addresses: srcset and its variants first, then data-*, then src."""
    names = sorted(
        (name for name in attributes(image) if name == "src" or name in SET_ATTRIBUTES or name.startswith("data-")),
        key=lambda name: (name not in SET_ATTRIBUTES, name == "src"),
    )
    return [attributes(image)[name] for name in names if attributes(image)[name]]


def _addresses(value: str, base: str) -> list[str]:
    """Addresses in an attribute: one, a srcset (largest first), or JSON with addresses inside."""
    value = value.strip()
    if not value or value.startswith("data:"):
        return []
    if value[0] in "{[":
        try:
            text = json.dumps(json.loads(value))
        except ValueError:
            return []
        return [url for match in QUOTED_IMAGE.findall(text) if (url := absolute(match, base))]
    entries = _srcset(value)
    if entries:
        return [url for raw, _ in sorted(entries, key=lambda entry: -entry[1]) if (url := absolute(raw, base))]
    is_address = "/" in value or IMAGE_EXTENSION.search(value.split("?")[0])
    if not is_address or (" " in value and not IMAGE_EXTENSION.search(value.split("?")[0])):
        return []
    url = absolute(value, base)
    return [url] if url else []


def _named_width(value: str) -> int:
    """The largest width in pixels in a srcset or a name like `-1024x768.jpg`; 0 for none. Ratios (2x) give none."""
    widths = [int(width) for width in re.findall(r"\s(\d{2,5})w\s*(?:,|$)", value)]
    widths += [int(width) for width in re.findall(r"-(\d{2,4})x\d{2,4}\.\w{3,4}", value)]
    return max(widths, default=0)


def _srcset(value: str) -> list[tuple[str, float]]:
    """Addresses of a srcset with their widths in pixels (of `2x`: 2000); empty where `value` is no srcset."""
    if not re.search(r"\s\d+(\.\d+)?[wx]\s*(,|$)", value):
        return []
    entries = []
    for match in re.finditer(r"(\S.*?)\s+(\d+(?:\.\d+)?)([wx])\s*(?:,\s*|$)", value):
        entries.append((match[1].lstrip(", "), float(match[2]) * (1 if match[3] == "w" else 1000)))
    return entries


def _rank(offers: list[str], base: str) -> list[str]:
    """Originals of every offer first, then the offers themselves."""
    chains = [originals(url, base) for url in dict.fromkeys(offers)]
    return list(dict.fromkeys([url for chain in chains for url in chain[:-1]] + [chain[-1] for chain in chains]))
