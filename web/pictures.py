"""Normalised pictures as files, for endpoints that may show them."""

from pathlib import Path

from sqlalchemy import select
from starlette.exceptions import HTTPException

from dataset.catalog.tables import images
from dataset.project import Project
from foundation.errors import StorageError


def normalised_file(project: Project, sha256: str) -> Path:
    """The file of a normalised picture. Raises HTTPException where there is none."""
    with project.catalog.read() as connection:
        image = connection.execute(select(images.c.format).where(images.c.sha256 == sha256)).first()
    if image is None:
        raise HTTPException(404)
    try:
        return project.normalised.make(sha256, image.format)
    except StorageError as error:
        raise HTTPException(410, "this picture was deleted") from error
