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
DERIVED_RECIPE: Final = "jpeg1024-white-2"
DERIVED_SIDE_PX: Final = 1024
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
    image = open_image(content)
    width, height = image.size
    if orientation(image) >= 5:
        width, height = height, width
    header = Header(
        format="JPEG" if image.format == "MPO" else str(image.format),
        width=width,
        height=height,
        has_alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
    )
    if image.format in ("JPEG", "MPO"):
        image.draft("L", SCALED)
    load(image)
    return header


def orientation(image: Image.Image) -> int:
    """Exif orientation, 1 to 8; 1 if it is missing or cannot be read."""
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  any program may have written the Exif data
        return 1
    return value if 1 <= value <= 8 else 1


def scaled_rgb(content: bytes, side_px: int = 256) -> Image.Image:
    """The picture upright, RGB on white, at about `side_px`: for hashes and features. Raises Undecodable."""
    image = open_image(content)
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (side_px, side_px))
    return upright_rgb(load(image))


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
