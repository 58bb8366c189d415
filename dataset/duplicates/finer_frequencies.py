"""Whether pictures that hashes propose agree in their finer frequencies too: judged from their hashes alone.

The 256-bit pHash has the signs of the 16×16 lowest frequencies. With the strength that frequencies usually have in
photos they are a rough picture, and a part of it predicts the signs of another picture. The 64-bit hashes that propose
a pair speak of the 8×8 lowest frequencies. The others agree if both show the same photo, and by chance if not
(docs/decisions/0048). It takes less than a hundredth of the time in which the pictures are read and aligned.
"""

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.crop_hashes import BOXES, LOWEST
from dataset.duplicates.turns import turned_frequencies

FREQUENCIES = 16  # in each direction, of the 256-bit pHash
SAMPLES = 32  # in each direction, of the rough picture
SHARPNESS = 8  # samples of the rough picture from which each sample of a part is averaged
LEAST = 0.35  # least agreement of the finer frequencies of the same photo
MOVED = (-0.03, 0.0, 0.03)  # of the part's side, down and to the right: a crop is seldom exactly one of BOXES
SCALED = (0.95, 1.0, 1.05)
TOGETHER = 512  # pairs that are judged at once: what they need stays in the processor's cache

Signs = NDArray[np.float32]
Move = tuple[float, float, float]  # down, right, scale
_EXACTLY: Sequence[Move] = [(0.0, 0.0, 1.0)]
_MOVES: Sequence[Move] = list(itertools.product(MOVED, MOVED, SCALED))


def fine_signs(fine: NDArray[np.uint64]) -> Signs:
    """(n, 16, 16) signs, -1 or 1, of the frequencies (vertical, horizontal), from 256-bit pHashes, (n, 4) words."""
    above = np.unpackbits(fine.astype(">u8").view(np.uint8), axis=1).reshape(len(fine), FREQUENCIES, FREQUENCIES)
    return above.astype(np.float32) * 2 - 1


def agree(wholes: NDArray[np.uint64], turn: int, others: NDArray[np.uint64], box: int) -> NDArray[np.bool_]:
    """(n,) whether whole pictures, in one of TURNS, may be the part of the others that is a number in BOXES.

    wholes, others: their 256-bit pHashes, (n, 4) words.
    """
    found = np.zeros(len(wholes), dtype=bool)
    for moves in (_EXACTLY, _MOVES):  # most parts of the same photo agree where they are, and that is quick to see
        rest = np.flatnonzero(~found)
        for start in range(0, len(rest), TOGETHER):
            some = rest[start : start + TOGETHER]
            turned = turned_frequencies(fine_signs(wholes[some]), turn)
            found[some] = agreement(turned, fine_signs(others[some]), box, moves) >= LEAST
    return found


def agreement(wholes: Signs, others: Signs, box: int, moves: Sequence[Move]) -> NDArray[np.float32]:
    """(n,) how well parts of the others predict the finer signs of the wholes, -1 to 1, where all signs fit best."""
    # With the rows first, each step is one product of two matrices: (16, n, 16).
    rough = np.ascontiguousarray((others * _strength()).transpose(1, 0, 2)).reshape(FREQUENCIES, -1)
    wanted = np.ascontiguousarray(wholes.transpose(1, 0, 2)).reshape(-1, FREQUENCIES)
    best, finer = np.full((2, len(wholes)), -np.inf, dtype=np.float32)
    for down, right, scale in moves:
        vertical, horizontal = _warps(box, down, right, scale)
        moved = (vertical @ rough).reshape(-1, FREQUENCIES) @ horizontal.T
        fitting, strength = (_sums(array, len(wholes)) for array in (moved * wanted, np.abs(moved)))
        fit, fine = fitting.sum(axis=0) / strength.sum(axis=0), fitting[0] / strength[0]
        finer = np.where(fit > best, fine, finer)
        best = np.maximum(fit, best)
    return finer


def _sums(values: Signs, count: int) -> Signs:
    """(2, n) sums over the finer and over the coarse frequencies. values: (16 · n, 16), vertical frequencies first."""
    rows = values.reshape(FREQUENCIES, count, FREQUENCIES)
    coarse = rows[:LOWEST, :, :LOWEST].sum(axis=(0, 2))
    return np.stack([rows.sum(axis=(0, 2)) - coarse, coarse])


@functools.cache
def _strength() -> Signs:
    """(16, 16) how strong each frequency usually is in a photo; that of the mean is no part of it."""
    squares = np.arange(FREQUENCIES) ** 2
    both = np.add.outer(squares, squares).astype(np.float32)
    both[0, 0] = np.inf
    return np.asarray(both**-0.6, dtype=np.float32)


@functools.cache
def _warps(box: int, down: float, right: float, scale: float) -> tuple[Signs, Signs]:
    """Matrices from frequencies of the whole to those of the part, (16, 16): vertical and horizontal."""
    x, y, x_end, y_end = BOXES[box]
    vertical, horizontal = _warp(y, y_end, down, scale), _warp(x, x_end, right, scale)
    return vertical.astype(np.float32), horizontal.astype(np.float32)


def _warp(low: float, high: float, moved: float, scaled: float) -> NDArray[np.float64]:
    """(16, 16) frequencies of a stretch of a line, from frequencies of the whole line."""
    side = high - low
    middle, half = (low + high) / 2 + moved * side, side / 2 * scaled
    places = (np.arange(SAMPLES * SHARPNESS) + 0.5) / (SAMPLES * SHARPNESS)
    at = np.clip((middle - half + 2 * half * places) * SAMPLES - 0.5, 0, SAMPLES - 1)
    line = np.eye(SAMPLES)
    stretched = np.stack([np.interp(at, np.arange(SAMPLES), one) for one in line], axis=1)
    basis = _basis()
    return np.asarray(basis @ stretched.reshape(SAMPLES, SHARPNESS, SAMPLES).mean(axis=1) @ basis.T)


def _basis() -> NDArray[np.float64]:
    """(16, 32) the lowest functions of the discrete cosine transform, orthonormal."""
    basis = np.cos(np.pi * np.outer(np.arange(FREQUENCIES), 2 * np.arange(SAMPLES) + 1) / (2 * SAMPLES))
    basis[0] /= np.sqrt(2)
    return np.asarray(basis * np.sqrt(2 / SAMPLES))
