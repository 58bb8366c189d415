"""What one attribute of an element names: one rule for every element and attribute, and the few that mean more."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from crawlers.markup import Element
from crawlers.sites.reading import notations, styles
from crawlers.sites.reading.nested import page_parameter
from crawlers.sites.reading.words import (
    LAZY_WORDS,
    OTHER_WORDS,
    PAGE_WORDS,
    PICTURE_WORDS,
    SERVICE,
    THUMB_WORDS,
    WIX_NAME,
    frozenset_of,
    is_picture_file,
    is_picture_key,
    names_a_picture,
    size_hint,
    words_of,
)

IMAGES = ("img", "amp-img")
IGNORED = frozenset_of(
    """
    class id title alt rel type name role for width height loading sizes media lang dir integrity crossorigin
    tabindex target method action formaction placeholder d points viewbox transform fill itemtype itemprop
    itemscope property charset cite xmlns decoding fetchpriority usemap hreflang ping datetime onerror
    """
)
SILENT = ("script", "style", "iframe", "frame", "audio", "track", "base", "meta", "form", "html", "title", "noscript")
BACKGROUND_WORDS = frozenset_of("bg background backgrounds setbg style parallax cover bgset")
SECOND_WORDS = ("hover", "flip", "secondary", "second", "back", "after", "before", "alternate", "rollover", "over",
                "mouseover", "next", "prev")  # fmt: skip
ROLLOVER = re.compile(r"\A\s{0,20}this\.src\s{0,5}=")  # in an onmouseover
FULL_SRC = ("src", "data-src", "data-original", "data-lazy-src")
QUOTES = re.compile(r"[\"'`]|&quot;|&#3[49];")
NO_ADDRESS = re.compile(r"[<>{}|^\n\r\t]|\A#|\Adata:|\Ablob:|\Aabout:|\Ajavascript:", re.IGNORECASE)
INLINE = re.compile(r"data:image/(?:jpe?g|png|webp|avif|gif);base64,", re.IGNORECASE)
MIN_INLINE_CHARS = 8_000  # shorter ones are placeholders: a photo of 200 pixels has 10 KB
MAX_MEDIA_CHARS = 100  # of the condition of a <source>
MIN_WIDTH, MAX_WIDTH = (
    re.compile(
        rf"(?:{word}-(?:device-)?width\s{{0,5}}:|width\s{{0,5}}{sign}=?)\s{{0,5}}(\d{{1,5}}(?:\.\d{{1,3}})?)(px|r?em)",
        re.IGNORECASE,
    )
    for word, sign in (("min", ">"), ("max", "<"))
)
MAX_SIZES = 20  # addresses of one photo in an object
TEMPLATE = re.compile(r"\{(?:width|size|w)\}|%7Bwidth%7D", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """An address as it is written. group: 0 is the photo of the element itself, anything else another photo.

    is_background: whether the element has it behind what it shows. source: which <source> of a <picture> has it.
    scale: see Named.scale.
    """

    value: str
    attribute: str
    hint: int = 1
    width_px: int = 0
    density: float = 1.0
    group: int = 0
    is_background: bool = False
    alt: str = ""
    source: str = ""
    scale: float = 1.0


def is_image(element: Element) -> bool:
    """Whether an element shows a picture by itself."""
    if element.name in IMAGES:
        return True
    if element.name == "image":
        return True
    return element.name == "input" and element.attributes.get("type", "").lower() == "image"


def inline_pictures(element: Element) -> list[str]:
    """Pictures that stand in the page itself, in `src`, its lazy siblings or the style of an element."""
    values = [value for name, value in element.attributes.items() if len(value) > MIN_INLINE_CHARS]
    found = (value.find("data:image/") for value in values)
    return [
        value[at:].split(")", 1)[0].rstrip("\"' ")
        for value, at in zip(values, found, strict=True)
        if at >= 0 and INLINE.match(value, at)
    ][:1]


def addresses_of(element: Element) -> Iterator[Found]:
    """What the attributes of an element name, each with its hint of size."""
    name = element.name
    if name in SILENT:
        return
    if name == "link":
        yield from _of_link(element)
        return
    shows = is_image(element)
    for attribute, raw in element.attributes.items():
        value = raw.strip()
        if attribute in IGNORED or len(value) < 2 or attribute.startswith("aria-"):
            continue
        if name == "source" and attribute == "src" and _is_media(element):
            continue
        if name in ("video", "embed", "object") and attribute == "src" and not is_picture_file(value.partition("?")[0]):
            continue
        if attribute == "href" and name in ("a", "area"):
            yield from _of_href(value)
        else:
            yield from _of_value(shows, name, attribute, value)


def of_source(source: Element, number: int) -> Iterator[Found]:
    """What a <source> of a <picture> names. Its media say which source it is, wherever it stands; else its number."""
    media = source.attributes.get("media") or source.attributes.get("data-media") or ""
    name = "".join(media.lower().split())[:MAX_MEDIA_CHARS] or str(number)
    scale = _scale(media[:MAX_MEDIA_CHARS])
    for found in addresses_of(source):
        yield replace(found, source=f"source:{name}", scale=scale)


def _scale(media: str) -> float:
    """What is shown on wide screens is likely larger than what is shown anywhere, and that than what phones get."""
    least = [_screen_px(*found) for found in MIN_WIDTH.findall(media)]
    most = [_screen_px(*found) for found in MAX_WIDTH.findall(media)]
    if most:
        return 0.5 + min(max(most), 4_000.0) / 10_000
    return 1.5 + min(max(least), 4_000.0) / 10_000 if least else 1.0


def _screen_px(number: str, unit: str) -> float:
    return float(number) * (1 if unit.lower() == "px" else 16)


def _of_value(shows: bool, element: str, attribute: str, value: str) -> Iterator[Found]:
    words = words_of(attribute)
    hint = size_hint(attribute)
    is_rollover = attribute == "onmouseover" and ROLLOVER.match(value) is not None
    group = _second({"mouseover"} if is_rollover else words)
    is_background = bool(words & BACKGROUND_WORDS) and not shows
    if attribute.endswith("srcset") or attribute.endswith("bgset"):
        for entry in notations.srcset(value):
            yield Found(entry.address, attribute, hint, entry.width_px, entry.density, group, is_background)
    elif attribute == "style" or "url(" in value.lower() or "image-set(" in value:
        for number, entries in enumerate(styles.css_pictures(value)):
            for one in entries:
                if not one.address.startswith(("data:", "#")):
                    hint = 0 if shows else hint
                    yield Found(one.address, attribute, hint, 0, one.density, group=number, is_background=True)
    elif notations.is_srcset(value) and not NO_ADDRESS.search(value):
        for entry in notations.srcset(value):
            yield Found(entry.address, attribute, hint, entry.width_px, entry.density, group)
    elif value[0] == "[" and (pairs := notations.interchange(value)):
        for address, word in pairs:
            yield Found(address, f"{attribute} {word}", size_hint(word), group=group)
    elif QUOTES.search(value) and (quoted := list(notations.quoted_pictures(value))):
        for found in _of_quoted(shows, attribute, quoted):
            yield replace(found, group=group) if is_rollover else found
    elif parts := [] if shows and attribute in FULL_SRC else notations.listed(value):
        for number, part in enumerate(parts):
            yield Found(part, attribute, hint, group=2 + number)
    elif _is_picture(shows, element, attribute, value):
        yield Found(value, attribute, hint, group=group or _number(attribute), is_background=is_background)


def _second(words: Collection[str]) -> int:
    """A group for each word of another picture: `data-before` and `data-after` are two."""
    return next((-1 - number for number, word in enumerate(SECOND_WORDS) if word in words), 0)


def _number(attribute: str) -> int:
    """A group of its own for each of `data-image2`, `data-image3`."""
    digits = re.search(r"(?:image|img|photo|pic|slide|picture)s?-?(\d)\Z", attribute)
    return 0 if not digits or digits[1] in "01" else 100 + int(digits[1])


def _of_quoted(shows: bool, attribute: str, quoted: list[notations.Quoted]) -> Iterator[Found]:
    """One photo for each object of the JSON; an image element has one photo, whatever its JSON is made of."""
    groups = {one.place: number for number, one in enumerate(quoted)}
    keys: dict[int, list[str]] = {}
    for one in quoted:
        keys.setdefault(one.place, []).append(one.key)
    sized = {place for place, some in keys.items() if len(some) <= MAX_SIZES and are_sizes(some)}
    together = shows or (len(groups) == 1 and (len(quoted) == 1 or are_sizes([one.key for one in quoted])))
    for number, one in enumerate(quoted):
        if together:
            group = 0
        elif one.place in sized:
            group = 1_000 + groups[one.place]
        else:
            group = 1_000_000 + number
        for entry in (
            notations.srcset(one.address) if notations.is_srcset(one.address) else [notations.Entry(one.address)]
        ):
            way = f"{attribute} {one.key}".strip()
            hint = size_hint(one.key or attribute)
            yield Found(entry.address, way, hint, entry.width_px, entry.density, group, alt=one.alt)


def are_sizes(keys: list[str]) -> bool:
    """Whether these keys of one object name one photo in several sizes, as `thumb` and `large` do."""
    if len(keys) < 2:
        return True
    if len(set(keys)) < len(keys) or not all(keys):
        return False
    if sum(key.rpartition(" ")[2].isdigit() for key in keys) == len(keys) - 1 > 1:  # one beside widths: `d`, 320, 640
        return True
    stems = [numbered[1] for key in keys if (numbered := NUMBERED.fullmatch(key))]
    if len(set(stems)) < len(stems):  # `src1` and `src2`
        return False
    return (
        all(SIZE_KEY.fullmatch(key) or SIZED_ADDRESS.fullmatch(key) for key in keys)
        and len({noun for key in keys if (noun := _noun(key))}) < 2
    )


def _noun(key: str) -> str:
    """What a key names, without words of size: two nouns are two pictures, as `image2` and `image3` are."""
    words = words_of(key)
    nouns = sorted(words & NOUNS)
    numbers = sorted(word for word in words if word.isdigit() and len(word) < 3)
    return f"{nouns[0].rstrip('s')}{''.join(numbers)}" if nouns else ""


NOUNS = frozenset_of("image images img photo photos picture pictures pic poster media slide")
SIZE_KEY = re.compile(
    r"(?:(?:image|img|photo|picture|pic|src|url|uri|href|file|path|source|thumb(?:nail)?s?|small|medium|large|big|full|fullsize"
    r"|original|orig|raw|regular|tiny|mini|preview|placeholder|lqip|blur|low|high|hi|res|hd|retina|desktop|tablet|mobile|srcset"
    r"|xl|lg|md|sm|xs|content|contenturl|zoom|webp|avif|jpg|jpeg|fallback|default|lazy|size|square|standard|width|w|x|the|poster"
    r"|media|item|link|derivative|format|rendition)s?[_\-. ]?|\d{1,4}[wx]?[_\-. ]?){1,8}",
    re.IGNORECASE,
)

NUMBERED = re.compile(r"([^\d]{1,60})\d{1,2}")
# `src` and `msrc`, `url_m` and `url_o`: what is before or after may say a size, and no more.
SIZE_LETTERS = "(?:[cfhkmnoqstwxz]|l[gqr]?|sq|t[hn]|sm|md|x[ls]|h[diqr]|sd)"
SIZED_ADDRESS = re.compile(rf"(?:{SIZE_LETTERS}[_-]?)?(?:src|url|uri|href)(?:[_-]?{SIZE_LETTERS})?", re.IGNORECASE)


def _of_href(value: str) -> Iterator[Found]:
    head = value.partition("?")[0].partition("#")[0]
    if value[:11].lower() == "javascript:":
        for one in notations.quoted_pictures(value):
            yield Found(one.address, "href script", 3)
    elif is_picture_file(head) or (SERVICE.search(value) and not NO_ADDRESS.search(value)):
        yield Found(value, "href", 3)
    elif (inside := page_parameter(value)) and is_picture_file(inside.partition("?")[0]):
        yield Found(inside, "href inside", 3)


def _of_link(element: Element) -> Iterator[Found]:
    """A `<link>` names what is preloaded, or the picture of the page; every other one names an icon or no picture."""
    rel = element.attributes.get("rel", "").lower().split()
    is_preload = element.attributes.get("as", "").lower() == "image" and bool({"preload", "prefetch"} & set(rel))
    if not (is_preload or "image_src" in rel or "image" in element.attributes.get("itemprop", "").lower()):
        return
    for entry in notations.srcset(element.attributes.get("imagesrcset", "")):
        yield Found(entry.address, "imagesrcset", 1, entry.width_px, entry.density)
    if href := element.attributes.get("href", "").strip():
        yield Found(href, "href", 1)


def _is_picture(shows: bool, element: str, attribute: str, value: str) -> bool:
    """Whether the single address in an attribute is a picture's."""
    if NO_ADDRESS.search(value) and not TEMPLATE.search(value):
        return False
    if shows and attribute in FULL_SRC:
        return True
    if element == "image" and attribute in ("href", "xlink:href"):
        return True
    if (element, attribute) in (("video", "poster"), ("amp-video", "poster")) or attribute == "background":
        return "/" in value or names_a_picture(value)
    words = words_of(attribute)
    if WIX_NAME.search(value):
        return True
    if names_a_picture(value):
        is_text = bool(words & OTHER_WORDS) and "/" not in value
        return not is_text and value.count(" ") <= 8
    if " " in value or words & PAGE_WORDS or notations.OTHER_FILE.search(value) or not notations.ADDRESS.match(value):
        return False
    if is_picture_key(attribute):
        return True
    last = re.split(r"[-_:]", attribute)[-1]
    return (
        shows
        and last not in OTHER_WORDS
        and bool(words & (LAZY_WORDS | PICTURE_WORDS | THUMB_WORDS) or size_hint(attribute) == 3)
    )


def _is_media(source: Element) -> bool:
    return source.parent is not None and source.parent.name in ("video", "audio")
