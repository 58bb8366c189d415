"""Decode bytes of unknown origin into pixels, safely."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import pi_heif
from PIL import Image, UnidentifiedImageError

from dataset.pictures import formats
from dataset.pictures.carried_rights import with_rights
from dataset.pictures.colours import check_levels, has_alpha, orientation, upright_rgb
from dataset.pictures.rights import Rights, rights_of

MAX_PIXELS: Final = 80_000_000  # a 12 MP camera is far below this; a decompression bomb is above
LARGE_PIXELS: Final = 16_000_000  # take up to 200 MB in work; above, pictures are opened one at a time
SCALED: Final = (192, 192)  # JPEG decodes at 1/2, 1/4 or 1/8 down to this: 4 times faster, same hashes
FEATURES_PX: Final = 256  # shorter side, at least, of the pixels that a backbone gets
DERIVED_RECIPE: Final = "jpeg1024-white-2"
DERIVED_SIDE_PX: Final = 1024
JPEG_SCALES: Final = (8, 4, 2, 1)  # by which a JPEG can be decoded smaller
SIZES_REMEMBERED: Final = 10_000  # photos have few different sizes
JPEG_FORMATS: Final = ("JPEG", "MPO")  # Pillow's names of a JPEG file with one picture, and with several

# MAX_PIXELS is checked before any pixel is decoded; the limit of Pillow only warns.
Image.MAX_IMAGE_PIXELS = None
_one_large = threading.RLock()
pi_heif.register_heif_opener(thumbnails=False)


class Undecodable(Exception):
    """The bytes are not an accepted picture; the message gives the reason in a few words."""


@dataclass(frozen=True)
class Header:
    """What the header of a picture says. width, height: in pixels, with the Exif orientation applied."""

    format: str
    width: int
    height: int
    has_alpha: bool


def open_image(content: bytes) -> Image.Image:
    """An image of an accepted format and size, not decoded yet. Raises Undecodable."""
    if not content:
        raise Undecodable("empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=tuple(formats.READ))
    except UnidentifiedImageError:
        raise Undecodable(formats.refusal(content[: formats.HEAD_BYTES])) from None
    except Exception as error:
        raise _undecodable(error) from error
    if image.width * image.height > MAX_PIXELS:
        raise Undecodable(f"too many pixels: {image.width}x{image.height}")
    return image


@contextmanager
def large_in_turn(content: bytes) -> Iterator[None]:
    """Wait until no other thread has a large picture open, if this is one: each needs up to a gigabyte."""
    try:
        image = open_image(content)
        is_large = image.format not in JPEG_FORMATS and image.width * image.height > LARGE_PIXELS
    except Undecodable:
        is_large = False
    with _one_large if is_large else nullcontext():
        yield


def load(image: Image.Image) -> Image.Image:
    """Decode the pixels of the first frame. Raises Undecodable for truncated or damaged data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except Exception as error:
        raise _undecodable(error) from error
    return image


def _undecodable(error: Exception) -> Undecodable:
    """The refusal for an error of any decoder."""
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        return Undecodable("damaged: it needs more memory than there is")
    return Undecodable("truncated" if "truncat" in text.lower() or "end of" in text.lower() else f"damaged: {text}")


def examine(content: bytes) -> Header:
    """Header of a picture whose pixels all decode. Raises Undecodable."""
    return accept(content, SCALED[0], "L").header


def examine_rights(content: bytes) -> Rights:
    """What the bytes of a picture say about copyright, licence and training. Raises Undecodable for no picture."""
    return rights_of(content, open_image(content))


def scaled_rgb(content: bytes, side_px: int = FEATURES_PX) -> Image.Image:
    """The picture upright, RGB on white, decoded at about `side_px`: for hashing and features."""
    return accept(content, side_px).upright(side_px)


def normalise(content: bytes) -> bytes:
    """The normalised picture of an original: upright, sRGB, on white, longest side 1024 px, JPEG, with its rights.

    The same input gives the same bytes. Small pictures are enlarged: their size would tell a model which source they
    come from (docs/decisions/0013). Raises Undecodable.
    """
    with large_in_turn(content):
        return normalised(accept(content, DERIVED_SIDE_PX * 2))


