"""The one collector of a page's addresses: every attribute, script, style and meta of every element."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from urllib.parse import urlsplit

from crawlers.markup import Document, Element
from crawlers.sites.originals import absolute, is_too_long
from crawlers.sites.reading import attributes, notations, styles
from crawlers.sites.reading.attributes import Found
from crawlers.sites.reading.furniture import Furniture
from crawlers.sites.reading.mentions import MAX_LEVELS, Captions, Mention, Named
from crawlers.sites.reading.words import DRAWING, WIX_NAME, frozenset_of, is_picture_file, size_hint
from foundation.network.addresses import MAX_URL_CHARACTERS

MAX_SCRIPT_CHARS = 5_000_000
# A page of 2,000 photos with eight widths each has 16,000 addresses, their originals included. One of more than
# ADDRESS_CHARS counts as several.
MAX_ADDRESSES = 50_000
ADDRESS_CHARS = 512
MAX_ADDRESSES_OF_ELEMENT = 100
MAX_SOURCES = 20  # <source> elements of one <picture>
MAX_BASE_CHARS = 2_048  # of <base href>: every relative address of the page repeats it
TOO_LONG = "address: too long"  # the words of foundation.network.addresses
REJECTED_CHARS = 500  # of such an address, for the ledger
META_IMAGES = frozenset_of(
    """
    og:image og:image:url og:image:secure_url twitter:image twitter:image:src twitter:image0 image thumbnail
    thumbnailurl
    """
)
WHOLE_PAGE = ("html", "body", "main", "header", "footer", "nav", "form", "section", "template")
MAX_ICON_PX = 32  # of an image that its page shows as an icon
MAX_AROUND = 15  # elements of a thing that has one image, for its attributes to be about that image
WIX_MEDIA = "https://static.wixstatic.com/media/"
WIX_PREFIX = re.compile(r"(\S{0,200}?/media/)[^/\s]{1,120}~mv2")


class Scanner:
    """Reads the mentions of photos in a page, until MAX_ADDRESSES addresses were looked at."""

    def __init__(self, document: Document, page_url: str) -> None:
        self._document = document
        self.base = base_of(document, page_url)
        self._page_url = page_url
        self._addresses = 0
        self._wix = ""

    def mentions(self, listed: Sequence[str] = (), linked: Sequence["LinkedFile"] = ()) -> Iterator[Mention]:
        """All of the page, in reading order: what elements show, then what meta, scripts, styles and sitemaps name.

        linked: scripts and style sheets of the site that the page loads.
        """
        self._wix = _wix_media(self._document)
        yield from self._of_elements()
        yield from self._of_styles()
        yield from self._of_meta()
        yield from self.of_scripts()
        for file in linked:
            yield from self._of_file(file)
        for value in listed:
            yield from self._mention([Found(value, "sitemap")])

    def of_scripts(self) -> Iterator[Mention]:
        """Addresses in JSON and in scripts, one mention for each object that names a photo in several sizes."""
        for _, text in self._document.texts_in("script"):
            if len(text) > MAX_SCRIPT_CHARS:
                self._document.note(f"a script of more than {MAX_SCRIPT_CHARS:,} characters")
            else:
                yield from self._of_script(text)

    def spend(self, url: str) -> None:
        """Count an address that a rule made."""
        self._addresses += _cost(url)

    def _of_elements(self) -> Iterator[Mention]:
        elements = self._document.elements
        shown = [_is_shown(element) for element in elements]
        before = list(accumulate(shown, initial=0))
        around = self._around(before)
        sources = _sources(self._document)
        self._furniture = Furniture(list(filter(attributes.is_image, elements)), self.base, self._page_url)
        self._captions = Captions(self._document, before, lambda element: self._is_around_one(element, before))
        for element in elements:
            if self._is_full():
                break
            if attributes.is_image(element):
                self._addresses += 1
                found = [*around.pop(element.index, ()), *attributes.addresses_of(element)]
                if element.parent is not None:
                    found += sources.get(element.parent.index, ())
                yield from self._of_element(element, found)
            elif element.name == "source":
                continue
            elif found := [one for one in attributes.addresses_of(element) if not self._is_about(element, one, before)]:
                yield from self._of_element(element, found)
            elif inline := attributes.inline_pictures(element):
                yield Mention(inline=inline, alt=_label(element) or self._captions.of(element))

    def _around(self, before: list[int]) -> dict[int, list[Found]]:
        """What elements around a single image say of it, by the image's index; the nearest element first."""
        around: dict[int, list[Found]] = {}
        for element in self._document.elements:
            if not attributes.is_image(element) or before[element.index + 1] == before[element.index]:
                continue
            parent = element.parent
            for _ in range(MAX_LEVELS):
                if parent is None or parent.name in WHOLE_PAGE or not self._is_around_one(parent, before):
                    break
                own = [one for one in attributes.addresses_of(parent) if _is_about_content(one)]
                around.setdefault(element.index, []).extend(own)
                parent = parent.parent
        return around

    def _is_around_one(self, element: Element, before: list[int]) -> bool:
        inside = before[element.end] - before[element.index + 1]
        return inside == 1 and element.end - element.index <= MAX_AROUND

    def _is_about(self, element: Element, found: Found, before: list[int]) -> bool:
        """Whether an address of this element belongs to the single image inside."""
        if not _is_about_content(found) or element.name in WHOLE_PAGE or not self._is_around_one(element, before):
            return False
        return self._levels_to_image(element) <= MAX_LEVELS

    def _levels_to_image(self, element: Element) -> int:
        for inner in self._document.elements[element.index + 1 : element.end]:
            if _is_shown(inner):
                levels, parent = 1, inner.parent
                while parent is not None and parent is not element and levels <= MAX_LEVELS:
                    levels, parent = levels + 1, parent.parent
                return levels
        return MAX_LEVELS + 1

    def _of_element(self, element: Element, found: list[Found]) -> Iterator[Mention]:
        """One mention for the photo of the element, and one for each other that its attributes name."""
        shows = attributes.is_image(element)
        groups: dict[object, list[Found]] = {0: []} if shows else {}
        for one in found:
            groups.setdefault(one.group, []).append(one)
        label = _label(element)
        caption = "" if label else self._captions.of(element)
        for group, some in groups.items():
            is_own = shows and group == 0
            for mention in self._mention(some, label, element.name):
                mention.caption = caption
                if is_own and not mention.rejected:
                    mention.rejected = _why_not(element, mention)
                if not mention.rejected and element.name not in ("a", "area", "link"):
                    mention.rejected = self._furniture.why(element, mention.best.url)
                mention.is_shown = is_own
                mention.is_link = element.name in ("a", "area")
                mention.display_px = _pixels(element.attributes.get("width", "")) if is_own else 0
                yield mention
                break
            else:
                if is_own and (inline := attributes.inline_pictures(element)):
                    yield Mention(inline=inline, alt=label or caption, is_shown=True)

    def _of_styles(self) -> Iterator[Mention]:
        for _, style in self._document.texts_in("style"):
            for entries in styles.css_pictures(style):
                files = [one for one in entries if is_picture_file(one.address.partition("?")[0])]
                yield from self._mention(
                    [Found(one.address, "style", density=one.density, is_background=True) for one in files]
                )

    def _of_meta(self) -> Iterator[Mention]:
        for meta in self._document.named("meta"):
            names = (meta.attributes.get(name, "").strip().lower() for name in ("property", "name", "itemprop"))
            content = meta.attributes.get("content", "").strip()
            if content and META_IMAGES & set(names):
                yield from self._mention([Found(content, "meta")])

    def _of_script(self, text: str, files_only: bool = False) -> Iterator[Mention]:
        places: dict[int, list[notations.Quoted]] = {}
        for one in notations.quoted_pictures(text):
            if self._is_full():
                break
            if not files_only or _is_of_a_script_file(one):
                self._addresses += 1
                places.setdefault(one.place, []).append(one)
        for some in places.values():
            if len(some) <= MAX_SOURCES and attributes.are_sizes([one.key for one in some]):
                has_widths = len(some) > 1 and len({one.width_px for one in some} - {0}) == len(some)
                yield from self._mention([found for one in some for found in _of_quoted(one, has_widths)], some[-1].alt)
            else:
                for one in some:
                    yield from self._mention(list(_of_quoted(one)), one.alt)

    def _of_file(self, file: "LinkedFile") -> Iterator[Mention]:
        if file.kind == "script":
            yield from self._of_script(file.text, files_only=True)
        for url in file.pictures_for(self._document):
            yield from self._mention([Found(url, "style sheet", is_background=True)])

    def _mention(self, found: Iterable[Found], alt: str = "", element: str = "") -> Iterator[Mention]:
        """One mention, if one of the values is an address; if all are too long, the beginning of one, and why not."""
        named: dict[str, Named] = {}
        too_long = ""
        for number, one in enumerate(found):
            if self._is_full():
                break
            if number == MAX_ADDRESSES_OF_ELEMENT:
                self._document.note(f"more than {MAX_ADDRESSES_OF_ELEMENT} addresses in one element")
                break
            self._addresses += 1
            url = absolute(self._whole(one.value), self.base, self._document.encoding)
            if url and len(url) <= MAX_URL_CHARACTERS:
                self._addresses += _cost(url) - 1
                width = one.width_px or notations.named_width(one.value)
                way = f"{one.source or element}@{one.attribute}{f' {one.density:g}x' if one.density != 1 else ''}"
                new = Named(url, way, one.hint, width, one.width_px > 0, one.density, one.scale)
                if url not in named or new.says_more_than(named[url]):
                    named[url] = new
                alt = alt or one.alt
            elif (url or is_too_long(one.value)) and not too_long:
                too_long = absolute(one.value.strip()[:REJECTED_CHARS], self.base) or ""
        if named:
            yield Mention(list(named.values()), alt)
        elif too_long:
            yield Mention([Named(too_long[:REJECTED_CHARS], "")], alt, rejected=TOO_LONG)

    def _whole(self, value: str) -> str:
        """The address that a name of Wix stands for; any other value as it is."""
        if value.startswith("wix:image://"):
            value = value.partition("/v1/")[2].partition("/")[0]
        return f"{self._wix}{value}" if "/" not in value and WIX_NAME.match(value) else value

    def _is_full(self) -> bool:
        if self._addresses >= MAX_ADDRESSES:
            self._document.note(f"more than {MAX_ADDRESSES:,} addresses of photos")
        return self._addresses >= MAX_ADDRESSES


