"""Reads sitemaps: the pages of a site and the photos on them (sitemaps.org, Google's image extension)."""

import gzip
import io
import zlib
from dataclasses import dataclass, field

from lxml import etree

MAX_BYTES = 50 * 1024 * 1024  # unpacked, as sitemaps.org allows


@dataclass(frozen=True)
class Sitemap:
    """images: by page, its image addresses in order (possibly none). indexed: addresses of further sitemaps."""

    images: dict[str, list[str]] = field(default_factory=dict)
    indexed: list[str] = field(default_factory=list)


def parse(body: bytes) -> Sitemap:
    """The content of a sitemap, plain or gzipped; of a damaged one, what can be read."""
    sitemap = Sitemap()
    try:
        source = io.BytesIO(_unpacked(body))
        for _, element in etree.iterparse(source, recover=True, resolve_entities=False, no_network=True):
            kind = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if kind == "url":
                if page := _text(element, "loc"):
                    images = element.xpath("./*[local-name()='image']/*[local-name()='loc']/text()")
                    sitemap.images.setdefault(page, []).extend(str(image).strip() for image in images)
                element.clear()
            elif kind == "sitemap":
                if address := _text(element, "loc"):
                    sitemap.indexed.append(address)
                element.clear()
    except (etree.XMLSyntaxError, OSError, EOFError, zlib.error, ValueError):
        pass  # keep what was read until then
    return sitemap


def _text(element: "etree._Element", name: str) -> str:
    texts = element.xpath(f"./*[local-name()='{name}']/text()")
    return str(texts[0]).strip() if texts else ""


def _unpacked(body: bytes) -> bytes:
    if body[:2] != b"\x1f\x8b":
        return body[:MAX_BYTES]
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
        return packed.read(MAX_BYTES)
