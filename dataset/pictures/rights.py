"""What the bytes of a picture say about rights: its copyright notice, its licence, and whether it may train a model.

Read are XMP (Dublin Core, xmpRights, PLUS), IPTC-IIM, Exif, and C2PA's assertion about training and data mining.
Nothing here follows an address or expands an entity, and everything takes time that grows no faster than the file.
Sources: IPTC Photo Metadata 2025.1, PLUS LDF 2.0.1 (plus:DataMining), TDM Reservation Protocol (tdm:reservation),
C2PA 2 (c2pa.training-mining), CAWG Training and Data Mining 1.1 (cawg.training-mining), JUMBF in JPEG (ISO 19566-5).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat  # the handlers below refuse every declaration of entities

MAX_XMP_BYTES: Final = 1 << 20  # Lightroom's largest packets, with the history of a picture, have some 100 KB
MAX_PACKETS: Final = 8  # of XMP in one file
MAX_JUMBF_BYTES: Final = 32 << 20  # a C2PA store holds thumbnails
MAX_TEXT_CHARS: Final = 500
XMP_MARKS: Final = ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>"))
COPYRIGHT_TAG, ARTIST_TAG = 0x8298, 0x013B  # of Exif and TIFF
IPTC_COPYRIGHT, IPTC_CREATOR = (2, 116), (2, 80)
RESERVED: Final = ("reservation", "1")
RIGHTS_SPACES: Final = (
    "purl.org/dc/elements", "ns.adobe.com/xap/1.0/rights", "creativecommons.org/ns", "useplus.org", "tdmrep",
    "iptc.org",
)  # fmt: skip
PROPERTIES: Final = {  # local name of a property of XMP → ours
    "rights": "rights", "creator": "creator", "UsageTerms": "terms", "WebStatement": "licence", "license": "licence",
    "LicensorURL": "licensor", "DataMining": "mining", "reservation": "reservation",
}  # fmt: skip
# Assertions about training, and the uses in them that a dataset for classifiers is one of.
TRAINING_LABELS: Final = (b"c2pa.training-mining", b"cawg.training-mining")
USE_OR_ANSWER: Final = re.compile(
    rb"(ai_training|ai_generative_training|data_mining|ai_inference)|(notAllowed|constrained|allowed)"
)
INFERENCE: Final = b"ai_inference"
MAX_ASSERTIONS: Final = 64  # that are read in one store
MAX_ASSERTION_BYTES: Final = 4096


@dataclass(frozen=True)
class Rights:
    """What a picture carries. mining: the term of PLUS about data mining. objection, permission: the evidence, about
    training; empty where it says nothing.
    """

    copyright_notice: str = ""
    creator: str = ""
    usage_terms: str = ""
    licence_url: str = ""
    mining: str = ""
    objection: str = ""
    permission: str = ""

    @property
    def is_stated(self) -> bool:
        """Whether there is anything that a copy of the picture should go on to carry."""
        return bool(self.copyright_notice or self.usage_terms or self.licence_url or self.mining)


NOTHING: Final = Rights()


def rights_of(content: bytes, image: Any) -> Rights:
    """The rights that a picture carries. content: its bytes. image: the same, opened and decoded by Pillow."""
    properties = [found for packet in _packets(content, image) for found in _statements(packet)]
    stated: dict[str, str] = {}
    for name, value in (*properties, *_of_iptc(image), *_of_exif(image)):
        stated.setdefault(name, value)
    mining = [_mining_term(value) for name, value in properties if name == "mining"]
    prohibited = [term for term in mining if "PROHIBITED" in term]
    objections = [f"XMP plus:DataMining: {term}" for term in prohibited[:1]]
    objections += [f"XMP tdm:reservation: {value}" for name, value in properties if (name, value) == RESERVED][:1]
    permissions = [f"XMP plus:DataMining: {term}" for term in mining if term.endswith("DMI-ALLOWED")][:1]
    refused, granted = _of_c2pa(content, image)
    objection = "; ".join(filter(None, [*objections, refused]))
    rights = Rights(
        stated.get("rights", ""),
        stated.get("creator", ""),
        stated.get("terms", ""),
        stated.get("licence", "") or stated.get("licensor", ""),
        next(iter(prohibited or mining), ""),
        objection,
        "" if objection else "; ".join(filter(None, [*permissions, granted])),
    )
    return rights if rights != NOTHING else NOTHING


def plain(text: str) -> str:
    """Text from outside in one line without control characters, at most MAX_TEXT_CHARS."""
    text = text[: MAX_TEXT_CHARS * 4]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT_CHARS]


def _packets(content: bytes, image: Any) -> Iterator[bytes]:
    """XMP packets: those that Pillow unpacked, then any that lie in the bytes as they are."""
    found = 0
    for key in ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp"):
        value = getattr(image, "info", {}).get(key)
        text = value.encode() if isinstance(value, str) else value
        if isinstance(text, bytes) and (packet := _packet_in(text, 0)):
            found += 1
            yield packet[0]
    at = 0
    while found < MAX_PACKETS and (packet := _packet_in(content, at)):
        found += 1
        yield packet[0]
        at = packet[1]


def _packet_in(content: bytes, at: int) -> tuple[bytes, int] | None:
    """The first packet from `at` on, and where it ends."""
    for first, last in XMP_MARKS:
        start = content.find(first, at)
        if start >= 0 and (end := content.find(last, start, start + MAX_XMP_BYTES)) >= 0:
            return content[start : end + len(last)], end + len(last)
    return None


def _statements(packet: bytes) -> list[tuple[str, str]]:
    """Names and values of the properties about rights in a packet of XMP; of a damaged one, those before the damage."""
    reader = _XmpReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with contextlib.suppress(expat.ExpatError, _Refused, ValueError):
        parser.Parse(_declared(packet), True)
    return reader.found


def _declared(packet: bytes) -> bytes:
    """The packet with the namespaces that a packet cut out of its frame may lack."""
    if packet.startswith(b"<rdf:RDF") and b"xmlns:rdf" not in packet[:2000]:
        return packet.replace(b"<rdf:RDF", b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"', 1)
    return packet


class _Refused(Exception):
    """The packet declares a document type: entities could be defined there."""


def _refuse_doctype(*_: Any) -> None:
    raise _Refused


class _XmpReader:
    """Collects properties, whether they are written as attributes, as text, as lists or as links."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._open: list[str] = []  # our names of the elements that are open; empty for others
        self._texts: list[list[str]] = []  # pieces of the text of each open element that has a name

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _property(tag)
        for key, value in attributes.items():
            if known := _property(key):
                self._add(known, value)
            elif name and key.rpartition(" ")[2] == "resource":
                self._add(name, value)
        self._open.append(name)
        if name:
            self._texts.append([])

    def end(self, _tag: str) -> None:
        if name := self._open.pop():
            self._add(name, "".join(self._texts.pop()))

    def text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def _add(self, name: str, value: str) -> None:
        if value := plain(value):
            self.found.append((name, value))


