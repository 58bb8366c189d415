"""Reads where a page leads, and whether it needs a browser to show its photos.

Functions of the page alone: no network, no Scrapy. `html` is a page's text, or what crawlers.markup.read made of it.
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from urllib.parse import urlsplit

from crawlers import markup
from crawlers.markup import Document
from crawlers.sites.discovery import base_of, embedded_photos
from crawlers.sites.originals import IMAGE_EXTENSION, absolute

MAX_LINKS = 20_000  # of one page; a crawl reads 1,000 pages
GROWING_SCRIPT = re.compile(  # adds photos when one scrolls or presses a button
    r"IntersectionObserver|infinite.?scroll|load.?more|addEventListener\(\s*[\"']scroll|onscroll", re.IGNORECASE
)
MORE_BUTTON = re.compile(r"^\s*(load|show|view|see) more\b", re.IGNORECASE)
MIN_EMBEDDED_PHOTOS = 3  # with so many in its JSON, a page needs no browser
MORE_BUTTON_PARTS, MORE_BUTTON_CHARS = 20, 200  # text nodes of a button, and characters of each, that are looked at
MIN_WORDS = 30  # a page without images and with fewer words is filled by scripts
CONTAINERS = ("main", "section", "div", "ul")
GALLERY_CONTAINER = re.compile(r"\b(gallery|portfolio|grid|feed|root|app|__next|masonry|products)\b", re.IGNORECASE)
PAGE_NUMBER = re.compile(
    r"(?:/page)?/\d{1,4}/?(?=$|\?)|(?<=[?&])(?:page|p|paged|offset|start|pg)=\d{1,5}&?", re.IGNORECASE
)
NO_PAGE = re.compile(
    r"\.(pdf|zip|docx?|xlsx?|mp4|mov|mp3|css|js|ics|xml|json)$|/(cart|checkout|account|login|wp-admin|wp-json|feed)(/|$)",
    re.IGNORECASE,
)


def links(html: str | Document, page_url: str) -> list[str]:
    """Pages of the same host that this page links to, in reading order, once each."""
    document = markup.read(html)
    base = base_of(document, page_url)
    host = urlsplit(page_url).netloc
    hrefs = [element.attributes["href"] for element in document.named("a") if "href" in element.attributes]
    if len(hrefs) > MAX_LINKS:
        document.note(f"more than {MAX_LINKS:,} links")
    pages: dict[str, None] = {}
    for href in hrefs[:MAX_LINKS]:
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


def needs_browser(html: str | Document) -> bool:
    """Whether scripts load the photos, judged by the page's content and not by its address.

    A page whose embedded JSON names its photos needs no browser, unless it grows when scrolled.
    """
    document = markup.read(html)
    if all("json" in script.attributes.get("type", "") for script in document.named("script")):
        return False
    scripts = document.texts_in("script")
    if any(
        GROWING_SCRIPT.search(text) for script, text in scripts if "json" not in script.attributes.get("type", "")
    ) or any(map(MORE_BUTTON.search, _button_texts(document))):
        return True
    if embedded_photos(document, MIN_EMBEDDED_PHOTOS) >= MIN_EMBEDDED_PHOTOS:
        return False
    if _has_empty_gallery(document):
        return True
    return not document.named("img") and _words(document, MIN_WORDS) < MIN_WORDS


def _button_texts(document: Document) -> Iterator[str]:
    """How the text of each button begins."""
    for element in document.elements:
        if element.name == "button" or (element.name == "a" and element.attributes.get("href") == "#"):
            last = min(element.end_text, element.first_text + MORE_BUTTON_PARTS)
            yield " ".join(text[:MORE_BUTTON_CHARS] for _, text in document.texts[element.first_text : last])


def _has_empty_gallery(document: Document) -> bool:
    """Whether an element that is called a gallery has no image, no link and no text inside."""
    elements = document.elements
    filled = list(accumulate((element.name in ("img", "a") for element in elements), initial=0))
    return any(
        filled[element.end] == filled[element.index + 1]
        and element.first_text == element.end_text
        and GALLERY_CONTAINER.search(f"{element.attributes.get('id', '')} {element.attributes.get('class', '')}")
        for element in document.named(*CONTAINERS)
    )


def _words(document: Document, enough: int) -> int:
    """How many words the body shows; counting stops when there are enough."""
    body = next(iter(document.named("body")), None)
    words = 0
    for owner, text in document.texts[body.first_text : body.end_text] if body else ():
        if owner.name not in ("script", "style"):
            words += len(text.split(None, enough)[:enough])
            if words >= enough:
                break
    return words