class LinkedFile:
    """A script or style sheet of the site. kind: `script` or `style`. text: of a script."""

    kind: str = "script"
    text: str = ""

    def pictures_for(self, document: Document) -> list[str]:  # noqa: ARG002
        """Absolute addresses of the pictures of a style sheet whose rules apply to an element of the page."""
        return []


def base_of(document: Document, page_url: str) -> str:
    """What relative addresses of the page are relative to."""
    hrefs = (base.attributes["href"] for base in document.named("base") if "href" in base.attributes)
    href = next(hrefs, "")
    if len(href) > MAX_BASE_CHARS:
        document.note(f"a base address of more than {MAX_BASE_CHARS:,} characters")
        href = ""
    return absolute(href or page_url, page_url) or page_url


def _is_shown(element: Element) -> bool:
    """Whether an image counts among those of the elements around it: one in <noscript> is a copy."""
    if not attributes.is_image(element):
        return False
    parent = element.parent
    for _ in range(2):
        if parent is None:
            break
        if parent.name == "noscript":
            return False
        parent = parent.parent
    return True


def _is_about_content(found: Found) -> bool:
    return found.group == 0 and not found.is_background


def _sources(document: Document) -> dict[int, list[Found]]:
    """What the <source> elements of each <picture> name, by its index."""
    sources: dict[int, list[Found]] = {}
    counts: dict[int, int] = {}
    for source in document.named("source"):
        if source.parent is None or source.parent.name != "picture":
            continue
        index = source.parent.index
        counts[index] = counts.get(index, 0) + 1
        if counts[index] > MAX_SOURCES:
            document.note(f"more than {MAX_SOURCES} sources of one picture")
        elif "svg" not in source.attributes.get("type", ""):
            sources.setdefault(index, []).extend(attributes.of_source(source, counts[index]))
    return sources


