"""The same photo in another file is found; another photo is not. The truth is known: the test makes the files."""

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from dataset.duplicates.alignment import register
from dataset.duplicates.clusters import clusters
from dataset.duplicates.crop_hashes import BOXES, view_hashes
from dataset.duplicates.fingerprints import fingerprint, luminance
from dataset.duplicates.pairs import Confirmed, Prints, candidates, confirm, needs_pictures
from simulator import drawings


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def part(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))


def bordered(image: Image.Image) -> Image.Image:
    pad = round(min(image.size) * 0.05)
    framed = Image.new("RGB", (image.width + 2 * pad, image.height + 2 * pad), "white")
    framed.paste(image, (pad, pad))
    return framed


def marked(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).text((copy.width // 4, copy.height // 2), "SAMPLE", "white", font_size=copy.height // 14)
    return copy


VARIANTS: dict[str, Callable[[Image.Image], bytes]] = {
    "smaller": lambda i: encoded(i.resize((i.width // 4, i.height // 4))),
    "poorer": lambda i: encoded(i, quality=10),
    "webp": lambda i: encoded(i, "WEBP"),
    "grey": lambda i: encoded(i.convert("L")),
    "darker": lambda i: encoded(ImageEnhance.Brightness(i).enhance(0.7)),
    "thumbnail": lambda i: encoded(i.resize((147, 147 * i.height // i.width)).filter(ImageFilter.GaussianBlur(2))),
    "watermark": lambda i: encoded(marked(i)),
    "border": lambda i: encoded(bordered(i)),
    "cropped 10 %": lambda i: encoded(part(i, 0.05, 0.05, 0.95, 0.95)),
    "cropped 20 %": lambda i: encoded(part(i, 0.1, 0.1, 0.9, 0.9)),
    "from a corner": lambda i: encoded(part(i, 0, 0, 0.9, 0.9)),
    "turned 2°": lambda i: encoded(i.rotate(2, Image.Resampling.BICUBIC)),
    "mirrored": lambda i: encoded(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}  # fmt: skip


def same(contents: list[bytes]) -> dict[tuple[int, int], Confirmed]:
    """Confirmed pairs among files."""
    found = [fingerprint(content) for content in contents]
    prints = Prints.of(
        [f.views for f in found], [f.mirrored for f in found], [f.phash16 for f in found],
        [f.detail for f in found], [f.top_colours for f in found],
    )  # fmt: skip
    pictures = [luminance(content) for content in contents]
    return {
        pair: answer
        for pair, places in candidates(prints, np.arange(len(contents))).items()
        if (answer := confirm(prints, pair, places, [pictures[i] for i in pair]))
    }


@pytest.fixture(scope="module")
def cakes() -> list[Image.Image]:
    return [Image.open(io.BytesIO(drawings.cake(random.Random(seed)))).convert("RGB") for seed in range(12)]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_the_same_picture_and_other_pictures_are_not(name: str, cakes: list[Image.Image]) -> None:
    """Of twelve drawn cakes in the same pose, each is paired with its own variant; at least eleven of twelve."""
    found = same([*(encoded(cake) for cake in cakes), *(VARIANTS[name](cake) for cake in cakes)])
    wanted = {(n, n + 12) for n in range(12)}
    assert set(found) <= wanted
    assert len(found) >= 11
    if name == "mirrored":
        assert {answer.by for answer in found.values()} == {"mirrored"}


def test_a_pair_is_the_same_whichever_comes_first(cakes: list[Image.Image]) -> None:
    """New with known, known with new, both new: one answer."""
    contents = [encoded(cakes[0]), VARIANTS["cropped 20 %"](cakes[0]), encoded(cakes[1])]
    found = [fingerprint(content) for content in contents]
    prints = Prints.of(
        [f.views for f in found], [f.mirrored for f in found], [f.phash16 for f in found],
        [f.detail for f in found], [f.top_colours for f in found],
    )  # fmt: skip
    whole = candidates(prints, np.arange(3))
    for new in ([0], [1], [0, 1]):
        assert {pair: p for pair, p in candidates(prints, np.array(new)).items() if 2 not in pair} == {
            pair: p for pair, p in whole.items() if 2 not in pair
        }
    assert needs_pictures(prints, (0, 2))


def test_blank_tiles_and_white_logos_are_compared_by_nothing() -> None:
    """Without detail nothing is alike; on white all white logos would be."""
    blank = [encoded(Image.new("RGB", (300, 300 + n), (250, 250, 250 - n))) for n in range(4)]
    logos = []
    for box in ((40, 40, 160, 120), (150, 30, 260, 280), (20, 200, 280, 260)):
        image = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), box)
        logos.append(encoded(image, "PNG"))
    assert same(blank + logos) == {}


def test_a_views_hash_is_that_of_the_cropped_file(cakes: list[Image.Image]) -> None:
    """The hash of a box equals the hash of a file that is this box, within a few bits."""
    whole = np.asarray(cakes[3].convert("L"))
    hashes, mirrored = view_hashes(whole)
    for number, box in enumerate(BOXES):
        cropped = np.asarray(part(cakes[3].convert("L"), *box))
        assert (int(hashes[number]) ^ int(view_hashes(cropped)[0][0])).bit_count() <= 4
    assert (int(mirrored) ^ int(view_hashes(whole[:, ::-1].copy())[0][0])).bit_count() <= 2


def test_registration_tells_details_from_outlines(cakes: list[Image.Image]) -> None:
    """The same photo a little displaced agrees; another cake in the same pose does not; nothing agrees with blank."""
    one, two = (np.asarray(cake.convert("L").resize((320, 320))) for cake in cakes[:2])
    assert register(one, np.roll(one, 3, axis=1), BOXES[0], BOXES[0]).agreement > 0.8
    assert register(one, two, BOXES[0], BOXES[0]).agreement < 0.6
    assert register(one, np.full_like(one, 9), BOXES[0], BOXES[0]).agreement == 0


def test_images_added_in_any_order_and_batches_give_the_same_clusters(cakes: list[Image.Image]) -> None:
    """Each batch against what was there, as curate does it; then clusters by the files' own names."""
    names = ["cropped 20 %", "mirrored", "border", "grey"]
    contents = [make(cakes[k]) for k in range(4) for make in (encoded, *(VARIANTS[name] for name in names))]
    made = [fingerprint(content) for content in contents]
    pictures = [luminance(content) for content in contents]

    def clustered(order: list[int], sizes: list[int]) -> set[frozenset[int]]:
        found: set[tuple[int, int]] = set()
        start = 0
        for size in [*sizes, len(order)]:
            # As in the catalog, images stand in the order of their names, whenever they came.
            there = sorted(order[: start + size])
            new = order[start : start + size]
            if not new:
                break
            start += size
            chosen = [made[i] for i in there]
            prints = Prints.of(
                [f.views for f in chosen], [f.mirrored for f in chosen], [f.phash16 for f in chosen],
                [f.detail for f in chosen], [f.top_colours for f in chosen],
            )  # fmt: skip
            places = candidates(prints, np.array(sorted(there.index(i) for i in new)))
            for (a, b), where in places.items():
                if confirm(prints, (a, b), where, [pictures[there[a]], pictures[there[b]]]):
                    found.add((there[a], there[b]))
        numbers = clusters(len(contents), np.array(sorted(found), dtype=np.int64).reshape(-1, 2), range(len(contents)))
        return {frozenset(np.flatnonzero(numbers == k).tolist()) for k in set(numbers.tolist())}

    rng = random.Random(5)
    whole = clustered(list(range(len(contents))), [])
    assert sum(len(group) > 1 for group in whole) == 4
    for _ in range(6):
        order = rng.sample(range(len(contents)), len(contents))
        assert clustered(order, [rng.randrange(1, 7) for _ in range(4)]) == whole
