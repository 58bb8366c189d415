"""Reading HTML that may be malformed or hostile: one pass, bounded in elements, attributes, depth and work."""

import contextlib
from dataclasses import dataclass, field
from itertools import islice

from lxml import etree

MAX_PAGE_CHARS = 10_000_000  # the largest pages of real galleries, with their pictures inside as data:, have 5 million
MAX_ELEMENTS = 200_000  # of one page; Lighthouse calls 1,400 many
MAX_ATTRIBUTES = 100  # of one element
MAX_DEPTH = 2_048  # libxml2's own limit for its trees; browsers flatten below 512
# libxml2 compares an end tag with every open element. In pages, that is some 10 comparisons each; in an attack, depth
# times end tags. So many comparisons take about a second.
MAX_COMPARISONS = 500_000_000
FEED_CHARS = 1 << 16
# Elements without content in HTML. libxml2 does not know the newer ones, and puts what follows a <source> into it.
VOID = (
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
    "meta", "param", "source", "track", "wbr",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Element:
    """An element of a page. index: its place in document order. anchor: the nearest <a> around it.

    end: index after its last descendant. first_text, end_text: its text and that of its descendants in
    Document.texts.
    """

    index: int
    name: str
    attributes: dict[str, str]
    parent: "Element | None"
    anchor: "Element | None"
    first_text: int
    end: int = 0
    end_text: int = 0


@dataclass
class Document:
    """A page. elements: in document order. texts: what is not blank, each with the element that it stands in.

    limits: why something of it was left unread, as phrases; whoever reads the page adds to them. encoding: of the
    page's bytes, in which the queries of its addresses are meant.
    """

    elements: list[Element] = field(default_factory=list)
    texts: list[tuple[Element, str]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    encoding: str = "utf-8"

    def note(self, limit: str) -> None:
        if limit not in self.limits:
            self.limits.append(limit)

    def named(self, *names: str) -> list[Element]:
        return [element for element in self.elements if element.name in names]

    def texts_in(self, name: str) -> list[tuple[Element, str]]:
        """The text nodes directly in elements of this name."""
        return [(owner, text) for owner, text in self.texts if owner.name == name]


def read(html: "str | Document") -> Document:
    """The page of this text; a page that was read before is returned as it is."""
    if isinstance(html, Document):
        return html
    builder = _Builder()
    text = html[:MAX_PAGE_CHARS].strip().replace("\x00", "")
    if len(html) > MAX_PAGE_CHARS:
        builder.document.note(f"more than {MAX_PAGE_CHARS:,} characters")
    # Bytes that are no UTF-8 would make lxml guess: lone surrogates become question marks.
    parser = etree.HTMLParser(target=builder, encoding="utf-8", huge_tree=True)
    comparisons = 0
    with contextlib.suppress(etree.LxmlError):  # what was read until then counts
        for start in range(0, len(text), FEED_CHARS):
            part = text[start : start + FEED_CHARS]
            parser.feed(part.encode("utf-8", "replace"))
            comparisons += part.count("</") * len(builder.open)
            if comparisons > MAX_COMPARISONS:
                builder.stop("too many end tags inside too many elements")
            if builder.is_full:
                break
        else:
            parser.close()
    return builder.close()


class _Builder:
    """What lxml calls with the parts of a page. It builds no tree, so memory is what Document holds."""

    def __init__(self) -> None:
        self.document = Document()
        self.open: list[Element] = []
        self.is_full = False
        self._pending: list[str] = []

    def stop(self, limit: str) -> None:
        self.is_full = True
        self.document.note(limit)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._end_text()
        if self.is_full:
            return None
        elements = self.document.elements
        if len(elements) >= MAX_ELEMENTS:
            return self.stop(f"more than {MAX_ELEMENTS:,} elements")
        if len(self.open) >= MAX_DEPTH:
            return self.stop(f"more than {MAX_DEPTH:,} elements inside each other")
        if len(attributes) > MAX_ATTRIBUTES:
            self.document.note(f"more than {MAX_ATTRIBUTES} attributes of one element")
        parent = self.open[-1] if self.open else None
        anchor = parent if parent is not None and parent.name == "a" else parent.anchor if parent is not None else None
        element = Element(
            len(elements),
            name,
            dict(islice(attributes.items(), MAX_ATTRIBUTES)),
            parent,
            anchor,
            len(self.document.texts),
        )
        elements.append(element)
        if name in VOID:
            self._end_element(element)
        else:
            self.open.append(element)
        return None

    def end(self, name: str) -> None:
        self._end_text()
        if self.open and not self.is_full and name not in VOID:
            self._end_element(self.open.pop())

    def data(self, text: str) -> None:
        if not self.is_full:
            self._pending.append(text)

    def close(self) -> Document:
        self._end_text()
        while self.open:
            self._end_element(self.open.pop())
        return self.document

    def _end_text(self) -> None:
        """Text comes in pieces; it ends with the next tag."""
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            if self.open and not text.isspace():
                self.document.texts.append((self.open[-1], text))

    def _end_element(self, element: Element) -> None:
        element.end = len(self.document.elements)
        element.end_text = len(self.document.texts)
