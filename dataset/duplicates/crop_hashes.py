"""Hashes of a picture's parts: a crop of a photo is the whole of another file, and their hashes agree.

A view is a box of the picture. Each has a 64-bit perceptual hash: the sign of its 8×8 lowest frequencies
against their median. A mirrored picture's frequencies differ in sign only, so its hash costs nothing.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.alignment import Box

SIDE_PX = 32
SOURCE_PX = 96  # shorter side from which parts are taken: the smallest part still has two pixels for one
LOW = 8
cv2.setNumThreads(1)  # images are worked on side by side; threads inside each would wait for each other


def _boxes() -> tuple[Box, ...]:
    found: list[Box] = [(0.0, 0.0, 1.0, 1.0)]
    for part in (0.94, 0.88, 0.8, 0.7):
        margin = (1 - part) / 2
        found.append((margin, margin, 1 - margin, 1 - margin))
    found += [(0.0, 0.0, 0.9, 0.9), (0.1, 0.0, 1.0, 0.9), (0.0, 0.1, 0.9, 1.0), (0.1, 0.1, 1.0, 1.0)]
    return (*found, (0.0, 0.0, 1.0, 0.89), (0.0, 0.11, 1.0, 1.0))  # without a bar below, above


BOXES = _boxes()  # the whole, centred crops, crops from each corner, pictures with a bar; the first is the whole
_BASIS = np.cos(np.pi * np.outer(np.arange(LOW), 2 * np.arange(SIDE_PX) + 1) / (2 * SIDE_PX)).astype(np.float32)
_MIRROR = np.where(np.arange(LOW) % 2, -1, 1).astype(np.float32)
_WEIGHTS = np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)


def view_hashes(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], np.uint64]:
    """Hashes of every box of BOXES, (len(BOXES),), and of the whole picture mirrored. grey: (height, width)."""
    if (factor := min(grey.shape) / SOURCE_PX) > 1:
        size = (round(grey.shape[1] / factor), round(grey.shape[0] / factor))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = grey.shape
    tiles = np.empty((len(BOXES), SIDE_PX, SIDE_PX), dtype=np.float32)
    for number, (left, top, right, bottom) in enumerate(BOXES):
        x, y = round(left * width), round(top * height)
        part = grey[y : max(round(bottom * height), y + 1), x : max(round(right * width), x + 1)]
        tiles[number] = cv2.resize(part, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    low = _BASIS @ tiles @ _BASIS.T
    return _signs(low), _signs(low[:1] * _MIRROR)[0]


def _signs(low: NDArray[np.floating]) -> NDArray[np.uint64]:
    """(n, 8, 8) frequencies into n words of 64 bits."""
    flat = low.reshape(len(low), LOW * LOW)
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.asarray((above * _WEIGHTS).sum(axis=1, dtype=np.uint64))
