"""What the bytes of a picture say about rights, in every format; and what its normalised picture carries on.

Names carried_rights.py too.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

from dataset.pictures.carried_rights import with_rights
from dataset.pictures.decoding import Undecodable, examine_rights, normalise
from dataset.pictures.rights import NOTHING, Rights
from simulator import drawings

PLAIN = drawings.cake(random.Random(3))
VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:cc="http://creativecommons.org/ns#" '
    'xmlns:tdm="http://www.w3.org/ns/tdmrep#" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)


def xmp(attributes: str = "", elements: str = "") -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {SPACES} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(PLAIN)).save(out, kind, **options)
    return out.getvalue()


def png(packet: bytes, compressed: bool) -> bytes:
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=compressed)
    return saved("PNG", pnginfo=texts)


FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda packet: saved("JPEG", xmp=packet),
    "WebP": lambda packet: saved("WEBP", xmp=packet),
    "AVIF": lambda packet: saved("AVIF", xmp=packet),
    "PNG": lambda packet: png(packet, compressed=False),
    "PNG, compressed": lambda packet: png(packet, compressed=True),
    "TIFF": lambda packet: saved("TIFF", tiffinfo={700: packet}),
    "GIF": lambda packet: saved("GIF")[:-1] + b"!\xff\x0bXMP DataXMP" + packet + b"\x01\x00\x00;",
}


@pytest.mark.parametrize("kind", FORMATS)
def test_xmp_is_read_in_every_format(kind: str) -> None:
    """F-kind: IPTC/PLUS Data Mining and the copyright notice."""
    packet = xmp(
        f'plus:DataMining="{VOCABULARY}DMI-PROHIBITED-AIMLTRAINING"',
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© 2026 A Baker</rdf:li></rdf:Alt></dc:rights>',
    )
    rights = examine_rights(FORMATS[kind](packet))
    assert rights.objection == "XMP plus:DataMining: DMI-PROHIBITED-AIMLTRAINING"
    assert rights.copyright_notice == "© 2026 A Baker"


@pytest.mark.parametrize(
    ("attributes", "elements", "objects", "allows"),
    [
        (f'plus:DataMining="{VOCABULARY}DMI-PROHIBITED"', "", True, False),
        ('plus:DataMining="DMI-PROHIBITED-GENAIMLTRAINING"', "", True, False),
        ("", f"<plus:DataMining>{VOCABULARY}DMI-PROHIBITED-SEECONSTRAINT</plus:DataMining>", True, False),
        ("", f'<plus:DataMining rdf:resource="{VOCABULARY}DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"/>', True, False),
        ("", f"<Iptc4xmpExt:DataMining>{VOCABULARY}DMI-PROHIBITED</Iptc4xmpExt:DataMining>", True, False),
        ('tdm:reservation="1"', "", True, False),
        ('tdm:reservation="0"', "", False, False),
        (f'plus:DataMining="{VOCABULARY}DMI-ALLOWED"', "", False, True),
        (f'plus:DataMining="{VOCABULARY}DMI-UNSPECIFIED"', "", False, False),
        ('dc:source="DMI-PROHIBITED"', "", False, False),
    ],
)
def test_data_mining_however_it_is_written(attributes: str, elements: str, objects: bool, allows: bool) -> None:
    rights = examine_rights(saved("JPEG", xmp=xmp(attributes, elements)))
    assert (bool(rights.objection), bool(rights.permission)) == (objects, allows)


def test_a_prefix_may_have_another_name() -> None:
    packet = xmp().replace(b"xmlns:plus", b"xmlns:p").replace(b'rdf:about=""', b'p:DataMining="DMI-PROHIBITED"')
    assert examine_rights(saved("JPEG", xmp=packet)).objection


def cbor(use: str, answer: str) -> bytes:
    def text(value: str) -> bytes:
        raw = value.encode()
        return (bytes((0x60 + len(raw),)) if len(raw) < 24 else bytes((0x78, len(raw)))) + raw

    return b"\xa1" + text("entries") + b"\xa1" + text(use) + b"\xa1" + text("use") + text(answer)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def jumbf(label: str, content: bytes) -> bytes:
    described = box(b"jumd", b"cbor\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03" + label.encode() + b"\0")
    claim = box(b"cbor", b"self#jumbf=c2pa.assertions/" + label.encode() + b" and what else was allowed")
    return box(b"jumb", box(b"jumd", b"\0" * 16 + b"\3c2pa\0") + box(b"jumb", described + content) + claim)


def in_jpeg(store: bytes, part: int = 65_000) -> bytes:
    """Segments APP11, each with the head of the box."""
    head, body = store[:8], store[8:]
    parts = [body[start : start + part] for start in range(0, len(body), part)]
    segments = b""
    for number, piece in enumerate(parts, 1):
        content = b"JP" + struct.pack(">HI", 1, number) + head + piece
        segments += b"\xff\xeb" + struct.pack(">H", len(content) + 2) + content
    return PLAIN[:2] + segments + PLAIN[2:]


def in_png(store: bytes) -> bytes:
    whole = saved("PNG")
    chunk = struct.pack(">I", len(store)) + b"caBX" + store + struct.pack(">I", zlib.crc32(b"caBX" + store))
    return whole[:33] + chunk + whole[33:]


@pytest.mark.parametrize("where", [in_jpeg, in_png, lambda store: in_jpeg(store, part=70)])
@pytest.mark.parametrize(
    ("label", "use", "answer", "objects"),
    [
        ("c2pa.training-mining", "c2pa.ai_training", "notAllowed", True),
        ("cawg.training-mining", "cawg.ai_generative_training", "notAllowed", True),
        ("cawg.training-mining", "cawg.data_mining", "constrained", True),
        ("c2pa.training-mining__1", "c2pa.ai_training", "notAllowed", True),
        ("c2pa.training-mining", "c2pa.ai_inference", "notAllowed", False),
        ("c2pa.training-mining", "c2pa.ai_training", "allowed", False),
        ("c2pa.actions", "c2pa.ai_training", "notAllowed", False),
    ],
)
def test_assertions_of_c2pa(where: Callable[[bytes], bytes], label: str, use: str, answer: str, objects: bool) -> None:
    """In JUMBF, also where a JPEG splits it; a use that is no training objects to none."""
    rights = examine_rights(where(jumbf(label, box(b"cbor", cbor(use, answer)))))
    assert bool(rights.objection) == objects
    assert not objects or rights.objection == f"{label[:20]}: {use.partition('.')[2]} {answer}"
    assert bool(rights.permission) == (answer == "allowed")


def test_iptc_and_exif() -> None:
    exif = Image.Exif()
    exif[0x8298], exif[0x013B] = "© Exif", "Ann"
    assert examine_rights(saved("JPEG", exif=exif)) == Rights("? Exif", "Ann")
    assert examine_rights(saved("WEBP", exif=exif)).creator == "Ann"
    carried = with_rights(PLAIN, Rights("© IPTC – Ä", "Ann"))
    iptc_only = carried[:20] + carried[carried.index(b"\xff\xed") :]
    assert examine_rights(iptc_only) == Rights("© IPTC – Ä", "Ann")


def test_the_normalised_picture_carries_rights_on() -> None:
    """Copyright notice, creator, terms, licence and Data Mining, as every reader expects them."""
    packet = xmp(
        'xmpRights:WebStatement="https://a.example/licence?a=1&amp;b=2"',
        f"<plus:DataMining>{VOCABULARY}DMI-ALLOWED</plus:DataMining>"
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Bäcker &lt;b&gt;</rdf:li></rdf:Alt></dc:rights>'
        "<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>"
        '<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">ask</rdf:li></rdf:Alt></xmpRights:UsageTerms>',
    )
    content = saved("PNG", pnginfo=None)
    content = png(packet, compressed=True)
    normalised = normalise(content)
    assert normalised == normalise(content)
    expected = Rights(
        "© Bäcker <b>", "Ann", "ask", "https://a.example/licence?a=1&b=2", "DMI-ALLOWED", "",
        "XMP plus:DataMining: DMI-ALLOWED",
    )  # fmt: skip
    assert examine_rights(normalised) == examine_rights(content) == expected
    with Image.open(io.BytesIO(normalised)) as image:
        assert max(image.size) == 1024
        assert image.getexif()[0x013B] == "Ann"
        info = IptcImagePlugin.getiptcinfo(image)
        assert info
        assert info[2, 116] == "© Bäcker <b>".encode()
        assert "WebStatement" in str(image.getxmp())


def test_a_picture_without_rights_keeps_its_bytes() -> None:
    """The recipe is the same as before: no segment is added."""
    assert examine_rights(PLAIN) == NOTHING
    normalised = normalise(PLAIN)
    assert b"Exif" not in normalised
    assert b"xmpmeta" not in normalised
    assert with_rights(normalised, NOTHING) == normalised


@pytest.mark.parametrize(
    "packet",
    [
        b"<x:xmpmeta",
        xmp()[:-60],
        b'<x:xmpmeta xmlns:x="a"><!DOCTYPE a [<!ENTITY b "c">]></x:xmpmeta>',
        b'<!DOCTYPE x [<!ENTITY a "DMI-PROHIBITED">]>' + xmp(elements="<plus:DataMining>&a;</plus:DataMining>"),
        xmp(elements="<dc:a>" * 20_000),
        xmp(elements="<dc:rights>" * 3_000 + "\x07a" + "</dc:rights>" * 3_000),
        b"<rdf:RDF>" * 5_000 + b"</rdf:RDF>",
    ],
)
def test_damaged_and_hostile_metadata_harms_nothing(packet: bytes) -> None:
    assert examine_rights(saved("WEBP", xmp=packet)).objection == ""


def test_what_is_no_picture_has_no_rights() -> None:
    with pytest.raises(Undecodable):
        examine_rights(xmp('plus:DataMining="DMI-PROHIBITED"'))
