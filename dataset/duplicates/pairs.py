"""Which files show the same photo: hashes of parts propose pairs, the pictures confirm them. Pure functions."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.alignment import align
from dataset.duplicates.crop_hashes import BOXES, PLAIN, RESHAPED
from dataset.duplicates.finer_frequencies import agree
from dataset.duplicates.fingerprints import BLANK_DETAIL, FLAT_COLOURS, Fingerprint, bits
from dataset.duplicates.hamming import cross_join
from dataset.duplicates.turns import MIRRORED, TURNS, turned_back
from foundation.threads import cores

VIEW_BITS = 12  # most bits between the whole of one picture and a part of the other, for the pair to be proposed
TURNED_BITS = 10  # the same for a picture that is turned
SURE_BITS = 4  # most bits that are hardly ever so few by chance: the finer frequencies need not be asked
DECISIVE_BITS = 48  # most bits between two 256-bit pHashes of the same picture, when the pHash alone decides
AGREEMENT = 0.6  # least agreement of details of the same photo; other real photos stay below 0.45
# Beyond these bits between the hashes of parts more must agree, because drawn cars in one pose reach 0.62 there, and
# drawings in few colours are not proposed, because logos with other letters in the same ring reach 0.92.
NEAR_BITS = 10
FAR_AGREEMENT = 0.7  # least agreement beyond NEAR_BITS
FLAT_AGREEMENT = 0.7  # the same for drawings whose whole pictures have similar hashes
FLAT_PART_AGREEMENT = 0.9  # the same for a drawing and a part of another
TURNED_BOXES = (0, 2, 3)  # numbers in BOXES: the parts that a turned picture is compared with; a search in all is slow
VIEWS = len(BOXES) + len(TURNS) - 2  # words in `Fingerprint.views`
SHAPE_STEP = 0.15  # pictures whose shapes, as logarithms, are in one step of this length are compared together
SHAPE_SLACK = 0.08  # by which the shape of a picture may differ from that of a part, as a logarithm
MAX_PLACEMENTS = 3  # placements that are tried for a pair, the most similar first

Numbers = int | NDArray[np.integer]


@dataclass(frozen=True)
class Prints:
    """Fingerprints of n images as arrays. turned: (n, 8) words; views: (n, v); fine: (n, 4); others: (n,).

    turned: hashes of the whole picture in each of TURNS. fine: 256-bit pHash. usable: False for a picture with too
    little detail to be compared. flat: drawn in few colours. shape: natural logarithm of width / height.
    """

    turned: NDArray[np.uint64]
    views: NDArray[np.uint64]
    fine: NDArray[np.uint64]
    usable: NDArray[np.bool_]
    flat: NDArray[np.bool_]
    shape: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        views: Sequence[bytes],
        mirrored: Sequence[str],
        phash16: Sequence[str],
        detail: Sequence[float],
        top_colours: Sequence[float],
        shapes: Sequence[float],
    ) -> "Prints":
        """From n values of each of these fields of `Fingerprint`."""
        of_views, of_turns = view_words(views, mirrored)
        return cls(
            turned=of_turns,
            views=of_views,
            fine=bits(phash16),
            usable=np.asarray(detail) >= BLANK_DETAIL,
            flat=np.asarray(top_colours) >= FLAT_COLOURS,
            shape=np.asarray(shapes, dtype=np.float32),
        )

    @classmethod
    def of_fingerprints(cls, prints: Sequence[Fingerprint]) -> "Prints":
        return cls.of(
            [one.views for one in prints],
            [one.mirrored for one in prints],
            [one.phash16 for one in prints],
            [one.detail for one in prints],
            [one.top_colours for one in prints],
            [one.shape for one in prints],
        )

    @classmethod
    def joined(cls, parts: Sequence["Prints"]) -> "Prints":
        """All images of the parts, in order."""
        if not parts:
            return cls.of_fingerprints([])
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def fine_bits(self, i: Numbers, j: Numbers) -> NDArray[np.int64]:
        """Bits between the fine hashes of the images i and j, of the same shape."""
        return np.bitwise_count(self.fine[i] ^ self.fine[j]).sum(axis=-1, dtype=np.int64)  # type: ignore[no-any-return]


def view_words(views: Sequence[bytes], mirrored: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of BOXES, (n, v), and of the whole picture in each of TURNS, (n, 8), from n fields of `Fingerprint`."""
    words = np.frombuffer(b"".join(views), dtype="<u8").astype(np.uint64).reshape(len(views), VIEWS)
    turned = np.concatenate([words[:, :1], bits(mirrored)[:, :1], words[:, len(BOXES) :]], axis=1)
    return words[:, : len(BOXES)].copy(), turned


