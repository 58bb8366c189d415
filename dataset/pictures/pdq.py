"""PDQ: a perceptual hash of 256 bits, in which lists of known pictures are exchanged.

Our own arithmetic after the description of the algorithm ("The TMK+PDQF video-hashing algorithm and the PDQ
image-hashing algorithm", 2019), because no package has wheels of it for Linux (docs/decisions/0042). The hashes are
those of the reference but for a few bits, which come from other ways to decode and to shrink a JPEG.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 64  # of the picture that is transformed
FREQUENCIES = 16  # in each direction
BITS = FREQUENCIES * FREQUENCIES
LARGEST_PX = 512  # longest side of what is filtered; the reference shrinks larger pictures, too
WINDOW_DIVISOR = 128  # the filter is as wide as this part of the picture
PASSES = 2
LUMA = (0.299, 0.587, 0.114)
SAME_BITS = 31  # that may differ at most between hashes of the same picture; its documentation recommends it
LEAST_QUALITY = 50  # of 100; pictures with less detail have hashes that mean nothing, says its documentation
QUALITY_DIVISOR = 90  # of the sum of gradients
TURNS = 8  # mirrored and turned


@dataclass(frozen=True)
class Pdq:
    """words: (8, 4) hashes of the picture in each turn, the first as it is. quality: 0 to 100."""

    words: NDArray[np.uint64]
    quality: int

    @property
    def is_telling(self) -> bool:
        """Whether the picture has enough detail to be known by its hash."""
        return self.quality >= LEAST_QUALITY

    def hex(self) -> str:
        """The hash of the picture as it is, 64 hex digits, as lists have it."""
        return str(self.words[0].astype(">u8").tobytes().hex())


def pdq(image: Image.Image) -> Pdq:
    """The hash of an upright RGB picture."""
    if max(image.size) > LARGEST_PX:
        scale = LARGEST_PX / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BILINEAR)
    small = _small(np.asarray(image, dtype=np.float32) @ np.array(LUMA, dtype=np.float32))
    cosines = _cosines()
    waves = np.asarray(cosines @ small @ cosines.T, dtype=np.float32)
    return Pdq(np.stack([_words(_turned(waves, turn)) for turn in range(TURNS)]), _quality(small))


def _small(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """(SIDE_PX, SIDE_PX): smoothed by box filters, then every so many pixels."""
    if luma.shape == (SIDE_PX, SIDE_PX):
        return luma
    for _ in range(PASSES):
        for axis in (1, 0):
            luma = _box(luma, axis)
    rows, columns = (_middles(count) for count in luma.shape)
    return luma[np.ix_(rows, columns)]


def _middles(count: int) -> NDArray[np.int64]:
    return ((np.arange(SIDE_PX) + 0.5) * count / SIDE_PX).astype(np.int64)


def _box(luma: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Means over a window along one axis; at the edges, over the part of the window that is in the picture."""
    count = luma.shape[axis]
    window = (count + WINDOW_DIVISOR - 1) // WINDOW_DIVISOR
    half = (window + 2) // 2
    sums = np.insert(np.cumsum(luma, axis=axis, dtype=np.float64), 0, 0.0, axis=axis)
    at = np.arange(count)
    ends, begins = np.minimum(at + half, count), np.maximum(at + half - window, 0)
    total = sums.take(ends, axis=axis) - sums.take(begins, axis=axis)
    widths = (ends - begins)[:, None] if axis == 0 else (ends - begins)[None, :]
    return np.asarray(total / widths, dtype=np.float32)


@cache
def _cosines() -> NDArray[np.float32]:
    """(FREQUENCIES, SIDE_PX): without the mean brightness, which is frequency 0."""
    frequencies, at = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(SIDE_PX)[None, :]
    waves = np.cos(np.pi / 2 / SIDE_PX * frequencies * (2 * at + 1)) * np.sqrt(2 / SIDE_PX)
    return np.asarray(waves, dtype=np.float32)


def _turned(waves: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Frequencies of the picture in one of 8 turns: they change places and signs."""
    odd = np.where(np.arange(1, FREQUENCIES + 1) % 2 == 1, -1.0, 1.0).astype(np.float32)
    turned = waves.T if turn & 4 else waves
    turned = turned * odd[:, None] if turn & 2 else turned
    return turned * odd[None, :] if turn & 1 else turned


def _words(waves: NDArray[np.float32]) -> NDArray[np.uint64]:
    """(4,) words: the bits of frequencies above the median, the highest one first."""
    middle = np.sort(waves, axis=None)[(BITS - 1) // 2]
    bits = (waves > middle).ravel()[::-1]
    return np.packbits(bits).view(">u8").astype(np.uint64)


def _quality(small: NDArray[np.float32]) -> int:
    """How much detail there is, 0 to 100: the sum of gradients, each cut to a whole number."""
    gradients = sum(int(np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum()) for axis in (0, 1))
    return min(100, gradients // QUALITY_DIVISOR)
