"""Fingerprint of an image: perceptual hashes and a few measures, small enough for a row of the catalog."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from dataset.duplicates.crop_hashes import view_hashes
from dataset.duplicates.turns import MIRRORED
from dataset.pictures.colours import alpha_share, upright_rgb
from dataset.pictures.decoding import SCALED, Picture, accept, large_in_turn

RECIPE = "hashes-100-3"
HASHED_PX = 100  # shorter side, at least, of the picture that hashes are made from
REDUCIBLE_MODES = ("L", "RGB", "RGBA", "LA", "CMYK")  # Pillow's modes whose pixels can be averaged
FLAT_COLOURS = 0.75  # share of the 8 commonest colours from which a picture counts as drawn, not as a photo
BLANK_DETAIL = 4.0  # standard deviation of luminance, of 255; a picture below it looks empty
COMMONEST_COLOURS = 8  # of 4,096: a drawing has few colours, a photo has many


@dataclass(frozen=True)
class Fingerprint:
    """phash, dhash: 16 hex digits; phash16: 64; mirrored: phash of the mirrored picture, in the same form as views[0].

    views: hashes of crop_hashes.BOXES, then of the whole picture in each of TURNS from the third on; 64-bit words,
    little-endian. detail: standard deviation of luminance, 0 to
    128. alpha: share of transparent pixels. top_colours: share of pixels in the 8 commonest of 4,096 colours.
    white: share of pixels whose colours are all 240 or more. edges: mean gradient of luminance, 0 to 255.
    light: mean luminance, 0 to 255. shape: natural logarithm of width / height, upright.
    """

    phash: str
    dhash: str
    phash16: str
    mirrored: str
    views: bytes
    detail: float
    alpha: float
    top_colours: float
    white: float
    edges: float
    light: float
    shape: float

    def row(self, sha256: str) -> dict[str, object]:
        """The row of the table `fingerprints` for this image."""
        values = asdict(self)
        columns = {name: values.pop(name) for name in ("phash", "dhash", "phash16", "mirrored", "views", "detail")}
        return {"sha256": sha256, "recipe": RECIPE, **columns, "measures": values}


def fingerprint(content: bytes) -> Fingerprint:
    """Fingerprint of an image's bytes. Raises Undecodable."""
    with large_in_turn(content):
        return fingerprint_of(accept(content, HASHED_PX))


def fingerprint_of(picture: Picture) -> Fingerprint:
    """Fingerprint of a picture, from one decode. Raises Undecodable.

    A JPEG is decoded at a scale down to 1/8, but not below HASHED_PX: 4 times faster, and the hashes differ from those
    of the full size by less than a bit (docs/decisions/0004).
    """
    rgb, alpha = _rgb_and_alpha(picture, HASHED_PX)
    # A hash reads 64 by 64 pixels at most. A picture of about twice that is enough for every value here.
    small = rgb.reduce(factor) if (factor := min(rgb.size) // HASHED_PX) > 1 else rgb
    grey = small.convert("L")
    light = np.asarray(grey, dtype=np.float32)
    high = np.right_shift(np.asarray(small, dtype=np.uint8), 4).astype(np.int32)
    counts = np.bincount(((high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]).ravel(), minlength=4096)
    views, turns = view_hashes(np.asarray(grey))
    return Fingerprint(
        phash=_hex(imagehash.phash(grey)),
        dhash=_hex(imagehash.dhash(grey)),
        phash16=_hex(imagehash.phash(grey, hash_size=16)),
        mirrored=f"{int(turns[MIRRORED]):016x}",
        views=np.concatenate([views, turns[MIRRORED + 1 :]]).astype("<u8").tobytes(),
        detail=round(_detail(grey), 3),
        alpha=round(alpha, 4),
        top_colours=round(float(np.sort(counts[counts > 0])[-COMMONEST_COLOURS:].sum()) / light.size, 4),
        white=round(float(counts[-1]) / light.size, 4),
        edges=round(float(np.abs(np.diff(light)).mean() + np.abs(np.diff(light, axis=0)).mean()), 3),
        light=round(float(light.mean()), 1),
        shape=round(math.log(rgb.width / rgb.height), 4),
    )


def luminance(content: bytes) -> NDArray[np.uint8]:
    """(height, width) luminance at about 200 px, prepared as for a fingerprint. Raises Undecodable."""
    side_px = SCALED[0]
    return np.asarray(_rgb_and_alpha(accept(content, side_px), side_px)[0].convert("L"))


def bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """Hex digests, all of one length, as (n, words) unsigned 64-bit integers."""
    raw = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8")
    return raw.astype(np.uint64).reshape(len(hashes), -1 if len(hashes) else 1)


def _rgb_and_alpha(picture: Picture, side_px: int) -> tuple[Image.Image, float]:
    """The picture upright, its shorter side at least `side_px` if it has that many; its share of transparent pixels."""
    image = picture.pixels(side_px)
    if image.mode in REDUCIBLE_MODES and (factor := min(image.size) // (2 * side_px)) > 1:
        image = image.reduce(factor)
    alpha = alpha_share(image)
    rgb = upright_rgb(image, background="white")
    if alpha and _detail(rgb.convert("L")) < BLANK_DETAIL:
        # A white logo on transparency is blank on white, and would equal every other white logo.
        rgb = upright_rgb(image, background="black")
    return rgb, alpha


def _hex(image_hash: imagehash.ImageHash) -> str:
    """The same digits as str(image_hash), ten times faster."""
    return np.packbits(image_hash.hash).tobytes().hex()


def _detail(grey: Image.Image) -> float:
    """Standard deviation of luminance."""
    return float(ImageStat.Stat(grey).stddev[0])
