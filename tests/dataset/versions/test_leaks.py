"""A picture that is in two splits under two names is found by its pixels."""

import io
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rows import made_row

from dataset.duplicates.fingerprints import FLAT_COLOURS, fingerprint, luminance
from dataset.duplicates.pairs import Prints, candidates, confirm
from dataset.project import Project
from dataset.versions import published
from dataset.versions.leaks import LEAK_COLOURS, leaks
from dataset.versions.stored.pictures import pictures_at
from dataset.versions.verify import Verification, require_verified
from foundation.errors import StageError
from simulator import drawings


def test_a_smaller_copy_in_another_split_is_found(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    assert leaks(version.pictures, version.rows()) == []
    train = next(row for row in version.rows() if row.split == "train" and row.label == "cake")
    with Image.open(version.path / train.file) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    planted = replace(train, sha256="0" * 64, cluster="0" * 64, split="test", file="data/test/cake/planted.jpg")
    small.save(version.path / planted.file, quality=80)
    (problem,) = leaks(version.pictures, [*version.rows(), planted])
    assert problem == f"{train.file} and {planted.file} show the same picture"
    (version.path / planted.file).unlink()
    assert leaks(version.pictures, [*version.rows(), planted]) == []  # `verify` reports the missing file


@pytest.mark.parametrize("change", ["mirrored", "cropped", "turned"])
def test_another_shape_in_another_split_is_found(published_project: Project, change: str) -> None:
    """Data F10: the function that finds duplicates compares the published pictures."""
    version = published.newest(published_project.home)
    assert version is not None
    train = next(row for row in version.rows() if row.split == "train" and row.label == "cake")
    with Image.open(version.path / train.file) as picture:
        w, h = picture.size
        shapes = {
            "mirrored": picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            "cropped": picture.crop((round(0.085 * w), round(0.085 * h), round(0.915 * w), round(0.915 * h))),
            "turned": picture.transpose(Image.Transpose.ROTATE_90),
        }
    planted = replace(train, sha256="0" * 64, cluster="0" * 64, split="test", file="data/test/cake/planted.jpg")
    shapes[change].save(version.path / planted.file, quality=80)
    assert leaks(version.pictures, [*version.rows(), planted]) == [
        f"{train.file} and {planted.file} show the same picture"
    ]


def test_one_split_has_no_leaks(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    assert leaks(version.pictures, [row for row in version.rows() if row.split == "train"]) == []


def test_many_copies_are_named_once(published_project: Project) -> None:
    """A thousand files of one look in each of two splits are a million pairs: memory for all of them ends a machine."""
    version = published.newest(published_project.home)
    assert version is not None
    train = next(row for row in version.rows() if row.split == "train" and row.label == "cake")
    copies = []
    for split in ("train", "test"):
        for number in range(200):
            name = f"{split}{number}".encode().hex().ljust(64, "0")
            row = replace(train, sha256=name, cluster=name, split=split, file=f"data/{split}/cake/{name}.jpg")
            (version.path / row.file).hardlink_to(version.path / train.file)
            copies.append(row)
    (problem,) = leaks(version.pictures, copies)
    assert problem == f"{copies[0].file} and {copies[200].file} show the same picture"


def test_a_pair_at_the_limit_is_not_named(tmp_path: Path) -> None:
    """A cup on a plain ground, and a part of it: in another size they may be drawings, and no pair for `publish`."""
    cup = Image.open(io.BytesIO(drawings.thing(random.Random(3), "cup"))).convert("RGB").resize((300, 300))
    whole = Image.new("RGB", (450, 450), (238, 236, 230))
    whole.paste(cup, (75, 75))
    part = whole.crop((0, 0, 405, 450))
    rows, contents = [], []
    for number, (picture, split) in enumerate(((whole, "train"), (part, "test"))):
        rows.append(made_row(number, split=split))
        path = tmp_path / rows[-1].file
        path.parent.mkdir(parents=True)
        picture.save(path, quality=95)
        contents.append(path.read_bytes())
    made = [fingerprint(content) for content in contents]
    prints = Prints.of_fingerprints(made)
    ((pair, placements),) = candidates(prints, np.array([0, 1])).items()
    assert confirm(prints, pair, placements, [luminance(content) for content in contents])
    assert LEAK_COLOURS < max(one.top_colours for one in made) < FLAT_COLOURS
    assert leaks(pictures_at(tmp_path), rows) == []


def test_a_version_with_a_leak_says_how_to_go_on() -> None:
    """It is as published, so it does not say that it was changed, unless something else is wrong, too."""
    leak = "a.jpg and b.jpg show the same picture"
    with pytest.raises(StageError, match=r"has one picture in two splits: a\.jpg and b.jpg .*answer `unusable`"):
        require_verified(Verification("2026.1.0", "", 2, [leak], leaks=1))
    with pytest.raises(StageError, match=r"is not what was published: README\.md was changed"):
        require_verified(Verification("2026.1.0", "", 2, ["README.md was changed", leak], leaks=1))
