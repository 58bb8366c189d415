"""What a page shows besides its content: logos, avatars, placeholders, badges, advertisements.

The names of elements, the place of a picture and where it leads decide; of its address, only whole names do. A photo
called `wedding-logo-cake.jpg` is one.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from crawlers.markup import Element
from crawlers.sites.originals import absolute
from crawlers.sites.reading.mentions import MAX_LEVELS, NOT_CONTENT
from crawlers.sites.reading.words import MAX_FOLDERS, PICTURE_WORDS, WORD, frozenset_of, words_of
from crawlers.sites.walking.hosts import site_host

MAX_ELEMENTS = 40  # of an element whose class says that what is inside is no content
MAX_ANCHOR_ELEMENTS = 15  # of a link; one that its page forgets to end has more
MAX_EDGE_LEVELS = 25  # of elements around an image, up to the header or the footer
MAX_TOKENS = 20  # classes of one element
MANY_LINKS = 3  # around images, to one other site: a feed from there
EDGE_ROLES = {"banner": "header", "navigation": "header", "contentinfo": "footer"}
HOME = re.compile(r"/(?:(?:index|home|default)\.\w{3,5})?")
# What a site shows besides its content: in a class or an id, the last word that is not in BOX_WORDS; a folder; a file's
# whole name.
FURNITURE_WORDS = frozenset_of(
    """
    logo logos logotype brandmark wordmark avatar avatars gravatar userpic author favicon emoji emojis smiley smilies
    captcha sponsor sponsors advert adverts advertisement advertisements ad ads adsbygoogle payment payments creditcards
    manufacturer qr qrcode
    """
)
BOX_WORDS = frozenset_of(
    """
    img image images pic picture photo icon icons svg png link links url wrap wrapper container box inner outer holder
    block item items list row col column cell site header head footer foot main custom desktop mobile brand branding
    heading store shop nav navbar w menu the text default sticky retina light dark normal unknown size center left right
    top bottom small large medium thumb thumbnail primary secondary banner slot unit widget round circle circular
    methods method area frame portrait code wp x fl fluid responsive full width height
    """
)
# With a word of a picture after it, a person: `user-picture`, `testimonial__image`.
PERSON_WORDS = frozenset_of("profile user testimonial testimonials commenter reviewer")
PORTRAIT_WORDS = PICTURE_WORDS | {"portrait"}
EDGE_WORDS = frozenset_of("header masthead footer colophon")
FIRST_EDGE_WORDS = EDGE_WORDS | frozenset_of("site page global main top bottom widget")
FURNITURE_FOLDERS = frozenset_of(
    """
    avatar avatars emoji emojis smilies smileys favicons placeholder placeholders captcha logos icons badges payment
    payments manufacturer manufacturers sponsors plugins
    """
)
FURNITURE_NAME = re.compile(  # of a file without its measures
    r"(?:[a-z]{1,20}[-_]?)?(?:place-?holder|no[-_]?(?:image|photo|pic|picture|img)(?:[-_]?(?:available|found|yet))?"
    r"|(?:image|photo|picture)[-_]?(?:not[-_]?(?:available|found)|coming[-_]?soon)|coming[-_]?soon)(?:[-_]?(?:image|img|product))?"
    r"|product[-_]?default|default[-_]?(?:product|avatar|user)|logo|favicon|apple-touch-icon|avatar|sprites?|spinner|(?:ajax-?)?loader"
    r"|spacer|captcha|qr-?code|static-?map",
    re.IGNORECASE,
)
MEASURES = re.compile(r"(?:[-_.@]{0,2}(?:\d{1,12}x?|x\d{1,4}|original))++\Z", re.IGNORECASE)
# In the header or the footer of a page, a word of these in the text or the file's name of a picture says it, too.
HEADER_WORDS = FURNITURE_WORDS - {"author", "ad", "ads"}
FOOTER_WORDS = HEADER_WORDS | frozenset_of(
    """
    pay secure secured security ssl badge badges seal award awards certified certificate certification trust trusted
    rating ratings icon icons accepted creditcard visa mastercard
    """
)


class Furniture:
    """What a page at `page_url` says of its images. base: what its addresses are relative to."""

    def __init__(self, images: Sequence[Element], base: str, page_url: str) -> None:
        self._host = site_host(page_url)
        self._targets: dict[int, tuple[str, str]] = {}  # host and path that the links around images lead to
        for image in images:
            if (anchor := image.anchor) is not None:
                href = anchor.attributes.get("href", "").strip()
                # A link to a place of the page itself leads nowhere.
                url = absolute(href, base) if href and not href.startswith("#") else None
                self._targets[anchor.index] = (site_host(url), urlsplit(url).path) if url else ("", "")
        self._hosts = Counter(host for host, _ in self._targets.values())

    def why(self, image: Element, url: str) -> str:
        """Why an image with this address is no content of the page; empty where nothing says so."""
        if name := self._name_around(image):
            return f"{NOT_CONTENT}`{name[:50]}`"
        edge = _edge(image)
        said = words_of(image.attributes.get("alt", "")) | words_of(urlsplit(url).path.rpartition("/")[2])
        is_mark = bool(said & (FOOTER_WORDS if edge == "footer" else HEADER_WORDS))
        anchor = image.anchor
        if anchor is not None and anchor.end - anchor.index <= MAX_ANCHOR_ELEMENTS:
            rel = anchor.attributes.get("rel", "").lower().split()
            host, path = self._targets.get(anchor.index, ("", ""))
            if "sponsored" in rel:
                return f"{NOT_CONTENT}a sponsored link"
            if "home" in rel or ((edge or is_mark) and host == self._host and HOME.fullmatch(path)):
                return f"{NOT_CONTENT}a link to the home page"
            is_mark = is_mark or (bool(host) and host != self._host and self._hosts[host] < MANY_LINKS)
        return f"{NOT_CONTENT}a mark in the {edge}" if edge and is_mark else ""

    def _name_around(self, image: Element) -> str:
        """The class or id of an image, or of a small element around it, that names what is no content."""
        around: Element | None = image
        for _ in range(MAX_LEVELS + 1):
            if around is None or around.name == "body" or around.end - around.index > MAX_ELEMENTS:
                break
            own = around.attributes
            tokens = f"{own.get('class', '')} {own.get('id', '')} {own.get('itemprop', '')}".split(None, MAX_TOKENS)
            if name := next((one for one in tokens[:MAX_TOKENS] if names_furniture(one)), ""):
                return name
            around = around.parent
        return ""


def _edge(image: Element) -> str:
    """Whether an image is in the header or the footer of its page; empty where it is in neither."""
    edge = ""
    around = image.parent
    for _ in range(MAX_EDGE_LEVELS):
        if around is None or around.name in ("body", "article", "main"):
            break
        own = around.attributes
        tokens = f"{own.get('class', '')} {own.get('id', '')}".split(None, MAX_TOKENS)[:MAX_TOKENS]
        name = {"nav": "header", "header": "header", "footer": "footer"}.get(around.name, "")
        found = name or EDGE_ROLES.get(own.get("role", ""), "") or next(filter(None, map(_edge_of, tokens)), "")
        edge = edge or found
        around = around.parent
    return "" if around is not None and around.name in ("article", "main") else edge


@lru_cache(maxsize=4096)
def names_furniture(token: str) -> bool:
    """Whether a class or an id names what is no content: `custom-logo-link`, not `logo-cakes`, `has-logo`."""
    words = [word.lower() for word in WORD.findall(token[:100])]
    boxes = set()
    while words and (words[-1] in BOX_WORDS or words[-1].isdigit()):
        boxes.add(words.pop())
    if not words:
        return "brand" in boxes
    if words[-1] in PERSON_WORDS:
        return bool(boxes & PORTRAIT_WORDS)
    return words[-1] in FURNITURE_WORDS and words[0] not in ("has", "with", "no", "without", "is", "hide")


@lru_cache(maxsize=4096)
def _edge_of(token: str) -> str:
    """The edge of a page that a class or an id names: `site-footer`, not `card-footer`."""
    words = [word.lower() for word in WORD.findall(token[:100])]
    if not words or words[0] not in FIRST_EDGE_WORDS or not EDGE_WORDS.intersection(words):
        return ""
    return "footer" if {"footer", "colophon"}.intersection(words) else "header"


def is_furniture_address(url: str) -> bool:
    """Whether a folder of an address, or the whole name of its file, says that it is no photo."""
    *folders, name = urlsplit(url).path.lower().split("/")
    if FURNITURE_FOLDERS.intersection(folders[:MAX_FOLDERS]) and ".php" not in name:
        return True
    stem = MEASURES.sub("", name.partition(".")[0][:60])
    return FURNITURE_NAME.fullmatch(stem) is not None
