"""Write rights into a JPEG: a normalised picture carries on what its original said about copyright and licence.

Only pictures whose originals say something get these segments; the bytes of the others do not change.
"""

from typing import Final
from xml.sax.saxutils import escape, quoteattr  # nosec B406  # XML is written here, not read

from dataset.pictures.rights import ARTIST_TAG, COPYRIGHT_TAG, IPTC_COPYRIGHT, IPTC_CREATOR, Rights

EXIF: Final = b"Exif\0\0"
XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP: Final = b"Photoshop 3.0\0"
IPTC_RESOURCE: Final = b"8BIM\x04\x04\0\0"
UTF_8: Final = b"\x1c\x01\x5a\0\x03\x1b%G"  # dataset 1:90 of IPTC: the character set
VOCABULARY: Final = "http://ns.useplus.org/ldf/vocab/"
NAMESPACES: Final = (
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("xmpRights", "http://ns.adobe.com/xap/1.0/rights/"),
    ("plus", "http://ns.useplus.org/ldf/xmp/1.0/"),
)


def with_rights(jpeg: bytes, rights: Rights) -> bytes:
    """The JPEG with rights in Exif, XMP and IPTC, behind its first segment. The same rights give the same bytes."""
    if not rights.is_stated:
        return jpeg
    start = 4 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == b"\xff\xe0" else 2  # behind JFIF
    segments = [_segment(0xE1, EXIF + _exif(rights)), _segment(0xE1, XMP + _xmp(rights))]
    if rights.copyright_notice:
        segments.append(_segment(0xED, PHOTOSHOP + _iptc(rights)))
    return b"".join([jpeg[:start], *segments, jpeg[start:]])


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _exif(rights: Rights) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    if rights.creator:
        exif[ARTIST_TAG] = rights.creator
    if rights.copyright_notice:
        exif[COPYRIGHT_TAG] = rights.copyright_notice
    return exif.tobytes().removeprefix(EXIF)


def _xmp(rights: Rights) -> bytes:
    lists = (
        ("dc:rights", "Alt", rights.copyright_notice),
        ("dc:creator", "Seq", rights.creator),
        ("xmpRights:UsageTerms", "Alt", rights.usage_terms),
    )
    attributes = (
        ("xmpRights:WebStatement", rights.licence_url),
        ("plus:DataMining", VOCABULARY + rights.mining if rights.mining else ""),
    )
    spaces = "".join(f' xmlns:{prefix}="{address}"' for prefix, address in NAMESPACES)
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes if value)
    language = {"Alt": ' xml:lang="x-default"', "Seq": ""}
    elements = "".join(
        f"<{name}><rdf:{kind}><rdf:li{language[kind]}>{escape(value)}</rdf:li></rdf:{kind}></{name}>"
        for name, kind, value in lists
        if value
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{spaces}{written}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def _iptc(rights: Rights) -> bytes:
    """The resource of Photoshop that holds IPTC-IIM."""
    records = UTF_8
    for (record, number), text in ((IPTC_CREATOR, rights.creator), (IPTC_COPYRIGHT, rights.copyright_notice)):
        value = text.encode()[:2000]
        if value:
            records += bytes((0x1C, record, number)) + len(value).to_bytes(2, "big") + value
    return IPTC_RESOURCE + len(records).to_bytes(4, "big") + records + b"\0" * (len(records) % 2)