@dataclass(frozen=True)
class Placement:
    """How two pictures may lie on each other. box_a, box_b: numbers in BOXES.

    turn: how the first is turned, one of TURNS. distance: bits between the hashes of the boxes.
    """

    distance: int
    turn: int
    box_a: int
    box_b: int


class Proof(StrEnum):
    """What showed that two pictures are the same: the fine hash, or an alignment: upright, mirrored or turned."""

    HASH = "phash16"
    ALIGNMENT = "registration"
    MIRRORED = "mirrored"
    TURNED = "turned"


@dataclass(frozen=True)
class Confirmed:
    """Two files show the same photo. distance: bits. agreement: of details; 1 if the hash decided."""

    by: Proof
    distance: int
    agreement: float


def candidates(
    prints: Prints, new: NDArray[np.int64], among: NDArray[np.int64] | None = None
) -> dict[tuple[int, int], list[Placement]]:
    """Propose pairs (i < j) with at least one of `new`, and the most similar placements of each.

    new: (m,) indices of images that were not compared before. among: indices, in order, of all that they are compared
    with, themselves too; None: every image. A pair is proposed if the hash of one whole picture, mirrored or not, is
    within VIEW_BITS of the hash of a part of the other (TURNED_BITS if it is turned, NEAR_BITS if one is flat), and
    their finer frequencies agree too.
    """
    usable = np.flatnonzero(prints.usable) if among is None else among[prints.usable[among]]
    fresh = np.intersect1d(new, usable)
    if len(fresh) == 0:
        return {}
    placements: dict[tuple[int, int], list[Placement]] = defaultdict(list)
    old = np.setdiff1d(usable, fresh)
    joins = [(wholes, others, turn) for wholes, others in ((fresh, usable), (old, fresh)) for turn in TURNS]
    with ThreadPoolExecutor(cores()) as pool:
        for pair, placement in itertools.chain.from_iterable(
            pool.map(lambda join: list(_placed(prints, *join)), joins)
        ):
            placements[pair].append(placement)
    order = lambda p: (p.distance, p.turn, p.box_a + p.box_b, p.box_a)  # noqa: E731
    return {pair: sorted(set(some), key=order)[:MAX_PLACEMENTS] for pair, some in sorted(placements.items())}


def _placed(
    prints: Prints, wholes: NDArray[np.int64], others: NDArray[np.int64], turn: int
) -> Iterator[tuple[tuple[int, int], Placement]]:
    """Where a whole picture, turned, is like a part of another one. wholes, others: numbers of pictures."""
    for some, owners, boxes in _joins(prints, wholes, others, turn):
        radius = VIEW_BITS if turn <= MIRRORED else TURNED_BITS
        pairs, distances = cross_join(prints.turned[some, turn], prints.views[owners, boxes], radius)
        whole, other, box_of = some[pairs[:, 0]], owners[pairs[:, 1]], boxes[pairs[:, 1]]
        likely = (whole != other) & ((distances <= NEAR_BITS) | ~(prints.flat[whole] | prints.flat[other]))
        doubtful = np.flatnonzero(likely & (distances > SURE_BITS))
        likely[doubtful] = _likely(prints, whole[doubtful], other[doubtful], turn, box_of[doubtful])
        values = (array[likely].tolist() for array in (whole, other, box_of, distances))
        for i, j, box, distance in zip(*values, strict=True):
            if i < j:
                yield (i, j), Placement(distance, turn, 0, box)
            else:
                yield (j, i), Placement(distance, turned_back(turn), box, 0)


