"""What a page says of its photos: addresses with their evidence, grouped as the page groups them, and captions."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from html import unescape

from crawlers.markup import Document, Element

MAX_CAPTION_CHARS = 1_000
MAX_CAPTION_PARTS = 40  # text nodes of a caption
MAX_CAPTION_ELEMENTS = 60  # among which a caption is looked for
MAX_LEVELS = 5  # of elements around an image that say something of it
MAX_FIGURE_IMAGES = 2  # of a figure whose caption is about each; the second one is shown on hover, or in its lightbox
CAPTION_NAME = re.compile(r"(?:caption|alt|desc|description|sub-?html)\Z")
TITLE_NAME = re.compile(r"title\Z")
NOT_CONTENT = "not content: "  # begins why a picture of the site's furniture is rejected
TAG = re.compile(r"<[^<>]*+>")
BACKSLASHES = re.compile(r"\\++")
NO_CAPTION = re.compile(
    r"[{\[#./]|https?:|(?:true|false|yes|no|none|null|auto|on|off|undefined)\Z|[^\w]*\Z", re.IGNORECASE
)


class Evidence(StrEnum):
    """Why an address is one of a photo's, the strongest first."""

    WIDTH = "named by the page with its width"
    NAMED = "named by the page"
    GUESS = "guessed by a rule"


@dataclass(frozen=True)
class Named:
    """An address that a page names. way: element and attribute, or key. hint: see words.size_hint.

    width_px: that the page or the address itself names; 0 for none. is_written: whether the page names the width.
    density: of `2x` in a srcset. scale: how much larger than others the media of its <source> let it be.
    """

    url: str
    way: str
    hint: int = 1
    width_px: int = 0
    is_written: bool = False
    density: float = 1.0
    scale: float = 1.0

    @property
    def evidence(self) -> Evidence:
        return Evidence.WIDTH if self.is_written else Evidence.NAMED

    @property
    def rank(self) -> float:
        """How large the picture is likely to be, in pixels of width."""
        return (
            self.width_px * (1.0 if self.is_written else 0.999)
            or LIKELY_WIDTHS_PX[self.hint] * self.density * self.scale
        )

    def says_more_than(self, other: "Named") -> bool:
        """Which of two mentions of one address counts: a width that is written says more than an attribute's name."""
        if self.is_written != other.is_written:
            plain = other if self.is_written else self
            if plain.hint <= 1 and not plain.width_px:
                return self.is_written
        return self.rank > other.rank


LIKELY_WIDTHS_PX = (100.0, 600.0, 1000.0, 4000.0)  # by hint, for addresses that name no width


@dataclass
class Mention:
    """One element, style, object or list entry of a page that names one photo, by one or more addresses.

    caption: what stands around it, for a photo that no `alt` describes.
    is_shown: whether an element shows the picture; a link, a script or a style only names it. inline: `data:` addresses
    with a picture inside that is large enough for a photo. display_px: width that the element has on the page.
    """

    named: list[Named] = field(default_factory=list)
    alt: str = ""
    caption: str = ""
    rejected: str = ""
    is_shown: bool = False
    is_link: bool = False
    inline: list[str] = field(default_factory=list)
    display_px: int = 0

    @property
    def best(self) -> Named:
        return max(self.named, key=lambda one: one.rank)


def plain_text(value: str) -> str:
    """What a reader sees of an attribute or a string that may hold HTML."""
    return " ".join(unescape(TAG.sub(" ", value[: 4 * MAX_CAPTION_CHARS])).split())[:MAX_CAPTION_CHARS]


def sentence(raw: str) -> str:
    """The text that a string of JSON or of a script means."""
    text = raw[: 4 * MAX_CAPTION_CHARS]
    if "\\" in text:
        text = BACKSLASHES.sub(r"\\", text)
        try:
            text = str(json.loads(f'"{text}"', strict=False))
        except ValueError:
            text = text.replace("\\", "")
    return plain_text(text)


class Captions:
    """What a page writes about an image beside it.

    images_before: how many images come before each element. is_around_one: whether an element is around a single image
    and little else.
    """

    def __init__(self, document: Document, images_before: list[int], is_around_one: Callable[[Element], bool]) -> None:
        self._document = document
        self._before = images_before
        self._is_around_one = is_around_one

    def of(self, element: Element) -> str:
        """The caption of an image, or of an element that names one; empty if there is none.

        Attributes that are called a caption come first, what the page shows as one is next, and titles are last.
        """
        around = [element]
        parent = element.parent
        while parent is not None and len(around) <= MAX_LEVELS and self._is_around_one(parent):
            around.append(parent)
            parent = parent.parent
        return (
            next((text for one in around if (text := self._attribute(one, CAPTION_NAME))), "")
            or self._described(element)
            or self._shown(element, around)
            or next((text for one in around if (text := self._attribute(one, TITLE_NAME))), "")
        )

    def _attribute(self, element: Element, name: re.Pattern[str]) -> str:
        for key, value in element.attributes.items():
            if not name.search(key) or key == "alt":
                continue
            if value.startswith("#") and value[1:] in self._by_id:  # a selector, as lightGallery allows
                return self._text(self._by_id[value[1:]])
            text = plain_text(value)
            if not NO_CAPTION.match(text):
                return text
        return ""

    def _described(self, element: Element) -> str:
        names = element.attributes.get("aria-describedby", "").split(None, 5)[:5]
        return next((self._text(self._by_id[name]) for name in names if name in self._by_id), "")

    def _shown(self, element: Element, around: list[Element]) -> str:
        """The text of what is called a caption in the elements around an image, or in its figure."""
        whole = around[-1]
        parent = element.parent
        for _ in range(2 * MAX_LEVELS):
            if parent is None or parent.name == "figure":
                break
            parent = parent.parent
        if parent is not None and parent.name == "figure" and parent.index < whole.index:
            images = self._before[parent.end] - self._before[parent.index]
            whole = parent if images <= MAX_FIGURE_IMAGES else whole
        for one in self._document.elements[whole.index + 1 : min(whole.end, whole.index + MAX_CAPTION_ELEMENTS)]:
            is_caption = one.name == "figcaption" or "caption" in one.attributes.get("class", "").lower()
            if is_caption and not one.index <= element.index < one.end and (text := self._text(one)):
                return text
        return ""

    @cached_property
    def _by_id(self) -> dict[str, Element]:
        return {name: one for one in reversed(self._document.elements) if (name := one.attributes.get("id", ""))}

    def _text(self, element: Element) -> str:
        last = min(element.end_text, element.first_text + MAX_CAPTION_PARTS)
        texts = self._document.texts[element.first_text : last]
        return plain_text(
            " ".join(text[:MAX_CAPTION_CHARS] for owner, text in texts if owner.name not in ("script", "style"))
        )
