"""Reads sitemaps: the pages of a site and the photos on them (sitemaps.org, Google's image extension).

A sitemap is read as a stream: it is unpacked and parsed piece by piece, no tree is built, and every limit ends the
reading where it is reached. What was read until then counts.
"""

import codecs
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import zip_longest
from urllib.parse import urlsplit

from lxml import etree

from crawlers.sites.walking.hosts import site_host
from foundation.network.addresses import MAX_URL_CHARACTERS

MAX_BYTES = 50 * 1024 * 1024  # of one sitemap, unpacked, as sitemaps.org allows
MAX_TOTAL_BYTES = 200 * 1024 * 1024  # of all sitemaps of one host, unpacked
MAX_ELEMENTS = 1_500_000  # of one sitemap: 50,000 pages with 30 elements each
MAX_PAGES = 50_000  # of one sitemap, as sitemaps.org allows
MAX_IMAGES_OF_PAGE = 1_000  # as Google allows
MAX_LISTED = 500_000  # pages and photos of all sitemaps of one host
MAX_SITEMAPS = 20  # of one host
MAX_NESTING = 2  # indexes that lead to a sitemap; sitemaps.org allows one, some sites have an index of indexes
MAX_GZIP_MEMBERS = 1_000  # of one file; programs write one, or one for each block of some kilobytes
MAX_CHARS_OF_TAG = 1_000_000  # of a tag and the text behind it: the parser keeps a tag until it ends
CHUNK_BYTES = 1 << 16
GZIP_START = b"\x1f\x8b"
DECLARATION = re.compile(rb"\s*+<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
ONE_BYTE_ENCODINGS = ("iso-8859-", "windows-125", "latin-1", "us-ascii", "koi8-")
WEB_PAGE = "it is a web page"


class _Stop(Exception):
    """Nothing more of this sitemap is read; the message says why."""


@dataclass(frozen=True)
class Sitemap:
    """images: by page, its image addresses in order (possibly none). indexed: addresses of further sitemaps.

    notes: why something of it was left unread, as phrases. size_bytes: unpacked, as far as it was read.
    """

    images: dict[str, list[str]] = field(default_factory=dict)
    indexed: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = field(default=(), compare=False)
    size_bytes: int = field(default=0, compare=False)


def parse(body: bytes, max_bytes: int = MAX_BYTES) -> Sitemap:
    """The content of a sitemap, plain or gzipped; of a damaged one, what can be read. max_bytes: unpacked."""
    reader = _Reader()
    parser = etree.XMLParser(
        target=reader, encoding="utf-8", recover=True, resolve_entities=False, no_network=True, huge_tree=False
    )
    decoder: codecs.IncrementalDecoder | None = None
    size_bytes = chars_without_tag = 0
    notes: list[str] = []
    try:
        for chunk in _unpacked(body):
            if not size_bytes and chunk.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
                raise _Stop(WEB_PAGE)
            decoder = decoder or _decoder(chunk)
            room = max_bytes - size_bytes
            text = decoder.decode(chunk[:room])
            last_tag = text.rfind("<")
            chars_without_tag = len(text) - last_tag if last_tag >= 0 else chars_without_tag + len(text)
            if chars_without_tag > MAX_CHARS_OF_TAG:
                raise _Stop(f"more than {MAX_CHARS_OF_TAG:,} characters in one tag")
            parser.feed(text.encode())
            size_bytes += min(len(chunk), room)
            if len(chunk) > room:
                raise _Stop(f"it has more than {max_bytes:,} bytes")
        if size_bytes:
            parser.close()
        if reader.is_inside:
            raise _Stop("its XML is cut off or damaged")
    except (_Stop, etree.LxmlError) as stop:
        notes.append(_first_line(stop))
    except (ValueError, AssertionError):  # lxml, fed after an error of the encoding
        notes.append("it is no XML")
    if not reader.elements and not notes:
        notes.append("it is empty" if not size_bytes else "it is no XML")
    return Sitemap(reader.images, reader.indexed, (*dict.fromkeys([*notes, *reader.notes]),), size_bytes)


class _Reader:
    """What lxml calls with the parts of a sitemap."""

    def __init__(self) -> None:
        self.images: dict[str, list[str]] = {}
        self.indexed: list[str] = []
        self.notes: dict[str, None] = {}
        self.elements = 0
        self._open: list[str] = []  # local names
        self._page = ""
        self._photos: list[str] = []
        self._text: list[str] = []
        self._text_chars = 0

    @property
    def is_inside(self) -> bool:
        """Whether an element has not ended."""
        return bool(self._open)

    def start(self, tag: str, attributes: object) -> None:  # noqa: ARG002
        name = tag.rpartition("}")[2]
        self.elements += 1
        if self.elements == 1 and name.lower() == "html":
            raise _Stop(WEB_PAGE)
        if self.elements > MAX_ELEMENTS:
            raise _Stop(f"it has more than {MAX_ELEMENTS:,} elements")
        self._open.append(name)
        self._text, self._text_chars = [], 0
        if name in ("url", "sitemap"):
            self._page, self._photos = "", []

    def data(self, text: str) -> None:
        if self._open and self._open[-1] == "loc" and self._text_chars <= MAX_URL_CHARACTERS:
            self._text.append(text)
            self._text_chars += len(text)

    def end(self, tag: str) -> None:  # noqa: ARG002
        name = self._open.pop() if self._open else ""
        around = self._open[-1] if self._open else ""
        if name == "loc" and around in ("url", "sitemap", "image"):
            self._located(around, "".join(self._text).strip())
        elif name == "url" and self._page:
            if self._page not in self.images and len(self.images) >= MAX_PAGES:
                raise _Stop(f"it lists more than {MAX_PAGES:,} pages")
            self.images.setdefault(self._page, []).extend(self._photos)
        elif name == "sitemap" and self._page:
            if len(self.indexed) >= MAX_PAGES:
                raise _Stop(f"it lists more than {MAX_PAGES:,} sitemaps")
            self.indexed.append(self._page)
        self._text, self._text_chars = [], 0

    def _located(self, around: str, address: str) -> None:
        if len(address) > MAX_URL_CHARACTERS:
            self.notes["address: too long"] = None
        elif around != "image":
            self._page = self._page or address
        elif len(self._photos) >= MAX_IMAGES_OF_PAGE:
            self.notes[f"more than {MAX_IMAGES_OF_PAGE:,} photos of one page"] = None
        elif "url" in self._open[-2:-1]:
            self._photos.append(address)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:  # noqa: ARG002
        raise _Stop(WEB_PAGE if name.lower() == "html" else "it has a DTD, as no sitemap needs")

    def close(self) -> None: ...


def _unpacked(body: bytes) -> Iterator[bytes]:
    """The body in pieces of CHUNK_BYTES at most. Raises _Stop where its gzip is damaged, after what could be read."""
    if not body.startswith(GZIP_START):
        yield from (body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES))
        return
    members = 1
    unpacker = zlib.decompressobj(wbits=31)  # gzip
    for start in range(0, len(body), CHUNK_BYTES):
        packed = body[start : start + CHUNK_BYTES]
        while packed:
            if unpacker.eof:
                packed = packed.lstrip(b"\x00")  # padding
                if not packed:
                    break
                members += 1
                if members > MAX_GZIP_MEMBERS:
                    raise _Stop(f"it has more than {MAX_GZIP_MEMBERS:,} gzip members")
                unpacker = zlib.decompressobj(wbits=31)
            try:
                yield unpacker.decompress(packed, CHUNK_BYTES)
            except zlib.error:
                raise _Stop("its gzip is damaged") from None
            packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise _Stop("its gzip is cut off")


