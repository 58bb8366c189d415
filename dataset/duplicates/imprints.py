"""Imprints: what tombstones keep of a picture, so that it is known again in any file that shows it. Hashes only.

An imprint is the hash of the whole picture or of its centre: the signs of its 16×16 lowest frequencies, 256 bits. The
centre is in every crop that takes at most a fifth from each side. Another file shows the picture if a part of it has
nearly this hash, mirrored or turned or not. Which part is searched: first on a grid, then in small steps. That needs
the pixels of the other file only (docs/decisions/0004-what-counts-as-the-same-picture.md).
"""

import functools
import heapq
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.alignment import Box
from dataset.duplicates.crop_hashes import signs
from dataset.duplicates.fingerprints import BLANK_DETAIL
from dataset.duplicates.turns import TURNS

SIDE_PX = 96
LOWEST = 16  # frequencies in each direction
CENTRE: Box = (0.2, 0.2, 0.8, 0.8)
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
KEPT = (WHOLE, CENTRE)
MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)  # of the parts on the grid, as shares of a side
LEAST_SIDE = 0.6  # of a part, as a share of the picture's side
MOST_STRETCH = 1.7  # ratio of a part's width and height, as shares of the picture's
COARSE_BITS = 12  # of the 64 lowest frequencies that may differ between an imprint and a part on the grid
GRID_BITS = 88  # of all 256
SEARCHED = 12  # parts on the grid from which the search begins, the most similar first
STARTS = 3  # of these, for one imprint: from one alone, the search may end too early
SHOWN_BITS = 28  # of 256 that may differ where the search ends; measured in docs/duplicates.md
COMPARED = 1 << 16  # hashes at a time: they stay in the processor's cache
STEPS = (0.05, 0.025, 0.0125, 0.006)  # of the search, as shares of a side


def imprints_of(grey: NDArray[np.uint8]) -> list[str]:
    """Imprints of a picture, 64 hex digits each; none where it has too little detail. grey: (height, width)."""
    picture = _square(grey)
    return [_packed(_bits(_frequencies(picture, box))).tobytes().hex() for box in KEPT if _has_detail(picture, box)]