def _property(tag: str) -> str:
    """Our name of a property of XMP; empty for one that says nothing about rights. tag: namespace and local name."""
    space, _, name = tag.rpartition(" ")
    if not any(known in space for known in RIGHTS_SPACES):
        return ""
    return "mining" if name.startswith("DMI-") else PROPERTIES.get(name, "")


def _mining_term(value: str) -> str:
    """`DMI-PROHIBITED-AIMLTRAINING` of `http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING`."""
    return value.rpartition("/")[2].upper().replace("_", "-")


def _of_iptc(image: Any) -> Iterator[tuple[str, str]]:
    from PIL import IptcImagePlugin

    try:
        records = IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # noqa: BLE001  damaged metadata of a whole picture
        return
    for key, name in ((IPTC_COPYRIGHT, "rights"), (IPTC_CREATOR, "creator")):
        value = records.get(key)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, bytes) and (text := plain(_decoded(first))):
            yield name, text


def _of_exif(image: Any) -> Iterator[tuple[str, str]]:
    try:
        exif = image.getexif()
        values = {"rights": exif.get(COPYRIGHT_TAG), "creator": exif.get(ARTIST_TAG)}
        values["rights"] = values["rights"] or getattr(image, "info", {}).get("Copyright")  # a text of PNG
    except Exception:  # noqa: BLE001  damaged metadata of a whole picture
        return
    for name, value in values.items():
        text = _decoded(value) if isinstance(value, bytes) else value
        if isinstance(text, str) and (text := plain(text)):
            yield name, text


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _of_c2pa(content: bytes, image: Any) -> tuple[str, str]:
    """Objection and permission in the assertions of C2PA and CAWG about training and data mining."""
    found = [answer for store in _jumbf(content, image) for answer in _assertions(store)]
    refused = [evidence for evidence, is_allowed in found if not is_allowed]
    granted = [evidence for evidence, is_allowed in found if is_allowed]
    return next(iter(refused), ""), next(iter(granted), "")


