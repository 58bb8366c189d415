"""PDQ: our hashes are those of the reference, and every turn of a picture has its own."""

import numpy as np
import pytest
from PIL import Image

from dataset.pictures.pdq import SAME_BITS, pdq

# Hash and quality of `waves(width, height, seed)` by pdqhash 0.2.8, which wraps the reference in C++.
REFERENCE = [
    (300, 200, 1, "d6b4a5a4492d926d26c9ccd999997331c6711863e1c38383210783ff1e3e0fff", 100),
    (64, 64, 2, "72f87ee51de87a35baa8ba09fa28e3952ea87cd5eea8ff85aaa841d5aaa80001", 63),
    (511, 130, 3, "b4a42d255b6d924964c9c899319967318e7118e3e1c307871e07101f3bffebfe", 100),
    (97, 500, 4, "d55aaaaa55aaa5504ad4b4a1492db2696cc3999666339c77e1c71f07f01f01fe", 100),
]


def waves(width: int, height: int, seed: int) -> Image.Image:
    """A picture of waves, the same on every machine."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    parts = [
        128
        + 60 * np.sin(x / (7 + seed + c) + y / (19 + c))
        + 50 * np.cos(x * y / (900 + 40 * seed) + c)
        + 17 * np.sin(y / (5 + c))
        for c in range(3)
    ]
    return Image.fromarray(np.clip(np.stack(parts, -1), 0, 255).astype(np.uint8))


@pytest.mark.parametrize(("width", "height", "seed", "digits", "quality"), REFERENCE)
def test_hashes_are_those_of_the_reference(width: int, height: int, seed: int, digits: str, quality: int) -> None:
    found = pdq(waves(width, height, seed))
    assert (found.hex(), found.quality) == (digits, quality)


def test_each_turn_is_the_hash_of_the_turned_picture() -> None:
    """But for a few bits: every so-many-th pixel is another one from the other side."""
    image = waves(400, 300, 5)
    words = pdq(image).words
    turned = [image, *(image.transpose(way) for way in Image.Transpose)]
    nearest = [
        min(range(8), key=lambda turn: int(np.bitwise_count(words[turn] ^ pdq(one).words[0]).sum())) for one in turned
    ]
    distances = [
        int(np.bitwise_count(words[turn] ^ pdq(one).words[0]).sum()) for turn, one in zip(nearest, turned, strict=True)
    ]
    assert sorted(nearest) == list(range(8))
    assert max(distances) <= SAME_BITS