def part_hashes(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(n,) hashes of the parts on the grid, in the form of `view_hashes`. grey: (height, width) luminance."""
    half = LOWEST // 2
    return signs(_grid_frequencies(_square(grey))[:, :half, :half])


@dataclass(frozen=True)
class Imprints:
    """n imprints in each of the 8 turns. words: (n, 8, 4); the first word has the lowest frequencies."""

    words: NDArray[np.uint64]

    @classmethod
    def of(cls, kept: Sequence[str]) -> "Imprints":
        """kept: 64 hex digits each."""
        half = LOWEST // 2
        raw = np.frombuffer(bytes.fromhex("".join(kept)), dtype=np.uint8)
        blocks = np.unpackbits(raw).reshape(len(kept), 2, 2, half, half).astype(bool)
        square = blocks.swapaxes(2, 3).reshape(len(kept), LOWEST, LOWEST)
        return cls(_words(np.stack([_turned(square, turn) for turn in TURNS], axis=1)))

    def __len__(self) -> int:
        return len(self.words)

    def shown_in(self, grey: NDArray[np.uint8]) -> bool:
        """Whether a picture shows what one of the imprints is of. grey: (height, width) luminance."""
        picture = _square(grey)
        if not len(self) or not _has_detail(picture, WHOLE):
            return False
        flat = self.words.reshape(-1, 4)
        near = self._on_grid(picture)
        return any(_searched(picture, flat[kept], part, bits) <= SHOWN_BITS for kept, part, bits in near)

    def _on_grid(self, picture: NDArray[np.float32]) -> list[tuple[int, Box, int]]:
        """Imprints (by number and turn) that a part of the grid resembles, with the part and the bits that differ."""
        parts = _words(_bits(_grid_frequencies(picture)))
        flat = self.words.reshape(-1, 4)
        found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        step = max(1, COMPARED // len(parts))
        for start in range(0, len(flat), step):
            coarse = np.bitwise_count(flat[start : start + step, None, 0] ^ parts[None, :, 0])
            i, j = np.nonzero(coarse <= COARSE_BITS)
            fine = np.bitwise_count(flat[i + start] ^ parts[j]).sum(axis=1, dtype=np.int64)
            near = fine <= GRID_BITS
            for number, part, distance in zip(
                (i[near] + start).tolist(), j[near].tolist(), fine[near].tolist(), strict=True
            ):
                found[number // len(TURNS)].append((distance, number, part))
        best = heapq.nsmallest(SEARCHED, itertools.chain(*(heapq.nsmallest(STARTS, some) for some in found.values())))
        return [(number, _grid()[0][part], distance) for distance, number, part in best]


def _searched(picture: NDArray[np.float32], wanted: NDArray[np.uint64], part: Box, distance: int) -> int:
    """Bits that differ where the search for a part with the wanted hash ends. part: where it begins."""
    for step in STEPS:
        while distance > SHOWN_BITS:
            tries = [moved for move in _MOVES if (moved := _moved(part, move, step)) is not None]
            hashes = _words(_bits(np.stack([_frequencies(picture, one) for one in tries])))
            distances = np.bitwise_count(hashes ^ wanted).sum(axis=1, dtype=np.int64)
            if int(distances.min()) >= distance:
                break
            distance, part = int(distances.min()), tries[int(distances.argmin())]
    return distance


# Moves of left, top, right and bottom: one edge, two opposite edges alike (a shift) or apart (a larger part).
_EDGES = [tuple(sign if edge == n else 0 for n in range(4)) for edge in range(4) for sign in (-1, 1)]
_PAIRS = [(s, 0, s * o, 0) for s in (-1, 1) for o in (-1, 1)] + [(0, s, 0, s * o) for s in (-1, 1) for o in (-1, 1)]
_MOVES = [*_EDGES, *_PAIRS]


def _moved(part: Box, move: Sequence[int], step: float) -> Box | None:
    left, top, right, bottom = (edge + direction * step for edge, direction in zip(part, move, strict=True))
    if min(left, top) < -1e-9 or max(right, bottom) > 1 + 1e-9 or min(right - left, bottom - top) < LEAST_SIDE - 0.1:
        return None
    return left, top, right, bottom


def _square(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _has_detail(picture: NDArray[np.float32], box: Box) -> bool:
    left, top, right, bottom = (round(edge * SIDE_PX) for edge in box)
    return float(picture[top:bottom, left:right].std()) >= BLANK_DETAIL


@functools.lru_cache(maxsize=4096)
def _waves(low: float, high: float) -> NDArray[np.float32]:
    """(LOWEST, SIDE_PX): the cosines between two edges, zero outside; a pixel on an edge counts in part."""
    edges = np.arange(SIDE_PX + 1) / SIDE_PX
    share = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * SIDE_PX
    middle = (np.clip(edges[1:], low, high) + np.clip(edges[:-1], low, high)) / 2
    return np.asarray(np.cos(np.pi * np.outer(np.arange(LOWEST), (middle - low) / (high - low))) * share, np.float32)


def _frequencies(picture: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """(LOWEST, LOWEST): vertical, then horizontal."""
    left, top, right, bottom = (round(edge, 4) for edge in box)
    return np.asarray(_waves(top, bottom) @ picture @ _waves(left, right).T, dtype=np.float32)


@functools.cache
def _grid() -> tuple[list[Box], NDArray[np.float32], NDArray[np.int64]]:
    """The parts; the cosines of every pair of edges, (p · LOWEST, SIDE_PX); the two pairs of each part, (n, 2)."""
    pairs = [(a, 1 - b) for a in MARGINS for b in MARGINS if 1 - a - b >= LEAST_SIDE - 1e-9]
    waves = np.concatenate([_waves(round(low, 4), round(high, 4)) for low, high in pairs])
    chosen = [
        (i, j)
        for i, (top, bottom) in enumerate(pairs)
        for j, (left, right) in enumerate(pairs)
        if 1 / MOST_STRETCH <= (right - left) / (bottom - top) <= MOST_STRETCH
    ]
    boxes = [(pairs[j][0], pairs[i][0], pairs[j][1], pairs[i][1]) for i, j in chosen]
    return boxes, waves, np.array(chosen, dtype=np.int64)


def _grid_frequencies(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, LOWEST, LOWEST) of the parts of the grid: two products of matrices for all of them."""
    _, waves, chosen = _grid()
    count = len(waves) // LOWEST
    every = (waves @ picture @ waves.T).reshape(count, LOWEST, count, LOWEST).transpose(0, 2, 1, 3)
    return np.asarray(every[chosen[:, 0], chosen[:, 1]])


def _bits(frequencies: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(..., LOWEST, LOWEST): which are positive. The mean brightness always is."""
    return np.asarray(frequencies > 0)


def _turned(bits: NDArray[np.bool_], turn: int) -> NDArray[np.bool_]:
    """Bits of the picture in one of TURNS: frequencies change places and signs. bits: (n, LOWEST, LOWEST)."""
    odd = np.arange(LOWEST) % 2 == 1
    turned = bits.transpose(0, 2, 1) if turn & 4 else bits
    flipped = (odd[:, None] & bool(turn & 2)) ^ (odd[None, :] & bool(turn & 1))
    return np.asarray(turned ^ flipped)


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(..., 32) bytes. The first eight have the 8×8 lowest frequencies."""
    half = LOWEST // 2
    blocks = bits.reshape(*bits.shape[:-2], 2, half, 2, half).swapaxes(-3, -2)
    return np.packbits(blocks.reshape(*bits.shape[:-2], LOWEST * LOWEST), axis=-1)


def _words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(..., 4) words."""
    return np.ascontiguousarray(_packed(bits)).view(np.uint64)
