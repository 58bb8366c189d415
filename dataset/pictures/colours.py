"""Pixels of every kind into upright 8-bit RGB on one background: depths, palettes, transparency, colour profiles."""

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

UPRIGHT: Final = {  # Exif orientation → operation that makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ALPHA_MODES: Final = ("RGBA", "LA", "PA", "RGBa", "La")
MAX_SAMPLE_TAG, BITS_TAG, SAMPLE_FORMAT_TAG = 281, 258, 339  # of TIFF
SIGNED: Final = 2  # a value of SAMPLE_FORMAT_TAG
WHITE_LEVELS: Final = (255, 4095, 65_535, 2**32 - 1)  # of grey samples: the smallest one that holds all values
SIGNED_WHITE_LEVELS: Final = {16: (255, 4095, 32_767), 32: (255, 4095, 65_535, 2**31 - 1)}  # by bits of a sample
UNIT_LIMIT: Final = 2.0  # samples of floating point up to this have white at 1; sharpening goes a little above it
ROWS_AT_ONCE: Final = 256  # of a picture that is converted: its copy stays small
WHOLE_MODES: Final = ("I", "F", "LAB")  # the range of all samples decides, or a profile
PROFILE_SPACES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}


class UnknownLevels(ValueError):
    """Nobody can say which value of the samples is white."""


def orientation(image: Image.Image) -> int:
    """Exif orientation, 1 to 8; 1 if it is missing or cannot be read."""
    try:
        value = int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  any program may have written the Exif data
        return 1
    return value if 1 <= value <= 8 else 1


def has_alpha(image: Image.Image) -> bool:
    """Whether pixels may be transparent."""
    return image.mode in ALPHA_MODES or "transparency" in image.info


def alpha_share(image: Image.Image) -> float:
    """Share of pixels that are at least half transparent, 0 to 1."""
    if not has_alpha(image):
        return 0.0
    alpha = _colour_and_alpha(image)[1]
    return float((np.asarray(alpha) < 128).mean()) if alpha else 0.0


def upright_rgb(image: Image.Image, *, background: str = "white", exact_colour: bool = False) -> Image.Image:
    """A decoded image, upright and RGB. background: colour behind transparent pixels. exact_colour: convert to sRGB by
    the image's own profile. Raises UnknownLevels for deep samples whose white is not known.
    """
    turn = orientation(image)
    profile = image.info.get("icc_profile") if exact_colour else None
    if has_alpha(image) and not image.mode.startswith(WHOLE_MODES) and not profile:
        rgb = Image.new("RGB", image.size, background)
        for top in range(0, image.height, ROWS_AT_ONCE):  # the copies of a whole large picture would take a gigabyte
            colour, alpha = _colour_and_alpha(image.crop((0, top, image.width, min(top + ROWS_AT_ONCE, image.height))))
            rgb.paste(colour.convert("RGB"), (0, top), alpha)
    else:
        colour, alpha = _colour_and_alpha(image)
        colour = _to_srgb(colour, profile) if profile else colour
        rgb = colour if colour.mode == "RGB" else colour.convert("RGB")
        if alpha:
            opaque = Image.new("RGB", rgb.size, background)
            opaque.paste(rgb, mask=alpha)
            rgb = opaque
    return rgb.transpose(UPRIGHT[turn]) if turn in UPRIGHT else rgb


def check_levels(image: Image.Image) -> None:
    """Raises UnknownLevels if the white of a decoded image's samples is not known."""
    if image.mode.startswith(("I", "F")):
        _levels(image)
    elif image.format == "TIFF" and image.mode in ("RGB", "RGBX", "RGBA"):
        bits = _tag(image, BITS_TAG)
        # Pillow keeps the upper 8 bits of each sample.
        if bits and max(bits) == 16 and max(high for _, high in image.convert("RGB").getextrema()) < 16:  # type: ignore[misc]
            raise UnknownLevels("TIFF colours of 16 bits that use 12 of them or fewer are not read")


def _colour_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours alone, in a mode of 8 bits without palette, and the opacity of each pixel if any may be lower."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image), _key_mask(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image, None
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode == "LA":
        return image.getchannel("L"), image.getchannel("A")
    if has_alpha(image):
        rgba = image.convert("RGBA")
        grey = image.mode in ("L", "1")
        return (image.convert("L") if grey else rgba.convert("RGB")), rgba.getchannel("A")
    if image.mode in ("P", "YCbCr", "HSV", "RGBX"):
        return image.convert("RGB"), None
    return image.convert("L") if image.mode == "1" else image, None


def _key_mask(image: Image.Image) -> Image.Image | None:
    """Opacity of a grey picture in which one value is transparent."""
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey image of deep samples in 8 bits, white where its own white is. Pillow would clip it at 255."""
    samples, white = _levels(image)
    out = np.empty(samples.shape, dtype=np.uint8)
    for top in range(0, len(samples), ROWS_AT_ONCE):
        rows = samples[top : top + ROWS_AT_ONCE].astype(np.float64)
        out[top : top + ROWS_AT_ONCE] = np.rint(rows * (255 / white)).clip(0, 255)
    grey = Image.fromarray(out)
    return Image.eval(grey, lambda level: 255 - level) if _is_white_zero(image) else grey


def _levels(image: Image.Image) -> tuple[NDArray[Any], float]:
    """(height, width) samples of a grey image, and which value is white."""
    samples = np.asarray(image)
    bits, sample_format = _tag(image, BITS_TAG), _tag(image, SAMPLE_FORMAT_TAG)
    if samples.dtype == np.int32 and bits == (32,) and sample_format != (SIGNED,):
        samples = samples.view(np.uint32)  # Pillow has no unsigned samples of 32 bits
    low, high = samples.min(), samples.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnknownLevels("samples that are no numbers")
    if low < (-0.1 if samples.dtype.kind == "f" else 0):
        raise UnknownLevels(f"samples below 0 ({low:g}): nobody knows which one is black")
    if image.format == "PNG":
        return samples, 65_535.0  # the format says so
    if samples.dtype.kind == "f" and high <= UNIT_LIMIT:
        return samples, 1.0
    if bits == (12,):
        return samples, 4095.0
    stated = _tag(image, MAX_SAMPLE_TAG)
    if stated and stated[0] >= high and stated[0] > 1:
        return samples, float(stated[0])
    levels = SIGNED_WHITE_LEVELS.get(bits[0], WHITE_LEVELS) if sample_format == (SIGNED,) else WHITE_LEVELS
    white = next((level for level in levels if high <= level), None)
    if white is None:
        raise UnknownLevels(f"samples up to {high:g}: nobody knows which one is white")
    return samples, float(white)


def _tag(image: Image.Image, number: int) -> tuple[int, ...]:
    """Values of a TIFF tag; empty where there are none."""
    value = getattr(image, "tag_v2", {}).get(number, ())
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white (0) to black; Pillow turns the 8-bit ones itself."""
    return _tag(image, 262) == (0,)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The image by its own profile; as it is, if the profile is damaged or of another kind of colours."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = PROFILE_SPACES.get(own.profile.xcolor_space)
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if space != image.mode:
            return image
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
