"""Normalised pictures as files, for endpoints that may show them; and a card in place of one that may be explicit."""

import functools
from pathlib import Path

from PIL import Image, ImageDraw
from sqlalchemy import select
from starlette.exceptions import HTTPException

from dataset.catalog.tables import images
from dataset.pictures.decoding import encode_jpeg
from dataset.project import Project
from foundation.errors import StorageError

CARD_PX = (288, 216)
CARD_GROUND, CARD_INK = (226, 220, 212), (70, 60, 54)
CARD_WORDS = ("may be explicit:", "waits for a person")


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


@functools.cache
def neutral_card() -> bytes:
    """A JPEG that stands for a picture which waits for a person."""
    card = Image.new("RGB", CARD_PX, CARD_GROUND)
    words = ImageDraw.Draw(card)
    for number, line in enumerate(CARD_WORDS):
        words.text((CARD_PX[0] / 2, CARD_PX[1] * (0.42 + 0.13 * number)), line, CARD_INK, anchor="mm", font_size=20)
    return encode_jpeg(card)