def _of_quoted(one: notations.Quoted, has_width: bool = False) -> Iterator[Found]:
    """has_width: whether the width beside the address is that of its picture, as where each size has its own."""
    entries = notations.srcset(one.address) if notations.is_srcset(one.address) else [notations.Entry(one.address)]
    for entry in entries:
        width_px = entry.width_px or (one.width_px if has_width else 0)
        yield Found(entry.address, one.key or "script", size_hint(one.key), width_px, entry.density)


def _is_of_a_script_file(one: notations.Quoted) -> bool:
    """Whether a string in a script file is a photo's address, and no part of a library: no drawing, no sprite."""
    path = one.address.partition("?")[0].lower()
    is_drawn = path.endswith((".gif", ".svg", ".ico", ".bmp"))
    return not is_drawn and is_picture_file(path) and not LIBRARY_PICTURE.search(path)


LIBRARY_PICTURE = re.compile(
    r"sprite|spinner|loader|loading|(?:^|[-_/])(?:icons?|arrows?|close|cursor|marker|layers|prev|next|blank|pixel|transparent"
    r"|shadow|placeholder|favicon|flags?|emoji)(?:[-_./]|\d)"
)


def _wix_media(document: Document) -> str:
    """Where the site keeps Wix's pictures: beside others of the page, or at Wix."""
    for image in document.named("img"):
        if found := WIX_PREFIX.match(image.attributes.get("src", "")[:400]):
            return found[1]
    return WIX_MEDIA


def _cost(url: str) -> int:
    return 1 + len(url) // ADDRESS_CHARS


def _label(element: Element) -> str:
    found = element.attributes
    return found.get("alt") or found.get("aria-label") or found.get("title") or ""


def _pixels(value: str) -> int:
    digits = re.match(r"\s*(\d{1,5})(?:px)?\s*\Z", value, re.ASCII)
    return int(digits[1]) if digits else 0


def _why_not(element: Element, mention: Mention) -> str:
    """Why an image is rejected by what its page says; empty where it is not."""
    width_px, height_px = (_pixels(element.attributes.get(side, "")) for side in ("width", "height"))
    if width_px == height_px == 1:
        return "one pixel"
    is_icon = 0 < width_px <= MAX_ICON_PX and 0 < height_px <= MAX_ICON_PX
    if is_icon and element.name != "image" and len(mention.named) == 1:  # the units of a drawing are no pixels
        return f"icon: shown at {width_px} by {height_px} pixels"
    if mention.named and all(DRAWING.search(urlsplit(one.url).path) for one in mention.named):
        return "drawing: SVG or icon file"
    return ""
