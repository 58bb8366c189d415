"""Decode bytes of unknown origin into pixels, safely."""

import io
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

MAX_PIXELS: Final = 80_000_000  # a 12 MP camera is far below this; a decompression bomb is above
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")  # JPEG includes MPO
SCALED: Final = (192, 192)  # JPEG decodes at 1/2, 1/4 or 1/8 down to this: 4 times faster, same hashes
FEATURES_PX: Final = 256  # shorter side, at least, of the pixels that a backbone gets
DERIVED_RECIPE: Final = "jpeg1024-white-2"
DERIVED_SIDE_PX: Final = 1024
JPEG_FORMATS: Final = ("JPEG", "MPO")  # Pillow's names of a JPEG file with one picture, and with several
UPRIGHT: Final = {  # Exif orientation → operation that makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# MAX_PIXELS is checked before any pixel is decoded; the limit of Pillow only warns.
Image.MAX_IMAGE_PIXELS = None


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
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise Undecodable(f"not an image: {_looks_like(content)}") from None
    except (OSError, ValueError, SyntaxError, MemoryError, OverflowError) as error:
        raise Undecodable(f"damaged: {error}") from error
    if image.width * image.height > MAX_PIXELS:
        raise Undecodable(f"too many pixels: {image.width}x{image.height}")
    return image


def load(image: Image.Image) -> Image.Image:
    """Decode the pixels of the first frame. Raises Undecodable for truncated or damaged data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except Exception as error:
        text = str(error)
        raise Undecodable(
            "truncated" if "truncat" in text or "end of" in text.lower() else f"damaged: {text}"
        ) from error
    return image


def examine(content: bytes) -> Header:
    """Header of a picture whose pixels all decode. Raises Undecodable."""
    return accept(content, SCALED[0], "L").header


def orientation(image: Image.Image) -> int:
    """Exif orientation, 1 to 8; 1 if it is missing or cannot be read."""
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  any program may have written the Exif data
        return 1
    return value if 1 <= value <= 8 else 1


def scaled_rgb(content: bytes, side_px: int = FEATURES_PX) -> Image.Image:
    """The picture upright, RGB on white, decoded at about `side_px`: for hashing and features."""
    return accept(content, side_px).upright(side_px)


def normalise(content: bytes) -> bytes:
    """The normalised picture of an original: upright, sRGB, on white, longest side 1024 px, JPEG.

    The same input gives the same bytes. Small pictures are enlarged: their size would tell a model which source they
    come from (docs/decisions/0013). Raises Undecodable.
    """
    image = open_image(content)
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (DERIVED_SIDE_PX * 2, DERIVED_SIDE_PX * 2))
    upright = upright_rgb(load(image), exact_colour=True)
    scale = DERIVED_SIDE_PX / max(upright.size)
    size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
    return encode_jpeg(upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """JPEG without metadata. The same pixels give the same bytes."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0, optimize=False)
    return out.getvalue()


def alpha_share(image: Image.Image) -> float:
    """Share of pixels that are at least half transparent, 0 to 1."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return 0.0
    alpha: NDArray[np.uint8] = np.asarray(image.convert("RGBA").getchannel("A"))
    return float((alpha < 128).mean())


def upright_rgb(image: Image.Image, *, background: str = "white", exact_colour: bool = False) -> Image.Image:
    """A decoded image, upright and RGB. background: colour behind transparent pixels. exact_colour: convert to sRGB by
    the image's own profile.
    """
    turn = orientation(image)
    profile = image.info.get("icc_profile") if exact_colour else None
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        # 16-bit grey: Pillow would turn every value above 255 into white.
        image = Image.fromarray((np.asarray(image, dtype=np.float64) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, background)
        image.paste(rgba, mask=rgba.getchannel("A"))
    if profile and image.mode in ("RGB", "CMYK", "L"):
        image = _to_srgb(image, profile)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return image.transpose(UPRIGHT[turn]) if turn in UPRIGHT else image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # the profile is damaged; treat the pixels as sRGB
    return converted or image


def _looks_like(content: bytes) -> str:
    head = content[:512].lstrip().lower()
    for mark, name in (
        (b"<svg", "SVG"),
        (b"<!doctype html", "HTML"),
        (b"<html", "HTML"),
        (b"%pdf", "PDF"),
        (b"<?xml", "XML"),
    ):
        if head.startswith(mark):
            return "SVG" if name == "XML" and b"<svg" in content[:4096].lower() else name
    return "unknown bytes"


def accept(content: bytes, side_px: int, mode: str = "RGB") -> "Picture":
    """Decide whether the bytes are a picture we take: an allowed format and size, and every pixel decodes.

    Collecting (by `examine`) and curating both decide here, so that curating never refuses what collecting stored.
    side_px, mode: what the caller needs first, as in `Picture.pixels`. Raises Undecodable with the reason.
    """
    image = open_image(content)
    is_jpeg = image.format in JPEG_FORMATS
    width, height = image.size  # a draft makes the image smaller
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if is_jpeg:
        image.draft(mode, (side_px, side_px))
    load(image)
    # Only now: Pillow decodes a PNG to find its Exif data, and then accepts the rest of a damaged one.
    if orientation(image) >= 5:
        width, height = height, width
    header = Header("JPEG" if is_jpeg else str(image.format), width, height, has_alpha)
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
