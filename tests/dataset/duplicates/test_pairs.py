"""Files of the same photo are paired, files of other photos are not. The tests make the files, so the truth is known.

Also tests dataset/duplicates/alignment.py, crop_hashes.py, finer_frequencies.py and fingerprints.py.
"""

import io
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from dataset.duplicates.alignment import align
from dataset.duplicates.clusters import clusters
from dataset.duplicates.crop_hashes import BOXES, view_hashes
from dataset.duplicates.fingerprints import fingerprint, luminance
from dataset.duplicates.pairs import Confirmed, Placement, Prints, candidates, confirm, needs_pictures
from dataset.duplicates.turns import TURNS, turned, turned_back
from simulator import drawings


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def part(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))


def reshaped(image: Image.Image, shape: float, place: float = 0.5) -> Image.Image:
    """The largest part with this width / height. place: 0 at the start of the longer side, 1 at its end."""
    w, h = image.size
    width, height = min(w, round(h * shape)), min(h, round(w / shape))
    left, top = round((w - width) * place), round((h - height) * place)
    return image.crop((left, top, left + width, top + height))


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
    "square": lambda i: encoded(reshaped(i, 1)),
    "square at the start": lambda i: encoded(reshaped(i, 1, 0)),
    "cut at both sides": lambda i: encoded(part(i, 0.14, 0, 0.86, 1)),
    "cut above and below": lambda i: encoded(part(i, 0, 0.2, 1, 0.8)),
    "square, mirrored": lambda i: encoded(reshaped(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 1)),
    "turned 2°": lambda i: encoded(i.rotate(2, Image.Resampling.BICUBIC)),
    "mirrored": lambda i: encoded(i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "turned by 90°": lambda i: encoded(i.transpose(Image.Transpose.ROTATE_90)),
    "turned by 180°": lambda i: encoded(i.transpose(Image.Transpose.ROTATE_180)),
    "turned by 270°": lambda i: encoded(i.transpose(Image.Transpose.ROTATE_270)),
    "turned and mirrored": lambda i: encoded(i.transpose(Image.Transpose.TRANSPOSE)),
    "turned by 90°, cropped": lambda i: encoded(part(i.transpose(Image.Transpose.ROTATE_90), 0.05, 0.05, 0.95, 0.95)),
}  # fmt: skip


def same(contents: list[bytes]) -> dict[tuple[int, int], Confirmed]:
    """The confirmed pairs among files, by index."""
    prints = Prints.of_fingerprints([fingerprint(content) for content in contents])
    pictures = [luminance(content) for content in contents]
    return {
        pair: answer
        for pair, placements in candidates(prints, np.arange(len(contents))).items()
        if (answer := confirm(prints, pair, placements, [pictures[i] for i in pair]))
    }


@pytest.fixture(scope="module")
def cakes() -> list[Image.Image]:
    return [Image.open(io.BytesIO(drawings.cake(random.Random(seed)))).convert("RGB") for seed in range(12)]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_paired_with_its_photo_and_with_no_other(name: str, cakes: list[Image.Image]) -> None:
    """Of twelve drawn cakes in the same pose, at least eleven are paired with their variants, and none with another."""
    pairs = same([*(encoded(cake) for cake in cakes), *(VARIANTS[name](cake) for cake in cakes)])
    wanted = {(n, n + 12) for n in range(12)}
    assert set(pairs) <= wanted
    assert len(pairs) >= 11
    if name.startswith(("turned by", "turned and")):
        assert {answer.by for answer in pairs.values()} == {"turned"}
    if name == "mirrored":
        assert {answer.by for answer in pairs.values()} == {"mirrored"}


def test_the_order_of_collecting_does_not_change_the_candidates(cakes: list[Image.Image]) -> None:
    """A new image with a known one, a known one with a new one, two new ones: the same candidates."""
    contents = [encoded(cakes[0]), VARIANTS["cropped 20 %"](cakes[0]), encoded(cakes[1])]
    prints = Prints.of_fingerprints([fingerprint(content) for content in contents])
    whole = candidates(prints, np.arange(3))
    for new in ([0], [1], [0, 1]):
        assert {pair: p for pair, p in candidates(prints, np.array(new)).items() if 2 not in pair} == {
            pair: p for pair, p in whole.items() if 2 not in pair
        }
    assert needs_pictures(prints, (0, 2))


def test_pictures_alike_by_chance_are_refused_by_their_hashes(cakes: list[Image.Image]) -> None:
    """Hashes that propose a pair say little; the finer frequencies of another photo do not agree, a copy's do."""
    chosen = [encoded(cakes[0]), encoded(cakes[1]), VARIANTS["cropped 20 %"](cakes[0]), VARIANTS["mirrored"](cakes[0])]
    prints = Prints.of_fingerprints([fingerprint(content) for content in chosen])
    views, turns = prints.views.copy(), prints.turned.copy()
    views[1], turns[1] = views[0] ^ np.uint64(0b111111), turns[0] ^ np.uint64(0b111111)  # 6 bits, and another picture
    alike = replace(prints, views=views, turned=turns)
    proposed = candidates(alike, np.arange(4))
    assert {pair for pair in proposed if 1 in pair} == set()
    assert {(0, 2), (0, 3)} <= set(proposed)


