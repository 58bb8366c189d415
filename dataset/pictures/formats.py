"""Formats of files: those that we read, and the names of others, told by their first bytes."""

import re
from typing import Final

READ: Final = {  # Pillow's name → file extension
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "AVIF": "avif",
    "HEIF": "heic",
    "BMP": "bmp",
    "TIFF": "tif",
}
HEAD_BYTES: Final = 65_536  # enough to name a format
BRAND: Final = re.compile(rb".{4}ftyp(.{4})", re.DOTALL)
HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# (first bytes, name) of pictures that no decoder of ours reads, and of those that we read.
PICTURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"II\xbc", "JPEG XR"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"8BPS", "PSD"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "XCF"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"icns", "ICNS"),
)
OTHERS: Final = (
    (b"%pdf", "PDF"),
    (b"<svg", "SVG"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"flv\1", "video"),
    (b"\0\0\1\xba", "video"),
    (b"\0\0\1\xb3", "video"),
    (b"oggs", "sound or video"),
    (b"id3", "sound"),
    (b"pk\3\4", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"rar!", "RAR"),
    (b"\x7felf", "program"),
    (b"sqlite format 3", "SQLite"),
)
RIFF: Final = {b"WEBP": "WEBP", b"AVI ": "video", b"WAVE": "sound"}


def name_of(head: bytes) -> str:
    """The format of a file that begins with these bytes, such as "PDF"; "unknown bytes" if nobody knows."""
    for mark, name in PICTURES:
        if head.startswith(mark):
            return name
    if head.startswith(b"RIFF"):
        return RIFF.get(head[8:12], "RIFF")
    if brand := BRAND.match(head):
        if brand[1] in (b"avif", b"avis"):
            return "AVIF"
        return "HEIF" if brand[1] in HEIF_BRANDS else "video"
    start = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, name in OTHERS:
        if start.startswith(mark):
            return "SVG" if name == "XML" and b"<svg" in head[:4096].lower() else name
    return "text" if _is_text(head) else "unknown bytes"


def refusal(head: bytes) -> str:
    """Why a file is refused that begins with these bytes and that no decoder of ours takes."""
    name = name_of(head)
    if name == "JPEG" and (kind := unread_jpeg(head)):
        return f"{kind} is not read"
    if name in READ:
        return f"damaged: {name} that cannot be opened, or of a kind that is not read"
    return f"{name} is not read" if name in {known for _, known in PICTURES} else f"not an image: {name}"


def unread_jpeg(head: bytes) -> str:
    """Name of a kind of JPEG that libjpeg does not decode; empty for other JPEG files."""
    position = 2
    while position + 9 < len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:
            position += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker >= 0xC9:
                return "JPEG with arithmetic coding"
            if marker not in (0xC0, 0xC1, 0xC2):
                return "lossless or hierarchical JPEG"
            return f"JPEG of {head[position + 4]} bits" if head[position + 4] != 8 else ""
        else:
            position += 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return ""


def _is_text(head: bytes) -> bool:
    try:
        text = head[:512].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < min(len(head), 512) - 3:  # the cut may lie inside a character
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(character.isprintable() or character in "\r\n\t" for character in text)
