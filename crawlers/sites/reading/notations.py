"""How pages write addresses: srcset, lists, strings in JSON and scripts. Pure functions, linear in their input.

A regular expression here never tries again what it has read: its repetitions are bounded or possessive, and what
starts inside a run that another start has read is not read twice.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from crawlers.sites.reading.mentions import sentence
from crawlers.sites.reading.words import frozenset_of, is_picture_key, names_a_picture, words_of

SRCSET_ADDRESS = re.compile(r"[\s,]*+(\S++)")
SRCSET_DESCRIPTORS = re.compile(r"(?:[^,()]++|\([^)]*+\)?)*+")
SRCSET_LIKE = re.compile(r"\s[0-9]{1,5}(?:\.[0-9]{1,5})?[wx]\s*+(?:,|\Z)")
DESCRIPTOR = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,7})?)([wxh])\Z")
INTERCHANGE = re.compile(r"\[\s*+([^,\[\]\"]{1,2000}+),\s*+\(?([\w-]{1,40})\)?\s*+\]")
LIST_SEPARATOR = re.compile(r"[,;|\n]")
WIDTHS_IN_ADDRESS = re.compile(
    r"[-_/](\d{2,4})x\d{2,4}(?=[-_/.@])|[-_/](\d{2,4})x(?=[./])|[-_](\d{3,4})w?(?=\.\w{3,4}(?:[?.]|\Z))"
    r"|[?&/,;:](?:w|width|wid|maxwidth|imwidth|max-w)[=_:](\d{2,4})(?=[&,/;.:]|\Z)|[?&]format=(\d{2,4})w"
    r"|/s(\d{3,4})/|=[sw](\d{3,4})(?=-|\Z)|/w(\d{3,4})-h\d",
    re.ASCII | re.IGNORECASE,
)
TOKEN = re.compile(r"\\++[\"'`]?|[\"'`]|&(?:quot|\#34|\#39|apos);|[{}\[\]]")
KEY = re.compile(r"([\w$-]{1,60})\s?\\{0,8}(?:[\"'`]|&quot;|&\#34;)?\s{0,4}[:=]\s{0,4}\Z")
KEY_CHARS = 90  # before a string, where its key stands
UNICODE_ESCAPE = re.compile(r"\\{1,8}(?:u00|x)([0-9a-fA-F]{2})")
SLASH_ESCAPE = re.compile(r"\\{1,8}/")
MAX_STRING_CHARS = 2_000  # of an address in a script
OPENERS = 3  # quotes that may be inside a string: "mom's cake.jpg"
MAX_OPEN = 10_000  # brackets inside each other
MAX_SIZE_LEVELS = 4  # of objects that hold the sizes of one photo
SIZES = re.compile(
    r"sizes|formats|variants?|renditions|derivatives|srcsets?|sources|media_?details|urls|thumbnails?|thumbs?|small|medium|large|full"
    r"|original|tiny|preview|[a-z_]{0,12}(?:thumbnail|medium|large)[a-z_]{0,12}|\d{2,4}(?:x\d{2,4})?|xs|sm|md|lg|xl",
    re.IGNORECASE,
)
SIZE_LIST = re.compile(r"sizes|formats|renditions|derivatives|srcsets?", re.IGNORECASE)  # of one photo only
MAX_SIZE_CHARS = 300  # of an object of one size
BRACE = re.compile(r"[{}]")
WIDTH_KEY = re.compile(r"\b(?:width|w)\\{0,8}(?:[\"']|&quot;)?\s?:\s?(\d{2,5})\b")
# Keys of the text of a photo, those that describe it best first.
ALT_KEYS = ("alt", "alttext", "alternativetext", "imagealt", "caption", "title", "description", "desc")
OBJECT_TYPE = "ImageObject"


@dataclass(frozen=True)
class Entry:
    """An address of a srcset. width_px: 0 if it names none. density: of `2x`; 1 otherwise."""

    address: str
    width_px: int = 0
    density: float = 1.0


@dataclass(frozen=True)
class Quoted:
    """An address between quotes. key: what it is the value of. place: number of the object or list it stands in."""

    address: str
    key: str
    place: int
    alt: str = ""
    width_px: int = 0


def srcset(value: str) -> list[Entry]:
    """Entries of a srcset, as browsers read it: an address ends with a blank, or with the comma after it.

    What HTML forbids and pages write: blanks in an address, where the words after it are no descriptors.
    """
    entries: list[Entry] = []
    at = 0
    while (found := SRCSET_ADDRESS.match(value, at)) and (address := found[1].lstrip(",")):
        at = found.end()
        if address.endswith(","):
            entries.append(Entry(address.rstrip(",")))
            continue
        descriptors = SRCSET_DESCRIPTORS.match(value, at)
        words = descriptors[0].split() if descriptors else []
        at = descriptors.end() if descriptors else at
        width, density, unread = 0, 1.0, 0  # unread: words up to the last one that is no descriptor
        for number, word in enumerate(words):
            known = DESCRIPTOR.match(word)
            if not known:
                unread = number + 1
            elif known[2] == "w":
                width = int(float(known[1]))
            elif known[2] == "x":
                density = float(known[1])
        if unread:
            address = " ".join([address, *words[:unread]])
            if not names_a_picture(address):
                continue
        if address:
            entries.append(Entry(address, width, density))
    return entries


def is_srcset(value: str) -> bool:
    """Whether an attribute of another name holds a srcset."""
    return SRCSET_LIKE.search(value) is not None


def interchange(value: str) -> list[tuple[str, str]]:
    """Addresses and the words beside them, of `[/a-small.jpg, small], [/a-large.jpg, (large)]`."""
    return [(found[1].strip(), found[2]) for found in INTERCHANGE.finditer(value)]


def listed(value: str) -> list[str]:
    """Pictures of a plain list, as `/1.jpg, /2.jpg` or `/1.jpg|/2.jpg`; empty where something else is in it."""
    parts = [part for piece in LIST_SEPARATOR.split(value) if (part := piece.strip())]
    return parts if len(parts) > 1 and all(names_a_picture(part) for part in parts) else []


def named_width(address: str) -> int:
    """The largest width in pixels that an address names, as in `-1024x768.jpg`, `?w=640`, `_1200x.`; 0 for none."""
    widths = (int(number) for groups in WIDTHS_IN_ADDRESS.findall(address) for number in groups if number)
    return max((width for width in widths if width >= 16), default=0)


def plain(text: str) -> str:
    """A string of a script as the address it means: without escapes of JSON, of JavaScript and of HTML."""
    if "\\" in text:
        text = SLASH_ESCAPE.sub("/", text)
        text = UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace("&amp;", "&").replace("&#x2F;", "/").replace("&#47;", "/").strip()


def quoted_pictures(text: str) -> Iterator[Quoted]:
    """Addresses of pictures between quotes, in JSON, in a script, in JSON inside JSON, or in an event handler.

    An address ends like a picture's, or it is the value of a key that means one (`image`, `photoUrl`; `url` inside
    `image`). No grammar is read: what stands between two quotes of one kind counts, whatever the text around it is.
    """
    places = _Places(text)
    # What describes a photo may stand after its address.
    for hit, around in list(_hits(text, places)):
        yield replace(hit, alt=places.alt(hit.place) or places.alt(around))


def _hits(text: str, places: "_Places") -> Iterator[tuple[Quoted, int]]:
    """The addresses, each with the number of the object or list that it stands in itself."""
    openers: deque[tuple[int, int, str]] = deque(maxlen=OPENERS)
    for token in TOKEN.finditer(text):
        mark = token[0]
        if mark[-1] == "\\":
            continue
        if mark in "{[":
            places.open(token.start())
            continue
        if mark in "}]":
            places.close()
            continue
        hit = None
        for start, end, opener in reversed(openers):
            if opener == mark and token.start() - end <= MAX_STRING_CHARS:
                hit = places.read(start, end, token.start())
                break
        if hit is None:
            openers.append((token.start(), token.end(), mark))
        else:
            openers.clear()
            places.has_address(hit.place)
            yield hit, places.innermost


class _Places:
    """The objects and lists that are open at a place of a script, and what they are the values of."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[tuple[int, int]] = []  # number, and where its bracket stands
        self._opened = 0
        self._keys: dict[int, str] = {}
        self._objects: set[int] = set()  # that call themselves an ImageObject
        self._alts: dict[int, dict[int, tuple[int, str]]] = {}  # by object and rank of the key, with where it stands
        self._inner: dict[int, list[int]] = {}  # objects with such texts, by the object that they stand in
        self._with_address: set[int] = set()

    @property
    def innermost(self) -> int:
        return self._open[-1][0] if self._open else 0

    def has_address(self, place: int) -> None:
        self._with_address.update((place, self.innermost))

    def alt(self, place: int) -> str:
        """The text of an object, or of the one object inside that has a text and no photo."""
        inner = self._inner.get(place, ())
        of_inner = self._alts[inner[0]] if len(inner) == 1 else {}
        ranked = [found for texts in (self._alts.get(place, {}), of_inner) for found in sorted(texts.items())]
        return next((text for _, (_, text) in ranked if text), "")

    def _note_alt(self, rank: int, start: int, raw: str) -> None:
        """Two texts of one key in one place are no object's: they are in HTML inside a script."""
        if not self._open or self._text[self._open[-1][1]] != "{":
            return
        texts = self._alts.setdefault(self.innermost, {})
        known_start, known = texts.setdefault(rank, (start, sentence(raw)))
        if known_start != start and known != raw:
            texts[rank] = (known_start, "")

    def open(self, at: int) -> None:
        self._opened += 1
        if len(self._open) < MAX_OPEN:
            self._open.append((self._opened, at))

    def close(self) -> None:
        if self._open:
            number, _ = self._open.pop()
            if number in self._alts and number not in self._with_address and self._open:
                self._inner.setdefault(self.innermost, []).append(number)

    def read(self, start: int, end: int, stop: int) -> Quoted | None:
        """The address between two quotes; None if what is there is none.

        start, end: of the opening quote. stop: start of the closing one.
        """
        raw = self._text[end:stop]
        place = self.innermost
        if raw == OBJECT_TYPE:
            self._objects.add(place)
            return None
        key = self._key(start)
        if (name := key.lower().replace("_", "").replace("-", "")) in ALT_KEYS:
            self._note_alt(ALT_KEYS.index(name), start, raw)
        if not raw or raw.isalnum():
            return None
        parent = self._parent(0)
        if not key:  # in a list: what the list is the value of
            key, parent = parent, self._parent(1)
        if words_of(key) & {"logo", "favicon"} or "logo" in words_of(parent):
            return None
        value = plain(raw)
        if not _is_address(value, key, parent, place in self._objects):
            return None
        width_px = self._width(stop)
        photo, sizes = self._photo(width_px)
        return Quoted(value, " ".join([*sizes, key]), photo, "", width_px)

    def _photo(self, width_px: int) -> tuple[int, list[str]]:
        """The object of the photo around an object of one size, as in `{"sizes": {"large": {"url": …}}, "url": …}`.

        With the keys in between, which say the size; the width says it of an entry of a list of sizes.
        """
        sizes: list[str] = []
        for level, (number, at) in enumerate(self._open[: -MAX_SIZE_LEVELS - 1 : -1]):
            if number not in self._keys:
                self._keys[number] = self._key(at)
            key = self._keys[number]
            if not level and width_px and not key and SIZE_LIST.fullmatch(self._parent(0)):
                sizes.insert(0, f"{width_px}w")
                continue
            if not SIZES.fullmatch(key) or number == self._open[0][0]:
                return number, sizes
            sizes.insert(0, key)
        return (self._open[-1][0] if self._open else 0), []

    def _width(self, stop: int) -> int:
        """The width that stands in the object around a string, before it or after; 0 if none does."""
        if not self._open or self._text[self._open[-1][1]] != "{":
            return 0
        start, end = (
            max(self._open[-1][1], stop - MAX_SIZE_CHARS),
            BRACE.search(self._text, stop, stop + MAX_SIZE_CHARS),
        )
        found = WIDTH_KEY.search(self._text, start, end.start() if end else stop)
        return int(found[1]) if found else 0

    def _key(self, before: int) -> str:
        if not self._text[max(0, before - 5) : before].rstrip().endswith((":", "=")):
            return ""
        found = KEY.search(self._text, max(0, before - KEY_CHARS), before)
        return found[1] if found else ""

    def _parent(self, level: int) -> str:
        """The key of the innermost bracket that has one; `level` of these are passed over."""
        for number, at in self._open[:-4:-1]:
            if number not in self._keys:
                self._keys[number] = self._key(at)
            if self._keys[number]:
                if not level:
                    return self._keys[number]
                level -= 1
        return ""