def _joins(
    prints: Prints, wholes: NDArray[np.int64], others: NDArray[np.int64], turn: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]]:
    """Whole pictures, (n,), and the parts that they are compared with: whose they are, and their boxes, (m,) each.

    A part that is cut to another shape is compared with the pictures that have about that shape.
    """
    few = others.astype(np.int32)  # they are repeated: less memory
    boxes = np.arange(len(PLAIN), dtype=np.uint8) if turn <= MIRRORED else np.array(TURNED_BOXES, dtype=np.uint8)
    yield wholes, np.repeat(few, len(boxes)), np.tile(boxes, len(few))
    if turn > MIRRORED:
        return
    reshaped = [math.log((right - left) / (bottom - top)) for left, top, right, bottom in RESHAPED]
    steps = np.floor(prints.shape[wholes] / SHAPE_STEP)
    for step in np.unique(steps):
        least, most = step * SHAPE_STEP - SHAPE_SLACK, (step + 1) * SHAPE_STEP + SHAPE_SLACK
        near = [few[(prints.shape[others] > least - by) & (prints.shape[others] < most - by)] for by in reshaped]
        numbers = np.arange(len(PLAIN), len(BOXES), dtype=np.uint8)
        yield wholes[steps == step], np.concatenate(near), np.repeat(numbers, [len(some) for some in near])


def _likely(
    prints: Prints, whole: NDArray[np.int64], other: NDArray[np.int32], turn: int, boxes: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """(n,) which pictures may show the same photo: their fine hashes are alike, or agree for this turn and box."""
    likely = prints.fine_bits(whole, other) <= DECISIVE_BITS
    for box in np.unique(boxes).tolist():
        places = np.flatnonzero(~likely & (boxes == box))
        likely[places] = agree(prints.fine[whole[places]], turn, prints.fine[other[places]], box)
    return likely


def confirm(
    prints: Prints, pair: tuple[int, int], placements: Sequence[Placement], pictures: Sequence[NDArray[np.uint8]]
) -> Confirmed | None:
    """Whether two pictures show the same photo, and what shows it; None if they do not.

    pictures: luminance of the two, (height, width) each; empty if `needs_pictures` says no. The flat grounds of
    drawings are all alike, so a drawing must agree as a whole, or almost completely with a part.
    """
    i, j = pair
    flat = bool(prints.flat[i] or prints.flat[j])
    fine = int(prints.fine_bits(i, j))
    if fine <= DECISIVE_BITS and not flat:
        return Confirmed(Proof.HASH, fine, 1.0)
    for placement in placements:
        is_whole = not (placement.box_a or placement.box_b or placement.turn) and fine <= DECISIVE_BITS
        needed = _needed(flat=flat, is_whole=is_whole, distance=placement.distance)
        box_a, box_b = BOXES[placement.box_a], BOXES[placement.box_b]
        alignment = align(pictures[0], pictures[1], box_a, box_b, placement.turn)
        if alignment.agreement >= needed:
            proof = {0: Proof.ALIGNMENT, MIRRORED: Proof.MIRRORED}.get(placement.turn, Proof.TURNED)
            return Confirmed(proof, placement.distance, round(alignment.agreement, 3))
    return None


def _needed(*, flat: bool, is_whole: bool, distance: int) -> float:
    """The least agreement of details that shows that pictures are the same."""
    if flat:
        return FLAT_AGREEMENT if is_whole else FLAT_PART_AGREEMENT
    return AGREEMENT if distance <= NEAR_BITS else FAR_AGREEMENT


def needs_pictures(prints: Prints, pair: tuple[int, int]) -> bool:
    """Whether the pixels are needed to confirm a pair, or its hashes decide."""
    i, j = pair
    return bool(prints.flat[i] or prints.flat[j]) or int(prints.fine_bits(i, j)) > DECISIVE_BITS
