"""dataset/pictures/decoding.py: one decision whether bytes are a picture, and one decode for each scale."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from dataset.duplicates.fingerprints import fingerprint, fingerprint_of
from dataset.pictures.decoding import FEATURES_PX, Undecodable, accept, examine, normalise, scaled_rgb
from simulator import drawings

SIDES_PX = (100, FEATURES_PX, 480)


def encoded(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(drawings.cake(random.Random(4)))).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def is_accepted(take: object, content: bytes) -> bool:
    try:
        take(content)  # type: ignore[operator]
    except Undecodable:
        return False
    return True


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_collecting_accepts_exactly_what_can_be_curated_and_published(kind: str) -> None:
    """Also of damaged files: Pillow opens some damaged PNG files in one order of calls, and not in another."""
    content, rng = encoded(kind), random.Random(kind)
    for _ in range(30):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(30, len(damaged))] ^= 0xFF
        file = bytes(damaged)
        assert len({is_accepted(take, file) for take in (examine, fingerprint, scaled_rgb, normalise)}) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_header_has_the_size_of_the_upright_picture(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = accept(encoded(kind, exif=exif), 10_000)
    assert (picture.header.width, picture.header.height) == picture.upright(10_000).size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_pixels_at_each_scale_are_those_of_a_decode_of_their_own(kind: str) -> None:
    """Whatever was asked for before."""
    content = encoded(kind)
    picture = accept(content, SIDES_PX[0])
    assert fingerprint_of(picture) == fingerprint(content)
    for side_px in SIDES_PX:
        assert np.array_equal(np.asarray(picture.upright(side_px)), np.asarray(scaled_rgb(content, side_px)))