def test_blank_pictures_and_white_logos_are_not_paired() -> None:
    """Blank pictures are not compared. White logos are hashed on black: on white they would all be equal."""
    blank = [encoded(Image.new("RGB", (300, 300 + n), (250, 250, 250 - n))) for n in range(4)]
    logos = []
    for box in ((40, 40, 160, 120), (150, 30, 260, 280), (20, 200, 280, 260)):
        image = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), box)
        logos.append(encoded(image, "PNG"))
    assert same(blank + logos) == {}


def test_the_hash_of_a_view_is_the_hash_of_the_cropped_file(cakes: list[Image.Image]) -> None:
    """The hash of a box is within a few bits of the hash of a file that was cropped to the box."""
    whole = np.asarray(cakes[3].convert("L"))
    hashes, turns = view_hashes(whole)
    for number, box in enumerate(BOXES):
        cropped = np.asarray(part(cakes[3].convert("L"), *box))
        assert (int(hashes[number]) ^ int(view_hashes(cropped)[0][0])).bit_count() <= 4
    for turn in TURNS:
        assert (int(turns[turn]) ^ int(view_hashes(turned(whole, turn).copy())[0][0])).bit_count() <= 2
        assert (turned(turned(whole, turn), turned_back(turn)) == whole).all()


def test_alignment_compares_details_not_outlines(cakes: list[Image.Image]) -> None:
    """The same photo, slightly moved, agrees; another cake in the same pose and a blank picture do not."""
    one, two = (np.asarray(cake.convert("L").resize((320, 320))) for cake in cakes[:2])
    assert align(one, np.roll(one, 3, axis=1), BOXES[0], BOXES[0]).agreement > 0.8
    assert align(one, two, BOXES[0], BOXES[0]).agreement < 0.6
    assert align(one, np.full_like(one, 9), BOXES[0], BOXES[0]).agreement == 0


def test_pairs_that_hashes_propose_weakly_need_more_agreement(cakes: list[Image.Image]) -> None:
    """Details that agree by 0.65 show the same picture where the hashes are near, and not where they are far apart."""
    one, other = (np.asarray(cake.convert("L").resize((320, 240)), dtype=float) for cake in cakes[:2])
    pictures = [one.astype(np.uint8), (0.65 * one + 0.35 * other).astype(np.uint8)]
    prints = Prints.of_fingerprints([fingerprint(encoded(cake)) for cake in cakes[:2]])
    near, far = (confirm(prints, (0, 1), [Placement(bits, 0, 0, 0)], pictures) for bits in (10, 12))
    assert near is not None
    assert 0.6 < near.agreement < 0.7
    assert far is None


@pytest.mark.slow
def test_any_order_and_batches_give_the_same_clusters(cakes: list[Image.Image]) -> None:
    """Each batch is compared with the images before it, as in curate; then all are clustered, in the order of names."""
    names = ["cropped 20 %", "mirrored", "border", "grey"]
    contents = [make(cakes[k]) for k in range(4) for make in (encoded, *(VARIANTS[name] for name in names))]
    made = [fingerprint(content) for content in contents]
    pictures = [luminance(content) for content in contents]

    def clustered(order: list[int], sizes: list[int]) -> set[frozenset[int]]:
        paired: set[tuple[int, int]] = set()
        start = 0
        for size in [*sizes, len(order)]:
            # As in the catalog, images are in the order of their names, not of their arrival.
            there = sorted(order[: start + size])
            new = order[start : start + size]
            if not new:
                break
            start += size
            prints = Prints.of_fingerprints([made[i] for i in there])
            proposed = candidates(prints, np.array(sorted(there.index(i) for i in new)))
            for (a, b), placements in proposed.items():
                if confirm(prints, (a, b), placements, [pictures[there[a]], pictures[there[b]]]):
                    paired.add((there[a], there[b]))
        numbers = clusters(len(contents), np.array(sorted(paired), dtype=np.int64).reshape(-1, 2), range(len(contents)))
        return {frozenset(np.flatnonzero(numbers == k).tolist()) for k in set(numbers.tolist())}

    rng = random.Random(5)
    whole = clustered(list(range(len(contents))), [])
    assert sum(len(group) > 1 for group in whole) == 4
    for _ in range(6):
        order = rng.sample(range(len(contents)), len(contents))
        assert clustered(order, [rng.randrange(1, 7) for _ in range(4)]) == whole
