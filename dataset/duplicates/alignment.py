"""Whether two pictures show the same photo: align them as well as possible, then compare their details.

Two cakes in the same pose agree in their outline; only the same photo agrees in its details.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.turns import turned

SIDE_PX = 96
SMOOTH_PX = 1.2  # standard deviation of the blur before the alignment
DETAIL_PX = 4.0  # larger structures are outline and light, not detail
CONTRAST_PX = 8.0  # size of the neighbourhood whose contrast is made equal
NOISE_GREY_LEVELS = 4.0  # weaker contrast is not amplified
MAX_STRETCH = 0.1  # of a side
MAX_SHEAR = 0.15  # of a side
MIN_OVERLAP = 0.6  # share of the second picture's box
STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)  # after 40 steps, or when nothing improves
FLAT_GREY_LEVELS = 1e-3  # standard deviation below which there is nothing to align

Box = tuple[float, float, float, float]  # left, top, right, bottom, 0 to 1 of the picture


@dataclass(frozen=True)
class Alignment:
    """agreement: correlation of details, -1 to 1. overlap: share of the second picture's box that the first covers."""

    agreement: float
    overlap: float


NO_ALIGNMENT = Alignment(0.0, 0.0)


def align(a: NDArray[np.uint8], b: NDArray[np.uint8], box_a: Box, box_b: Box, turn: int = 0) -> Alignment:
    """Align the box of `a` with the box of `b` by a small affine step, and compare their details.

    a, b: (height, width) luminance. turn: one of turns.TURNS; `a` is turned first. Source: enhanced correlation
    coefficient (Evangelidis and Psarakis 2008), cv2.findTransformECC.
    """
    one, two = np.ascontiguousarray(turned(_tile(a, box_a), turn)), _tile(b, box_b)
    if one.std() < FLAT_GREY_LEVELS or two.std() < FLAT_GREY_LEVELS:
        return NO_ALIGNMENT
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, warp = cv2.findTransformECC(two, one, start, cv2.MOTION_AFFINE, STOP, None, 1)  # type: ignore[call-overload]
    except cv2.error:  # it does not converge: the pictures have nothing in common
        return NO_ALIGNMENT
    step = np.asarray(warp, dtype=np.float64)[:, :2] - np.eye(2)
    if np.abs(np.diag(step)).max() > MAX_STRETCH or max(abs(step[0, 1]), abs(step[1, 0])) > MAX_SHEAR:
        return NO_ALIGNMENT
    size = (SIDE_PX, SIDE_PX)
    aligned = cv2.warpAffine(one, warp, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    everywhere = np.ones((SIDE_PX, SIDE_PX), dtype=np.float32)
    covered = cv2.warpAffine(everywhere, warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0
    overlap = float(covered.mean())
    if overlap < MIN_OVERLAP:
        return Alignment(0.0, overlap)
    x, y = _details(np.asarray(aligned, dtype=np.float32))[covered], _details(two)[covered]
    x, y = x - x.mean(), y - y.mean()
    return Alignment(float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum() + 1e-9)), overlap)


def _tile(grey: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
    """The box at SIDE_PX by SIDE_PX, slightly blurred."""
    height, width = grey.shape
    left, right = round(box[0] * width), max(round(box[2] * width), round(box[0] * width) + 1)
    top, bottom = round(box[1] * height), max(round(box[3] * height), round(box[1] * height) + 1)
    tile = cv2.resize(grey[top:bottom, left:right], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(tile.astype(np.float32), (0, 0), SMOOTH_PX), dtype=np.float32)


def _details(tile: NDArray[np.float32]) -> NDArray[np.float32]:
    """Structures of a few pixels, with the same contrast in all parts of the picture."""
    fine = tile - cv2.GaussianBlur(tile, (0, 0), DETAIL_PX)
    contrast = np.sqrt(cv2.GaussianBlur(np.asarray(fine * fine, dtype=np.float32), (0, 0), CONTRAST_PX))
    return np.asarray(fine / (contrast + NOISE_GREY_LEVELS), dtype=np.float32)