FORBIDDEN = re.compile(r"[<>|^\"\n\r\t*]|\$\{|\{\{|<%|%s|\}\}")
NO_STEM = re.compile(r"(?:^|/)[-_.@]?(?:\.?\w{3,4})?\Z|^[-_@][^/]*\Z|^\.(?![./])")
NAME_WORDS = frozenset_of(
    "name filename file title alt caption description label slug id text accept class classname selector key"
)
URL_WORDS = {"url", "src", "uri", "href", "source", "link", "original", "full", "large", "medium", "small"}
OTHER_FILE = re.compile(
    r"\.(?:html?|js|mjs|css|json|xml|pdf|mp[34]|webm|mov|svg|ico|woff2?|ttf|eot|zip|txt|md|map|vue|tsx?)(?=[?#]|\Z)",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"(?:https?:)?//[^/\s]++/\S++\Z|/[^/\s]\S*+\Z|\.{0,2}/?(?:[\w.%~+-]++/)++[\w.%~+?=&-]++\Z")
MEDIA_TYPE = re.compile(r"(?:image|video|audio|text|application|font)/[\w.+*-]++\Z")


def _is_address(value: str, key: str, parent: str, is_object: bool) -> bool:
    if not 1 < len(value) <= MAX_STRING_CHARS or FORBIDDEN.search(value) or MEDIA_TYPE.match(value):
        return False
    if value.startswith(("data:", "blob:", "#", "javascript:")):
        return False
    if is_srcset(value):
        entries = srcset(value)
        return bool(entries) and names_a_picture(entries[0].address) and not any(map(_is_part, entries))
    key_words = words_of(key)
    if len(value) > 4 and names_a_picture(value):
        path = urlsplit_path(value)
        if NO_STEM.search(path) and "~mv2" not in value:
            return False
        if "/" not in value:
            return not (key_words & NAME_WORDS) or is_picture_key(key)
        blanks = value.count(" ")
        return not blanks or value.startswith(("/", "http", "./", "../")) or blanks <= 3
    has_key = is_picture_key(key) or (bool(key_words & URL_WORDS) and (is_picture_key(parent) or is_object))
    is_content = key.lower() in ("contenturl", "thumbnailurl", "mediaurl") and is_object
    return (has_key or is_content) and ADDRESS.match(value) is not None and not OTHER_FILE.search(value)


def _is_part(entry: Entry) -> bool:
    """Whether an entry of a srcset is what a script joins an address of, as in `'.jpg 400w, /cakes/' + name`."""
    return NO_STEM.search(urlsplit_path(entry.address)) is not None and "~mv2" not in entry.address


def urlsplit_path(value: str) -> str:
    try:
        return urlsplit(value).path
    except ValueError:
        return value
