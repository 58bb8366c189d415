"""Hashes of the parts of a picture: they agree with the hash of another file that is a crop of it.

A view is a box of the picture. It has a 64-bit perceptual hash: which of its 8×8 lowest frequencies are above their
median. The frequencies of a mirrored or turned picture differ in their signs and their order only, so its hash needs
no other transform.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.alignment import Box
from dataset.duplicates.turns import TURNS, turned_frequencies

SIDE_PX = 32
SOURCE_PX = 96  # shorter side of the picture that parts are taken from: the smallest part is still twice SIDE_PX
LOWEST = 8  # frequencies in each direction
cv2.setNumThreads(1)  # several pictures are hashed at once; threads inside of one would wait for those of the others


def _boxes() -> tuple[Box, ...]:
    boxes: list[Box] = [(0.0, 0.0, 1.0, 1.0)]
    for part in (0.94, 0.88, 0.8, 0.7):
        margin = (1 - part) / 2
        boxes.append((margin, margin, 1 - margin, 1 - margin))
    boxes += [(0.0, 0.0, 0.9, 0.9), (0.1, 0.0, 1.0, 0.9), (0.0, 0.1, 0.9, 1.0), (0.1, 0.1, 1.0, 1.0)]
    return (*boxes, (0.0, 0.0, 1.0, 0.89), (0.0, 0.11, 1.0, 1.0))  # without a bar below, without one above


def _reshaped() -> Iterator[Box]:
    """The middle of a side, and both its ends: a 4:3 picture as a square has 0.75 of a side, a 3:2 picture 0.67."""
    for part, ends in ((0.9, False), (0.82, False), (0.75, True), (0.67, True), (0.56, False)):
        for left in ((1 - part) / 2, 0.0, 1 - part)[: 3 if ends else 1]:
            yield (left, 0.0, left + part, 1.0)
            yield (0.0, left, 1.0, left + part)


PLAIN = _boxes()  # the whole picture first; centred crops, crops from each corner, pictures without a bar
RESHAPED = tuple(_reshaped())  # cut to another shape, as thumbnails are
BOXES = PLAIN + RESHAPED
_BASIS = np.cos(np.pi * np.outer(np.arange(LOWEST), 2 * np.arange(SIDE_PX) + 1) / (2 * SIDE_PX)).astype(np.float32)
_WEIGHTS = np.uint64(1) << np.arange(63, -1, -1, dtype=np.uint64)


def view_hashes(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The hash of each box of BOXES, (v,), and of the whole picture in each of TURNS, (8,). grey: (height, width)."""
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
    return signs(low), signs(np.stack([turned_frequencies(low[0], turn) for turn in TURNS]))


def signs(low: NDArray[np.floating]) -> NDArray[np.uint64]:
    """(n,) words of 64 bits: which of (n, 8, 8) frequencies are above their median."""
    flat = low.reshape(len(low), LOWEST * LOWEST)
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.asarray((above * _WEIGHTS).sum(axis=1, dtype=np.uint64))
