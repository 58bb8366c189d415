"""Which file of several that show one picture stays, and which a person has to look at."""

import hashlib

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from isitcake.auditing.copies import DUPLICATE, LEAK, Removal, are_look_alikes, copies_of, has_other_colours
from isitcake.auditing.library import File


def file(path: str, pixels: int = 100, content: str = "") -> File:
    split, label, _ = path.split("/")
    digest = hashlib.sha256((content or path).encode()).hexdigest()
    return File(path, label, f"{split}/{label}", split, digest, pixels, pixels, pixels)


def removed(*groups: list[File], joined: dict[str, str] | None = None) -> list[tuple[str, str, str, bool]]:
    cluster_of = {one.path: str(number) for number, group in enumerate(groups) for one in group}
    files = [one for group in groups for one in group]
    found = copies_of(files, cluster_of, joined or {}, frozenset()).removals
    return [(one.file.path, one.keeps.path, one.reason, one.is_decided) for one in found]


def test_the_largest_file_stays() -> None:
    assert removed([file("train/a/1"), file("train/a/2", 200)], [file("train/a/3")]) == [
        ("train/a/1", "train/a/2", DUPLICATE, True)
    ]


def test_a_leak_leaves_the_split_that_is_trained_on() -> None:
    """Also where the file in train is larger."""
    assert removed([file("train/a/1", 200), file("validation/a/2"), file("test/a/3")]) == [
        ("train/a/1", "test/a/3", LEAK, True),
        ("validation/a/2", "test/a/3", LEAK, True),
    ]


def test_two_labels_of_one_picture_need_a_person() -> None:
    assert removed([file("train/a/1", 200), file("train/b/2")]) == [("train/b/2", "train/a/1", DUPLICATE, False)]


def test_a_chain_leaks_but_is_no_duplicate() -> None:
    """Two clusters that a confirmed pair connects: crops of a crop need not show the same."""
    first, second = [file("train/a/1", 200)], [file("train/a/2")]
    assert removed(first, second, joined={"0": "0", "1": "0"}) == []
    first, second = [file("test/a/1", 200)], [file("train/a/2")]
    assert removed(first, second, joined={"0": "0", "1": "0"}) == [("train/a/2", "test/a/1", LEAK, True)]


def test_a_file_that_stays_is_never_removed() -> None:
    found = removed([file("test/a/1", 300), file("test/a/2"), file("train/a/3", 900)], [file("test/a/4", 200)],
                    joined={"0": "0", "1": "0"})  # fmt: skip
    assert not {kept for _, kept, _, _ in found} & {path for path, _, _, _ in found}


def painted(light: tuple[int, int, int], ground: tuple[int, int, int] = (40, 40, 40)) -> Image.Image:
    """A traffic light with this light on."""
    picture = Image.new("RGB", (48, 96), ground)
    ImageDraw.Draw(picture).ellipse((8, 30, 40, 62), fill=light)
    return picture


def test_a_red_light_is_no_green_light() -> None:
    red = painted((230, 20, 20))
    assert has_other_colours(red, painted((20, 220, 60)))
    assert not has_other_colours(red, ImageOps.mirror(red))
    assert not has_other_colours(red, ImageEnhance.Brightness(red).enhance(0.6))
    assert not has_other_colours(red, red.crop((4, 12, 48, 88)))


def test_a_grey_copy_has_no_colours_to_compare() -> None:
    red = painted((230, 20, 20))
    assert not has_other_colours(red, red.convert("L").convert("RGB"))


def test_a_doubt_needs_a_person() -> None:
    assert Removal(file("train/a/2"), file("train/a/1"), DUPLICATE).is_decided
    assert not Removal(file("train/a/2"), file("train/a/1"), DUPLICATE, doubt="other colours").is_decided


def test_so_many_copies_may_only_look_alike() -> None:
    """Exact copies are no look-alikes, and a few pairs among many pictures are copies."""
    keeps = file("train/a/0", content="same")
    some = [file(f"train/a/{number}") for number in range(1, 31)]
    others = [file(f"train/b/{number}") for number in range(400)]
    seeming = [Removal(one, keeps, DUPLICATE) for one in some]
    assert are_look_alikes(seeming, [keeps, *some])
    assert not are_look_alikes(seeming, [keeps, *some, *others])
    assert not are_look_alikes(seeming[:3], [keeps, *some[:3]])
    exact = [file(f"train/a/{number}", content="same") for number in range(1, 31)]
    assert not are_look_alikes([Removal(one, keeps, DUPLICATE) for one in exact], [keeps, *exact])
