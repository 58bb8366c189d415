"""A picture that is in two splits under two names is found by its pixels."""

from dataclasses import replace

import pytest
from PIL import Image

from dataset.project import Project
from dataset.versions import published
from dataset.versions.leaks import leaks


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
