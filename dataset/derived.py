"""Normalised pictures: derived/<recipe>/ab/<sha256>.jpg, made when first needed."""

from pathlib import Path

from dataset.atomic import write_once
from dataset.decoding import DERIVED_RECIPE, Undecodable, normalise
from dataset.project import Project
from isitcake.errors import StorageError


def derived_root(project: Project) -> Path:
    return project.home / "derived" / DERIVED_RECIPE


def derived_path(project: Project, sha256: str) -> Path:
    return derived_root(project) / sha256[:2] / f"{sha256}.jpg"


def derived(project: Project, sha256: str, image_format: str) -> Path:
    """The normalised picture of a blob. Raises StorageError where the blob is gone or damaged."""
    path = derived_path(project, sha256)
    if path.exists():
        return path
    try:
        write_once(path, normalise(project.blobs.read(sha256, image_format)))
    except Undecodable as error:
        blob = project.blobs.address(sha256, image_format)
        raise StorageError(f"{blob} is damaged ({error}); restore it, or erase the image") from error
    return path