def _decoder(start: bytes) -> codecs.IncrementalDecoder:
    """UTF-16 where the first bytes show it, a declared encoding of one byte a character, else UTF-8.

    We decode, not the parser: what it reads can then be measured in characters.
    """
    declared = DECLARATION.match(start)
    name = declared[1].decode() if declared else ""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    elif b"\x00" in start[:2]:
        name = "utf-16-be" if start[0] == 0 else "utf-16-le"
    elif not name.lower().startswith(ONE_BYTE_ENCODINGS):
        name = "utf-8-sig"
    try:
        return codecs.getincrementaldecoder(name)("replace")
    except LookupError:
        return codecs.getincrementaldecoder("utf-8-sig")("replace")


def _first_line(error: Exception) -> str:
    return error.args[0] if isinstance(error, _Stop) else f"it is no XML ({str(error).partition(chr(10))[0][:100]})"


def in_turn(pages: Iterable[str]) -> list[str]:
    """The pages by turns of their first folders: where a crawl ends before the last page, it has seen each section."""
    sections: dict[str, list[str]] = {}
    for page in pages:
        sections.setdefault(urlsplit(page).path.strip("/").partition("/")[0], []).append(page)
    # Pages without a folder are a section each.
    return [page for turn in zip_longest(*sections.values()) for page in turn if page is not None]


class HostSitemaps:
    """Which sitemaps of one site are read, and what they list in all.

    named: where they are, as robots.txt says. hosts: whose sitemaps are read, see site_host. images: as in
    Sitemap. notes: what was left unread, and why.
    """

    def __init__(self, named: Iterable[str], hosts: Set[str]) -> None:
        self.images: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self._hosts = hosts
        self._waiting: deque[tuple[str, int]] = deque()  # with how many indexes lead there
        self._known: set[str] = set()
        self._size_bytes = 0
        self._listed = 0
        self._add(named, 0)

    def next(self) -> tuple[str, int] | None:
        """The sitemap to ask for now, and how many indexes led to it; None when there is none or a limit is reached."""
        for left, limit in (
            (MAX_TOTAL_BYTES - self._size_bytes, f"more than {MAX_TOTAL_BYTES:,} bytes of sitemaps"),
            (MAX_LISTED - self._listed, f"more than {MAX_LISTED:,} pages and photos in sitemaps"),
        ):
            if self._waiting and left <= 0:
                self.notes.append(limit)
                self._waiting.clear()
        return self._waiting.popleft() if self._waiting else None

    def read(self, body: bytes, address: str, level: int) -> None:
        """Add what the sitemap at `address` lists. level: as next() named it."""
        sitemap = parse(body, min(MAX_BYTES, MAX_TOTAL_BYTES - self._size_bytes))
        self._size_bytes += sitemap.size_bytes
        self.notes += [f"sitemap {address}: {note}" for note in sitemap.notes]
        for page, photos in sitemap.images.items():
            if self._listed >= MAX_LISTED:
                break
            self._listed += 1 + len(photos)
            self.images.setdefault(page, []).extend(photos)
        if sitemap.indexed and level >= MAX_NESTING:
            self.notes.append(f"sitemap {address}: more than {MAX_NESTING} indexes inside each other")
        else:
            self._add(sitemap.indexed, level + 1)

    def _add(self, addresses: Iterable[str], level: int) -> None:
        for address in addresses:
            if address in self._known or site_host(address) not in self._hosts:
                continue
            if len(self._known) >= MAX_SITEMAPS:
                self.notes += [limit] if (limit := f"more than {MAX_SITEMAPS} sitemaps") not in self.notes else []
                return
            self._known.add(address)
            self._waiting.append((address, level))
