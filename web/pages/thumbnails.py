"""Thumbnails and templates of every page."""

import base64
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from dataset.pictures.decoding import encode_jpeg
from dataset.project import Project
from foundation.errors import StorageError

THUMBNAIL_PX = 150
templates = Environment(
    loader=PackageLoader("web"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Tile:
    """One picture with a line under it. source: a data: address."""

    source: str
    text: str
    title: str


def tile(project: Project, formats: dict[str, str], sha256: str, text: str, title: str = "") -> Tile:
    """A thumbnail of an image with a line under it. formats: of images by sha256."""
    try:
        with Image.open(project.normalised.make(sha256, formats[sha256])) as image:
            image.draft("RGB", (THUMBNAIL_PX * 2, THUMBNAIL_PX * 2))
            image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
            content = encode_jpeg(image, quality=75)
    except (StorageError, KeyError):
        return Tile("", text, f"{sha256[:16]}: the picture is gone")
    return Tile(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", text, title or sha256[:16])
