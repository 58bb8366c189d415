"""Whether two pictures show the same photo: laid on each other as well as they fit, do their details agree?

Two cakes in the same pose agree in their outline; only the same photo agrees in its details.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 96
SMOOTH_PX = 1.2
DETAIL_PX = 4.0  # what is larger than this is outline and light, not detail
CONTRAST_PX = 8.0
NOISE = 4.0  # grey levels: contrast below that is not amplified
MOST_STRETCH = 0.1
MOST_SHEAR = 0.15
LEAST_OVERLAP = 0.6
STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
FLAT = 1e-3  # standard deviation below which there is nothing to lay on

Box = tuple[float, float, float, float]  # left, top, right, bottom, 0 to 1 of the picture


@dataclass(frozen=True)
class Registration:
    """agreement: correlation of details, -1 to 1. overlap: share of the second picture's box that the first covers."""

    agreement: float
    overlap: float


NOT_FOUND = Registration(0.0, 0.0)


def register(
    a: NDArray[np.uint8], b: NDArray[np.uint8], box_a: Box, box_b: Box, mirrored: bool = False
) -> Registration:
    """Lay the box of `a`, mirrored or not, on the box of `b`: a small affine step from where the boxes match.

    a, b: (height, width) luminance. Source: enhanced correlation coefficient (Evangelidis and Psarakis 2008),
    cv2.findTransformECC.
    """
    one, two = _tile(a, box_a), _tile(b, box_b)
    if mirrored:
        one = np.ascontiguousarray(one[:, ::-1])
    if one.std() < FLAT or two.std() < FLAT:
        return NOT_FOUND
    warp = np.eye(2, 3, dtype=np.float32)
    try:
        _, found = cv2.findTransformECC(two, one, warp, cv2.MOTION_AFFINE, STEPS, None, 1)  # type: ignore[call-overload]
    except cv2.error:  # it does not converge: they have nothing in common
        return NOT_FOUND
    step = np.asarray(found, dtype=np.float64)[:, :2] - np.eye(2)
    if np.abs(np.diag(step)).max() > MOST_STRETCH or max(abs(step[0, 1]), abs(step[1, 0])) > MOST_SHEAR:
        return NOT_FOUND
    size = (SIDE_PX, SIDE_PX)
    laid = cv2.warpAffine(one, found, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    everywhere = np.ones((SIDE_PX, SIDE_PX), dtype=np.float32)
    covered = cv2.warpAffine(everywhere, found, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
    overlap = float(covered.mean())
    if overlap < LEAST_OVERLAP:
        return Registration(0.0, overlap)
    x, y = _details(np.asarray(laid, dtype=np.float32))[covered], _details(two)[covered]
    x, y = x - x.mean(), y - y.mean()
    return Registration(float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum() + 1e-9)), overlap)


def _tile(grey: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
    """The box at SIDE_PX by SIDE_PX, a little smoothed."""
    height, width = grey.shape
    left, right = round(box[0] * width), max(round(box[2] * width), round(box[0] * width) + 1)
    top, bottom = round(box[1] * height), max(round(box[3] * height), round(box[1] * height) + 1)
    tile = cv2.resize(grey[top:bottom, left:right], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(tile.astype(np.float32), (0, 0), SMOOTH_PX), dtype=np.float32)


def _details(tile: NDArray[np.float32]) -> NDArray[np.float32]:
    """What changes over a few pixels, as loud where the picture is dull as where it is not."""
    fine = tile - cv2.GaussianBlur(tile, (0, 0), DETAIL_PX)
    loudness = np.sqrt(cv2.GaussianBlur(np.asarray(fine * fine, dtype=np.float32), (0, 0), CONTRAST_PX))
    return np.asarray(fine / (loudness + NOISE), dtype=np.float32)
