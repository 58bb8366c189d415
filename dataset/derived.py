"""Normalised pictures: derived/<recipe>/ab/<sha256>.jpg, made when first needed."""

from pathlib import Path

from dataset.atomic import storage_errors, write_once
from dataset.decoding import DERIVED_RECIPE, Undecodable, normalise
from dataset.project import Project
from isitcake.errors import StorageError


def derived_path(project: Project, sha256: str) -> Path:
    return project.home / "derived" / DERIVED_RECIPE / sha256[:2] / f"{sha256}.jpg"


def derived(project: Project, sha256: str, image_format: str) -> Path:
    """The normalised picture of a blob. Raises StorageError where the blob is gone or damaged."""
    path = derived_path(project, sha256)
    if path.exists():
        return path
    blob = project.blobs.path(sha256, image_format)
    with storage_errors(blob):
        if not blob.is_file():
            raise StorageError(f"{blob} is gone; restore it, or erase the image")
        content = blob.read_bytes()
    try:
        write_once(path, normalise(content))
    except Undecodable as error:
        raise StorageError(f"{blob} is damaged ({error}); restore it, or erase the image") from error
    return path
