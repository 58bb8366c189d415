"""Scripts and style sheets of the site that its pages load: photos may be named nowhere else.

Each is asked for once in a crawl, within caps. Libraries are not asked for. A photo that one names is given to the
first page that loads it, or whose elements its style applies to.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawlers.markup import Document
from crawlers.sites.originals import absolute
from crawlers.sites.reading.scanner import LIBRARY_PICTURE, LinkedFile, base_of
from crawlers.sites.reading.styles import css_pictures
from crawlers.sites.reading.words import is_picture_file
from crawlers.sites.walking.hosts import site_host

logger = logging.getLogger(__name__)
MAX_FILES_OF_PAGE = 8
MAX_FILES_OF_SITE = 40
MAX_FILE_CHARS = 1_000_000  # of one file; what is larger is a bundle of libraries
MAX_PICTURES_OF_FILE = 500
LIBRARY = re.compile(  # names of files that are everybody's
    r"jquery|bootstrap|popper|swiper|slick|lightbox|fancybox|photoswipe|lightgallery|masonry|isotope|wow(?:\.min)?\.js|aos|gsap"
    r"|react|vue|angular|polyfill|analytics|gtag|recaptcha|vendor|modernizr|font-?awesome|normalize|animate|owl\.?carousel"
    r"|lodash|underscore|moment|require|webpack|runtime|framework|turbo|htmx|alpine|hammer|parallax|imagesloaded|lazysizes"
    r"|/wp-includes/|/wp-content/plugins/|/wp-json/|/_next/static/|/_nuxt/|cookie|consent|cdn-cgi|/recaptcha/|emoji|fonts?\b",
    re.IGNORECASE,
)
COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)")
CSS_PICTURE = re.compile(r"(?:url|image-set)\(", re.IGNORECASE)
MAX_SELECTOR_CHARS, MAX_RULE_CHARS = 2_000, 20_000
MAX_IMPORTS = 3  # of one style sheet
IMPORT = re.compile(r"@import\s{1,10}(?:url\(\s{0,5})?[\"']?([^\"')\s;]{1,500})", re.IGNORECASE)
# What names no class that an element must have: `:not(.x)`, or one of several: `:is(.x, .y)`.
FUNCTION = re.compile(r":(?:not|is|where|has|matches|nth-[a-z-]{1,20})\((?:[^()]++|\([^()]*+\))*+\)", re.IGNORECASE)
# A pattern that fills an area, and a part of a picture of many.
TILE = re.compile(r"(?<!no-)\brepeat(?:-[xy])?(?!\s{0,5}\(|[-\w])")
PART = re.compile(
    r"\s-\d{1,5}(?:px)?\s{1,5}(?:-\d|0)|:\s{0,5}-\d{1,5}px\s{1,5}(?:-\d|0)|(?<=\s)0(?:px)?\s{1,5}-\d{1,5}px"
)
NAME = re.compile(r"[.#]([\w-]{1,100}+)")
STATE = re.compile(r":{1,2}(?:hover|focus|active|before|after|checked|disabled|visited)[\w-]*", re.IGNORECASE)


class SiteScript(LinkedFile):
    kind = "script"

    def __init__(self, text: str) -> None:
        self.text = text


class SiteStyle(LinkedFile):
    """Pictures of a style sheet, each with the classes and ids of its rule."""

    kind = "style"

    def __init__(self, text: str, url: str) -> None:
        self.rules: list[tuple[list[frozenset[str]], str]] = []
        parts: set[str] = set()
        for selectors, body in _rules(COMMENT.sub("", text)):
            if TILE.search(body):
                continue
            for entries in css_pictures(body):
                value = max(entries, key=lambda one: one.density).address
                address = absolute(value, url)
                path = urlsplit(address or "").path
                if address and is_picture_file(path) and not LIBRARY_PICTURE.search(path.lower()):
                    plain = STATE.sub("", FUNCTION.sub("", selectors))
                    wanted = [frozenset(NAME.findall(one)) for one in plain.split(",")]
                    self.rules.append((wanted, address))
                    parts.update([address] * bool(PART.search(body)))
            if len(self.rules) >= MAX_PICTURES_OF_FILE:
                break
        self.rules = [rule for rule in self.rules if rule[1] not in parts]

    def pictures_for(self, document: Document) -> list[str]:
        """Pictures of rules whose classes and ids the page has; each is given once in a crawl."""
        if not self.rules:
            return []
        there: set[str] = set()
        for element in document.elements:
            there.update(element.attributes.get("class", "").split())
            there.add(element.attributes.get("id", ""))
        applies = [any(names <= there for names in wanted) for wanted, _ in self.rules]
        found = [address for (_, address), does in zip(self.rules, applies, strict=True) if does]
        self.rules = [rule for rule, does in zip(self.rules, applies, strict=True) if not does]
        return found


class LinkedFiles:
    """The files that the pages of one crawl load."""

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._styles: dict[str, SiteStyle] = {}
        self._imports: dict[
            str, list[str]
        ] = {}  # style sheets that a style sheet imports; what these import is not read
        self._known: set[str] = set()

    async def of(self, document: Document, page_url: str) -> list[LinkedFile]:
        """Files that this page loads: its style sheets, and the scripts that no page before it loaded."""
        files: list[LinkedFile] = []
        for kind, url in _addresses(document, page_url)[:MAX_FILES_OF_PAGE]:
            text = await self._new_text(url, kind)
            if text and kind == "script":
                files.append(SiteScript(text))
            elif text:
                self._styles[url] = SiteStyle(text, url)
                self._imports[url] = _imported(text, url, site_host(page_url))
            for address in (url, *self._imports.get(url, ())):
                if address != url and (text := await self._new_text(address, "style")):
                    self._styles[address] = SiteStyle(text, address)
                if address in self._styles:
                    files.append(self._styles[address])
        return files

    async def _new_text(self, url: str, kind: str) -> str:
        """The text of a file that was not asked for before; empty if it was, or is not to be had."""
        if url in self._known or len(self._known) >= MAX_FILES_OF_SITE:
            return ""
        self._known.add(url)
        return await self._text(url, kind)

    async def _text(self, url: str, kind: str) -> str:
        """The text of a file; empty if it is not to be had."""
        accept = "text/css,*/*;q=0.1" if kind == "style" else "*/*"
        request = Request(url, headers={"Accept": accept}, callback=NO_CALLBACK, meta={"dont_retry": True})
        kept = self._crawler.kept
        try:
            response = kept.at(url) or await self._crawler.engine.download_async(request)
            kept.keep_at(url, response)
            content_type = (response.headers.get("Content-Type") or b"").lower()
            if response.status == 200 and b"html" not in content_type and len(response.body) <= MAX_FILE_CHARS * 4:
                text: str = response.body.decode("utf-8", "replace")
                return text if len(text) <= MAX_FILE_CHARS else ""
        except Exception as error:  # noqa: BLE001  the page is read without
            logger.debug("%s: %s", url, error)
        return ""


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and body of the rules of a style sheet that name an address."""
    for part in text.split("}"):
        head, _, body = part.rpartition("{")
        if len(body) <= MAX_RULE_CHARS and CSS_PICTURE.search(body):
            yield head.rpartition("{")[2].rpartition(";")[2][-MAX_SELECTOR_CHARS:], body


