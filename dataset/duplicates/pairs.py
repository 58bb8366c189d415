"""Which files show the same photo: hashes of parts propose, the pictures themselves confirm. Pure functions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dataset.duplicates.alignment import register
from dataset.duplicates.crop_hashes import BOXES
from dataset.duplicates.fingerprints import BLANK_DETAIL, bits
from dataset.duplicates.hamming import cross_join

VIEW_BITS = 10  # between the whole of one picture and a part of the other, from which they are looked at
DECISIVE_BITS = 48  # of the 256-bit pHash: nearer, and the whole pictures are the same without another look
AGREEMENT = 0.6  # of details, from which two pictures are one; on real photos others stay below 0.45
FLAT_AGREEMENT = 0.7  # of drawings that are alike as a whole
FLAT_PART_AGREEMENT = 0.9  # of a drawing and a part of another
FLAT_COLOURS = 0.75  # share of the 8 commonest colours from which a picture is drawn, not photographed
TRIES = 3  # placements looked at for one pair, the likeliest first


@dataclass(frozen=True)
class Prints:
    """What is known of n images. whole, mirrored: (n,) words; views: (n, v); fine: (n, 4); usable, flat: (n,).

    usable: False where a picture has too little detail to be compared. flat: drawn in few colours.
    """

    whole: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    views: NDArray[np.uint64]
    fine: NDArray[np.uint64]
    usable: NDArray[np.bool_]
    flat: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        views: Sequence[bytes],
        mirrored: Sequence[str],
        phash16: Sequence[str],
        detail: Sequence[float],
        top_colours: Sequence[float],
    ) -> "Prints":
        """From what dataset.duplicates.fingerprints.Fingerprint holds, n of each."""
        words = np.frombuffer(b"".join(views), dtype="<u8").astype(np.uint64).reshape(len(views), len(BOXES))
        return cls(
            whole=words[:, 0].copy(),
            mirrored=bits(mirrored)[:, 0],
            views=words,
            fine=bits(phash16),
            usable=np.asarray(detail) >= BLANK_DETAIL,
            flat=np.asarray(top_colours) >= FLAT_COLOURS,
        )

    def subset(self, keep: NDArray[np.int64]) -> "Prints":
        """Of the images at these indices."""
        return Prints(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True)
class Placement:
    """How two pictures may lie on each other: boxes of each by number in BOXES, the first one mirrored or not."""

    distance: int  # bits between the hashes of the boxes
    mirrored: bool
    box_a: int
    box_b: int


@dataclass(frozen=True)
class Confirmed:
    """by: phash16, registration or mirrored. distance: bits. agreement: of details; 1 where phash16 decided."""

    by: str
    distance: int
    agreement: float


def candidates(prints: Prints, new: NDArray[np.int64]) -> dict[tuple[int, int], list[Placement]]:
    """Pairs (i < j) worth a look that have at least one of `new`, with the likeliest placements of each.

    new: (m,) indices of images that were not compared before. A pair is proposed where the whole of one
    picture, or of its mirror image, is within VIEW_BITS of a part of the other.
    """
    usable = np.flatnonzero(prints.usable)
    fresh = np.intersect1d(new, usable)
    if len(fresh) == 0:
        return {}
    found: dict[tuple[int, int], list[Placement]] = defaultdict(list)
    old = np.setdiff1d(usable, fresh)
    parts = len(BOXES)
    for wholes, others in ((fresh, usable), (old, fresh)):
        for mirrored, hashes in ((False, prints.whole), (True, prints.mirrored)):
            pairs, distances = cross_join(hashes[wholes], prints.views[others].reshape(-1), VIEW_BITS)
            for (a, place), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
                i, j, box = int(wholes[a]), int(others[place // parts]), place % parts
                if i < j:
                    found[i, j].append(Placement(distance, mirrored, 0, box))
                elif i > j:
                    found[j, i].append(Placement(distance, mirrored, box, 0))
    order = lambda p: (p.distance, p.mirrored, p.box_a + p.box_b, p.box_a)  # noqa: E731
    return {pair: sorted(set(places), key=order)[:TRIES] for pair, places in sorted(found.items())}


def confirm(
    prints: Prints, pair: tuple[int, int], places: Sequence[Placement], pictures: Sequence[NDArray[np.uint8]]
) -> Confirmed | None:
    """Whether two pictures show the same photo, and by what; None where they do not.

    pictures: luminance of the two, (height, width) each. Drawings, whose flat grounds all look alike, must
    agree as a whole, or all but completely.
    """
    i, j = pair
    flat = bool(prints.flat[i] or prints.flat[j])
    fine = int(np.bitwise_count(prints.fine[i] ^ prints.fine[j]).sum())
    if fine <= DECISIVE_BITS and not flat:
        return Confirmed("phash16", fine, 1.0)
    for place in places:
        whole = not (place.box_a or place.box_b or place.mirrored) and fine <= DECISIVE_BITS
        enough = AGREEMENT if not flat else FLAT_AGREEMENT if whole else FLAT_PART_AGREEMENT
        found = register(pictures[0], pictures[1], BOXES[place.box_a], BOXES[place.box_b], place.mirrored)
        if found.agreement >= enough:
            by = "mirrored" if place.mirrored else "registration"
            return Confirmed(by, place.distance, round(found.agreement, 3))
    return None


def needs_pictures(prints: Prints, pair: tuple[int, int]) -> bool:
    """Whether confirming a pair takes its pixels."""
    i, j = pair
    fine = int(np.bitwise_count(prints.fine[i] ^ prints.fine[j]).sum())
    return bool(prints.flat[i] or prints.flat[j]) or fine > DECISIVE_BITS
