"""Templates of pages: which pages of a source behave alike, and whether scripts add something to them.

One rendering of a template says what the static reading missed. Where it missed nothing, the browser stays off for all
pages of the template.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crawlers.markup import Document, Element

MAX_TEMPLATES = 16  # of one source; pages of a further one count as the most similar template
MAX_MARKS = 300  # of one template
MAX_SOURCE_CHARS = 500  # of a script's address that are compared
MAX_SCRIPT_CHARS = 20_000  # of an inline script that are compared
# Renderings in a row that bring nothing of their own, before the browser stays off for a template.
PATIENCE = 2  # where an earlier one brought something
PATIENCE_GROWING = 3  # where the page's text says that it grows
PATIENCE_EMPTY = 6  # where the page is empty until scripts fill it
NO_CODE = re.compile(
    r"json|template|handlebars|mustache|importmap|speculationrules|text/(?:html|plain|x-)|shader", re.I
)
# A script without any of these words changes nothing in the page, and loads nothing.
ACTIVE = re.compile(
    r"createElement|innerHTML|outerHTML|insertAdjacent|append|prepend|replaceWith|replaceChildren|document\s?\.\s?write"
    r"|cloneNode|fetch\b|XMLHttpRequest|import\b|customElements|\.\s?src\b|srcset|setAttribute|backgroundImage"
    r"|style\s?\.|cssText|location|jQuery|\$\s?\(|\$\.|React|Vue|angular|Alpine|htmx|hydrate|mount|render|eval\b|atob"
    r"|IntersectionObserver|MutationObserver|DOMParser|new Function|document\s?\[|window\s?\["
)
# Hosts whose scripts count, sell or ask for consent, and show no photo of the page.
COUNTING_HOSTS = (
    "googletagmanager.com", "google-analytics.com", "googlesyndication.com", "doubleclick.net", "googleadservices.com",
    "connect.facebook.net", "static.hotjar.com", "clarity.ms", "bat.bing.com", "snap.licdn.com", "analytics.tiktok.com",
    "s.pinimg.com", "cdn.segment.com", "plausible.io", "static.cloudflareinsights.com", "matomo.cloud", "js.stripe.com",
    "consent.cookiebot.com", "cdn.cookielaw.org", "www.google.com", "www.gstatic.com", "maps.googleapis.com",
    "challenges.cloudflare.com", "stats.wp.com", "cdn.usefathom.com", "browser.sentry-cdn.com",
)  # fmt: skip
PLACES = (
    "div",
    "section",
    "main",
    "ul",
    "ol",
    "article",
    "aside",
    "nav",
    "header",
    "footer",
    "canvas",
    "tbody",
    "span",
)
DIGITS = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*", re.IGNORECASE)
QUOTED = re.compile(r"\"[^\"\n]*+\"|'[^'\n]*+'|`[^`]*+`")
WORD = re.compile(r"[A-Za-z_$]{3,40}")
MAX_WORDS_OF_PLACE = 3  # "Loading …" is no content


def has_script(document: Document) -> bool:
    """Whether a page runs a script that may add something to it."""
    inline = dict.fromkeys(owner.index for owner, text in document.texts_in("script") if ACTIVE.search(text))
    return any(
        not _is_counting(source) if (source := script.attributes.get("src", "").strip()) else script.index in inline
        for script in _code(document)
    )


def marks(document: Document, url: str, photos: int) -> frozenset[str]:
    """What pages of one template share: their scripts, the empty places that scripts fill, and the form of the address.

    photos: that were read without a browser.
    """
    texts = {owner.index: text for owner, text in document.texts_in("script")}
    depth = min(2, len([part for part in urlsplit(url).path.split("/") if part]))
    found = {f"level {depth}", f"photos {min(2, photos)}"}
    for script in _code(document):
        if source := script.attributes.get("src", ""):
            found.add(f"script {DIGITS.sub('', source.partition('?')[0][:MAX_SOURCE_CHARS])}")
        elif ACTIVE.search(text := texts.get(script.index, "")[:MAX_SCRIPT_CHARS]):
            found.update(f"word {word}" for word in WORD.findall(QUOTED.sub("", text)))
    for place in _empty_places(document):
        if len(found) >= MAX_MARKS:
            break
        found.add(place)
    return frozenset(found)


@dataclass
class Template:
    """What is known of one template. is_rendered: None until the first rendering.

    common: what each rendering found and the static reading did not. turn: held by the rendering that decides.
    """

    marks: frozenset[str]
    is_rendered: bool | None = None
    renderings: int = 0
    fruitless: int = 0
    common: set[str] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_undecided(self) -> bool:
        return self.is_rendered is None

    def is_off(self) -> bool:
        """Whether the browser stays off for its pages."""
        return self.is_rendered is False

    def learn(self, missed: set[str], patience: int = 0) -> None:
        """Take in a rendering. missed: what it found beyond the static reading. patience: at least so many more."""
        own = missed if not self.renderings else missed - self.common
        self.common = set(missed) if not self.renderings else self.common & missed
        self.renderings += 1
        self.fruitless = 0 if own else self.fruitless + 1
        if own:
            self.is_rendered = True
        elif self.is_rendered is None or self.fruitless >= max(PATIENCE, patience):
            self.is_rendered = self.fruitless < patience


class Templates:
    """The templates of one source."""

    def __init__(self) -> None:
        self.known: dict[frozenset[str], Template] = {}

    def of(self, page_marks: frozenset[str]) -> Template:
        """The template of a page with these marks; beyond MAX_TEMPLATES, the most similar one."""
        if (found := self.known.get(page_marks)) is None:
            if len(self.known) >= MAX_TEMPLATES:
                return max(self.known.values(), key=lambda template: _similarity(template.marks, page_marks))
            found = self.known[page_marks] = Template(page_marks)
        return found


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _code(document: Document) -> Iterator[Element]:
    """The <script> elements that run."""
    for script in document.named("script"):
        if not NO_CODE.search(script.attributes.get("type", "")):
            yield script


def _is_counting(source: str) -> bool:
    host = source.partition("//")[2].partition("/")[0].partition(":")[0].lower()
    return any(host == known or host.endswith(f".{known}") for known in COUNTING_HOSTS)


def _empty_places(document: Document) -> Iterator[str]:
    """Elements with a name of their own that hold no image, no link and hardly a word."""
    counted = [0]
    for element in document.elements:
        counted.append(counted[-1] + (element.name in ("img", "a", "picture", "input", "iframe")))
    for element in document.elements:
        is_own = "-" in element.name
        if not (is_own or element.name in PLACES) or counted[element.end] != counted[element.index]:
            continue
        attributes = element.attributes
        name = f"{attributes.get('id', '')[:100]} {attributes.get('class', '')[:200]}".strip()
        texts = document.texts[element.first_text : min(element.end_text, element.first_text + MAX_WORDS_OF_PLACE + 1)]
        if (name or is_own) and sum(len(text[:200].split()) for _, text in texts) <= MAX_WORDS_OF_PLACE:
            yield f"place {element.name} {DIGITS.sub('', name)}"
