"""dataset.pictures.decoding: accepted formats, refusals, and normalised pictures."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from dataset.duplicates.fingerprints import fingerprint
from dataset.pictures.decoding import Undecodable, examine, normalise
from simulator import drawings


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(seed: int = 1) -> Image.Image:
    return Image.open(io.BytesIO(drawings.cake(random.Random(seed)))).convert("RGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_every_format_is_recognised_and_normalised_to_jpeg(kind: str) -> None:
    content = encoded(photo(), kind)
    assert examine(content).format == kind
    with Image.open(io.BytesIO(normalise(content))) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html></html>", "not an image: HTML"),
        (b"<svg xmlns='x'/>", "not an image: SVG"),
        (b"%PDF-1.7", "not an image: PDF"),
        (encoded(photo(), "JPEG")[:20000], "truncated"),
    ],
)
def test_other_bytes_are_refused_with_a_reason(content: bytes, reason: str) -> None:
    """In a few words; no exception of a codec reaches the caller."""
    with pytest.raises(Undecodable, match=reason):
        examine(content)


def test_a_png_with_one_wrong_bit_is_refused() -> None:
    """Security 25: when it is collected, so that no stage stops at it later; Pillow may say so only the first time."""
    whole = encoded(photo(), "PNG")
    for place in range(whole.index(b"IDAT") + 100, len(whole) - 100, len(whole) // 20):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        with pytest.raises(Undecodable, match=r"damaged|truncated"):
            examine(bytes(damaged))


@pytest.mark.parametrize("mark", [b"pitm", b"mdat"])
def test_a_damaged_avif_is_refused(mark: bytes) -> None:
    """Security 25: the decoder's RuntimeError, when the file is opened or decoded, does not end a collection."""
    damaged = bytearray(encoded(photo().resize((64, 64)), "AVIF"))
    place = damaged.index(mark) + (4 if mark == b"mdat" else 0)  # its picture, or the name of the box that names it
    damaged[place] ^= 0xFF
    with pytest.raises(RuntimeError), Image.open(io.BytesIO(bytes(damaged))) as image:
        image.load()
    with pytest.raises(Undecodable, match="damaged"):
        examine(bytes(damaged))


def test_decompression_bomb_is_refused_before_decoding() -> None:
    """A small file may claim 169 million pixels."""
    bomb = encoded(Image.new("1", (13000, 13000)), "PNG")
    assert len(bomb) < 50_000
    with pytest.raises(Undecodable, match="too many pixels"):
        examine(bomb)


def test_a_normalised_picture_is_upright_on_white_and_srgb() -> None:
    """Exif orientation, transparency, CMYK and 16 bit."""
    turned = photo()
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(turned, "JPEG", exif=exif)
    assert (examine(content).width, examine(content).height) == (turned.height, turned.width)
    with Image.open(io.BytesIO(normalise(content))) as image:
        assert (image.width > image.height) == (turned.height > turned.width)
    clear = encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG")
    assert np.asarray(Image.open(io.BytesIO(normalise(clear)))).min() > 250
    assert examine(encoded(photo().convert("CMYK"), "JPEG")).format == "JPEG"
    deep = encoded(Image.fromarray(np.full((300, 300), 32768, dtype=np.uint16)), "PNG")
    assert 120 < np.asarray(Image.open(io.BytesIO(normalise(deep)))).mean() < 136


def test_the_longest_side_is_1024_px() -> None:
    """Of small pictures too: their size would tell a model which source they come from."""
    big = Image.open(io.BytesIO(normalise(encoded(photo().resize((3000, 2000)), "JPEG"))))
    assert big.size == (1024, 683)
    small = Image.open(io.BytesIO(normalise(encoded(photo().resize((300, 200)), "JPEG"))))
    assert small.size == (1024, 683)


def test_white_logos_on_transparency_have_different_hashes() -> None:
    """On a white background they would all be the same blank page."""
    marks = []
    for box in ((40, 40, 160, 120), (150, 30, 260, 280)):
        image = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), box)
        marks.append(fingerprint(encoded(image, "PNG")))
    assert marks[0].phash != marks[1].phash
    assert marks[0].alpha > 0.5
