"""What an image looks like, in numbers that fit a row: perceptual hashes and a few measures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from dataset.duplicates.crop_hashes import view_hashes
from dataset.pictures.decoding import SCALED, alpha_share, load, open_image, upright_rgb

RECIPE = "hashes-100-1"
HASHED_PX = 100  # shorter side, at least, of what hashes are made from
REDUCIBLE = ("L", "RGB", "RGBA", "LA", "CMYK")
BLANK_DETAIL = 4.0  # standard deviation of luminance under which nothing can be seen


@dataclass(frozen=True)
class Fingerprint:
    """phash, dhash: 16 hex digits; phash16: 64; mirrored: of the mirrored picture, as views[0].

    views: hashes of crop_hashes.BOXES, (v,) 64-bit words. detail: standard deviation of luminance, 0 to 128.
    alpha: share of transparent pixels. top_colours: share of pixels in the 8 commonest of 4,096 colours.
    white: share of pixels of 240 and more in all colours. edges: mean gradient of luminance, 0 to 255.
    light: mean luminance, 0 to 255.
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

    def row(self, sha256: str) -> dict[str, object]:
        """As a row of the table `fingerprints`."""
        values = asdict(self)
        columns = {name: values.pop(name) for name in ("phash", "dhash", "phash16", "mirrored", "views", "detail")}
        return {"sha256": sha256, "recipe": RECIPE, **columns, "measures": values}


def fingerprint(content: bytes) -> Fingerprint:
    """Fingerprint of an image's bytes, all of it from one decode. Raises Undecodable.

    JPEG decodes at 1/8 down to HASHED_PX: 4 times faster, and hashes differ by under a bit (docs/decisions/0004).
    """
    rgb, alpha = _decoded(content, HASHED_PX)
    # A hash reads 64 by 64 pixels at most: about twice that is enough to make all of it from.
    small = rgb.reduce(factor) if (factor := min(rgb.size) // HASHED_PX) > 1 else rgb
    grey = small.convert("L")
    light = np.asarray(grey, dtype=np.float32)
    high = np.right_shift(np.asarray(small, dtype=np.uint8), 4).astype(np.int32)
    counts = np.bincount(((high[..., 0] << 8) | (high[..., 1] << 4) | high[..., 2]).ravel(), minlength=4096)
    views, mirrored = view_hashes(np.asarray(grey))
    return Fingerprint(
        phash=_hex(imagehash.phash(grey)),
        dhash=_hex(imagehash.dhash(grey)),
        phash16=_hex(imagehash.phash(grey, hash_size=16)),
        mirrored=f"{int(mirrored):016x}",
        views=views.astype("<u8").tobytes(),
        detail=round(_detail(grey), 3),
        alpha=round(alpha, 4),
        top_colours=round(float(np.sort(counts[counts > 0])[-8:].sum()) / light.size, 4),
        white=round(float(counts[-1]) / light.size, 4),
        edges=round(float(np.abs(np.diff(light)).mean() + np.abs(np.diff(light, axis=0)).mean()), 3),
        light=round(float(light.mean()), 1),
    )


def luminance(content: bytes) -> NDArray[np.uint8]:
    """(height, width) luminance at about 200 px, as fingerprints see it. Raises Undecodable."""
    return np.asarray(_decoded(content, SCALED[0])[0].convert("L"))


def _decoded(content: bytes, side_px: int) -> tuple[Image.Image, float]:
    """The picture upright, its shorter side at least `side_px` where it has that many; share of transparent pixels."""
    image = open_image(content)
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (side_px, side_px))
    load(image)
    if image.mode in REDUCIBLE and (factor := min(image.size) // (2 * side_px)) > 1:
        image = image.reduce(factor)
    alpha = alpha_share(image)
    rgb = upright_rgb(image, background="white")
    if alpha and _detail(rgb.convert("L")) < BLANK_DETAIL:
        # White ink on nothing: on white it would equal every other such logo.
        rgb = upright_rgb(image, background="black")
    return rgb, alpha


def bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """Hex digests, all of one length, as (n, words) unsigned 64-bit integers."""
    raw = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8")
    return raw.astype(np.uint64).reshape(len(hashes), -1 if len(hashes) else 1)


def _hex(found: imagehash.ImageHash) -> str:
    """As imagehash writes it, in a tenth of the time."""
    return np.packbits(found.hash).tobytes().hex()


def _detail(grey: Image.Image) -> float:
    """Standard deviation of luminance."""
    return float(ImageStat.Stat(grey).stddev[0])