def _imported(text: str, url: str, host: str) -> list[str]:
    found = (absolute(value, url) for value in IMPORT.findall(COMMENT.sub("", text[:MAX_RULE_CHARS]))[:MAX_IMPORTS])
    return list(dict.fromkeys(address for address in found if address and _is_read(address, host, "style")))


def _is_read(url: str, host: str, kind: str) -> bool:
    """Whether a file is one of the site and no library. Style sheets may be at a host below that of the site."""
    of_file = site_host(url)
    is_of_site = of_file == host or (kind == "style" and of_file.endswith(f".{host}"))
    return is_of_site and not LIBRARY.search(url.partition("//")[2].partition("/")[2])


def _addresses(document: Document, page_url: str) -> list[tuple[str, str]]:
    """Kind and address of the files of the page's own site, in reading order, each once."""
    base, host = base_of(document, page_url), site_host(page_url)
    found: dict[tuple[str, str], None] = {}
    for element in document.named("script", "link"):
        attributes = element.attributes
        if element.name == "script":
            kind, value = "script", attributes.get("src", "")
        else:
            kind = "style" if "stylesheet" in attributes.get("rel", "").lower().split() else ""
            value = attributes.get("href", "")
        url = absolute(value, base) if kind and value else None
        if url and _is_read(url, host, kind):
            found[kind, url] = None
    return list(found)
