"""What an image looks like, in numbers that fit a row: perceptual hashes and a few measures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from dataset.decoding import SCALED, alpha_share, load, open_image, upright_rgb
from dataset.views import view_hashes

RECIPE = "hashes-256-2"
HASHED_PX = 100
REDUCIBLE = ("L", "RGB", "RGBA", "LA", "CMYK")
BLANK_DETAIL = 4.0  # standard deviation of luminance under which nothing can be seen


@dataclass(frozen=True)
class Fingerprint:
    """phash, dhash: 16 hex digits; phash16: 64; mirrored: of the mirrored picture, as views[0].

    views: hashes of dataset.views.BOXES, (v,) 64-bit words. detail: standard deviation of luminance, 0 to 128.
    alpha: share of transparent pixels. top_colours: share of pixels in the 8 commonest of 4,096 colours.
    white: share of nearly white pixels. edges: mean gradient of luminance, 0 to 255.
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

    def row(self, sha256: str) -> dict[str, object]:
        """As a row of the table `fingerprints`."""
        values = asdict(self)
        columns = {name: values.pop(name) for name in ("phash", "dhash", "phash16", "mirrored", "views", "detail")}
        return {"sha256": sha256, "recipe": RECIPE, **columns, "measures": values}


def fingerprint(content: bytes) -> Fingerprint:
    """Fingerprint of an image's bytes, all of it from one decode. Raises Undecodable.

    Decoded at about 256 px: 4 times faster, and hashes differ by under a bit (see docs/decisions/0004).
    """
    rgb, grey, alpha = _decoded(content)
    pixels: NDArray[np.uint8] = np.asarray(rgb.resize((128, 128), Image.Resampling.BOX))
    light = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    high = (pixels >> 4).astype(np.uint16)
    codes = (high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]
    counts = np.partition(np.bincount(codes.ravel(), minlength=4096), -8)
    views, mirrored = view_hashes(np.asarray(grey))
    detail = _detail(grey)
    # A hash reads 64 by 64 pixels at most: what is twice that is enough to make them of.
    hashed = grey.reduce(factor) if (factor := min(grey.size) // HASHED_PX) > 1 else grey
    return Fingerprint(
        phash=str(imagehash.phash(hashed)),
        dhash=str(imagehash.dhash(hashed)),
        phash16=str(imagehash.phash(hashed, hash_size=16)),
        mirrored=f"{int(mirrored):016x}",
        views=views.astype("<u8").tobytes(),
        detail=round(detail, 3),
        alpha=round(alpha, 4),
        top_colours=round(float(counts[-8:].sum()) / codes.size, 4),
        white=round(float((pixels >= 245).all(axis=2).mean()), 4),
        edges=round(float(np.abs(np.diff(light)).mean() + np.abs(np.diff(light, axis=0)).mean()), 3),
    )


def luminance(content: bytes) -> NDArray[np.uint8]:
    """(height, width) luminance at about 256 px, as fingerprints see it. Raises Undecodable."""
    return np.asarray(_decoded(content)[1])


def _decoded(content: bytes) -> tuple[Image.Image, Image.Image, float]:
    """The picture upright at about 256 px, its luminance, and its share of transparent pixels."""
    image = open_image(content)
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", SCALED)
    load(image)
    if image.width * image.height > 16 * SCALED[0] * SCALED[1]:
        image = image.reduce(max(1, min(image.size) // SCALED[0])) if image.mode in REDUCIBLE else image
    alpha = alpha_share(image)
    rgb = upright_rgb(image, background="white")
    grey = rgb.convert("L")
    if alpha and _detail(grey) < BLANK_DETAIL:
        # White ink on nothing: on white it would equal every other such logo.
        rgb = upright_rgb(image, background="black")
        grey = rgb.convert("L")
    return rgb, grey, alpha


def bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """Hex digests, all of one length, as (n, words) unsigned 64-bit integers."""
    raw = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8")
    return raw.astype(np.uint64).reshape(len(hashes), -1 if len(hashes) else 1)


def _detail(grey: Image.Image) -> float:
    """Standard deviation of luminance."""
    return float(ImageStat.Stat(grey).stddev[0])