def normalised(picture: "Picture") -> bytes:
    """The same of a picture that is open. Raises Undecodable."""
    upright = picture.in_true_colours(DERIVED_SIDE_PX * 2)
    jpeg = encode_jpeg(
        upright.resize(_scaled(upright.width, upright.height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    )
    return with_rights(jpeg, picture.rights)


@lru_cache(SIZES_REMEMBERED)
def normalised_size(image_format: str, width: int, height: int) -> tuple[int, int]:
    """Width and height of the normalised picture, in pixels, of an original with this format and size (upright).

    A large JPEG is decoded at a smaller scale first, which rounds once more.
    """
    if image_format == "JPEG":
        asked = DERIVED_SIDE_PX * 2
        shrunk = next((by for by in JPEG_SCALES if min(width, height) // asked >= by), 1)
        width, height = -(-width // shrunk), -(-height // shrunk)
    return _scaled(width, height)


def _scaled(width: int, height: int) -> tuple[int, int]:
    scale = DERIVED_SIDE_PX / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """JPEG without metadata. The same pixels give the same bytes."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0, optimize=False)
    return out.getvalue()


def accept(content: bytes, side_px: int, mode: str = "RGB") -> "Picture":
    """Decide whether the bytes are a picture we take: an allowed format and size, and every pixel decodes.

    Collecting (by `examine`) and curating both decide here, so that curating never refuses what collecting stored.
    side_px, mode: what the caller needs first, as in `Picture.pixels`. Raises Undecodable with the reason.
    """
    image = open_image(content)
    is_jpeg = image.format in JPEG_FORMATS
    width, height = image.size  # a draft makes the image smaller
    transparent = has_alpha(image)
    if is_jpeg:
        image.draft(mode, (side_px, side_px))
    try:
        load(image)
    except Undecodable:
        if is_jpeg and (kind := formats.unread_jpeg(content[: formats.HEAD_BYTES])):
            raise Undecodable(f"{kind} is not read") from None
        raise
    try:
        check_levels(image)
    except Exception as error:
        raise _undecodable(error) from error
    # Only now: Pillow decodes a PNG to find its Exif data, and then accepts the rest of a damaged one.
    if orientation(image) >= 5:
        width, height = height, width
    header = Header("JPEG" if is_jpeg else str(image.format), width, height, transparent)
    return Picture(content, header, image)


class Picture:
    """A picture that `accept` took: its header, and its pixels at each scale, decoded once.

    Only JPEG has scales (1/1, 1/2, 1/4, 1/8), and each takes a decode of its own
    (docs/decisions/0020-one-read-of-a-picture.md). Not for use by two threads at once.
    """

    def __init__(self, content: bytes, header: Header, decoded: Image.Image) -> None:
        self.header = header
        self._content = content
        self._first = decoded
        self._decoded = {(decoded.mode, decoded.size): decoded}
        self._upright: dict[tuple[str, tuple[int, int]], Image.Image] = {}

    @cached_property
    def rights(self) -> Rights:
        """What the bytes say about copyright, licence and training."""
        return rights_of(self._content, self._first)

    def pixels(self, side_px: int, mode: str = "RGB") -> Image.Image:
        """The pixels as they are stored, not upright. Do not change them: callers share them.

        side_px: a JPEG is decoded at the smallest scale whose shorter side has that many pixels; the shorter side of a
        small picture has fewer. mode: "L" decodes the brightness of a JPEG alone. Raises Undecodable.
        """
        if self.header.format != "JPEG":
            return self._first
        image = open_image(self._content)
        image.draft(mode, (side_px, side_px))
        key = image.mode, image.size
        if key not in self._decoded:
            self._decoded[key] = load(image)
        return self._decoded[key]

    def upright(self, side_px: int) -> Image.Image:
        """The same pixels upright, RGB, on white."""
        image = self.pixels(side_px)
        key = image.mode, image.size
        if key not in self._upright:
            self._upright[key] = upright_rgb(image)
        return self._upright[key]

    def in_true_colours(self, side_px: int) -> Image.Image:
        """The same in sRGB by the picture's own profile, if it has one."""
        image = self.pixels(side_px)
        return upright_rgb(image, exact_colour=True) if "icc_profile" in image.info else self.upright(side_px)
