"""A picture that is in two splits under two names is found by its pixels."""

from dataclasses import replace

from PIL import Image

from dataset.project import Project
from dataset.versions import published
from dataset.versions.leaks import leaks


def test_a_smaller_copy_in_another_split_is_found(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    assert leaks(version.path, version.rows()) == []
    train = next(row for row in version.rows() if row.split == "train" and row.label == "cake")
    with Image.open(version.path / train.file) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    planted = replace(train, sha256="0" * 64, cluster="0" * 64, split="test", file="data/test/cake/planted.jpg")
    small.save(version.path / planted.file, quality=80)
    (problem,) = leaks(version.path, [*version.rows(), planted])
    assert problem == f"{train.file} and {planted.file} show the same picture"
    (version.path / planted.file).unlink()
    assert leaks(version.path, [*version.rows(), planted]) == []  # `verify` reports the missing file


def test_one_split_has_no_leaks(published_project: Project) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    assert leaks(version.path, [row for row in version.rows() if row.split == "train"]) == []