def _assertions(store: bytes) -> Iterator[tuple[str, bool]]:
    """What each assertion about training says of each use, and whether it allows it."""
    for label in TRAINING_LABELS:
        at = -1
        for _ in range(MAX_ASSERTIONS):
            at = store.find(label, at + 1)
            if at < 0:
                break
            if store[at - 1 : at] == b"/":  # a claim lists its assertions by their addresses
                continue
            for use, answer in _answers(store[at + len(label) : _end_of_assertion(store, at)]):
                yield f"{label.decode()}: {use} {answer}", answer == "allowed"


def _end_of_assertion(store: bytes, at: int) -> int:
    """Where the assertion ends whose label is at `at`: its superbox says how long it is.

    A box begins with its length and its type; the label follows the box's description: 8 + 8 + 16 + 1 bytes in.
    """
    start = at - 33
    length = (
        int.from_bytes(store[start : start + 4], "big") if start >= 0 and store[start + 4 : at - 25] == b"jumb" else 0
    )
    end = start + length if length > 33 else at + MAX_ASSERTION_BYTES
    return min(end, at + MAX_ASSERTION_BYTES)


def _answers(assertion: bytes) -> Iterator[tuple[str, str]]:
    """Uses and what is said of each, in CBOR or in JSON: the texts stand in this order in both."""
    use = b""
    for match in USE_OR_ANSWER.finditer(assertion):
        if match[1]:
            use = match[1]
        elif use and use != INFERENCE:
            yield use.decode(), match[2].decode()
            use = b""


def _jumbf(content: bytes, image: Any) -> Iterator[bytes]:
    """Stores of C2PA: put together where the format splits them; otherwise the bytes as they are."""
    kind = getattr(image, "format", "")
    if kind in ("JPEG", "MPO"):
        yield from _jumbf_of_jpeg(content)
    elif any(label in content for label in TRAINING_LABELS):
        yield content[:MAX_JUMBF_BYTES]


def _jumbf_of_jpeg(content: bytes) -> Iterator[bytes]:
    """The boxes in segments APP11: each repeats the head of its box, after the number of the box and its own."""
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    for marker, body in jpeg_segments(content):
        if marker == 0xEB and body[:2] == b"JP" and len(body) > 16:
            number = int.from_bytes(body[4:8], "big")
            parts.setdefault(body[2:4], []).append((number, body[8:] if number <= 1 else body[16:]))
    for pieces in parts.values():
        yield b"".join(piece for _, piece in sorted(pieces, key=lambda part: part[0]))[:MAX_JUMBF_BYTES]


def jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment of a JPEG file before its pixels."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        yield marker, content[at + 4 : at + 2 + length]
        at += 2 + length
