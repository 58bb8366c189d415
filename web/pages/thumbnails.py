"""Thumbnails and templates of all pages."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image
from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.pictures.decoding import encode_jpeg
from dataset.project import Project
from foundation.errors import StorageError

THUMBNAIL_PX = 150
JPEG_QUALITY = 75
templates = Environment(
    loader=PackageLoader("web"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Tile:
    """A thumbnail with a line of text. source: a data: URL, empty if the picture is gone. title: shown on hover."""

    source: str
    text: str
    title: str


@dataclass(frozen=True)
class Thumbnails:
    """Makes tiles from the pictures of one project. formats: of its images, by SHA-256."""

    project: Project
    formats: Mapping[str, str]

    def tile(self, sha256: str, text: str, title: str = "") -> Tile:
        """The tile of one image. Without a title, the first digits of its SHA-256 are shown."""
        try:
            with Image.open(BytesIO(self.project.normalised.content(sha256, self.formats[sha256]))) as image:
                image.draft("RGB", (THUMBNAIL_PX * 2, THUMBNAIL_PX * 2))
                image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
                content = encode_jpeg(image, quality=JPEG_QUALITY)
        except (StorageError, KeyError, OSError, SyntaxError):  # a file that went bad has many errors in Pillow
            return Tile("", text, f"{sha256[:16]}: the picture is gone")
        return Tile(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", text, title or sha256[:16])


def all_thumbnails(project: Project) -> Thumbnails:
    """Thumbnails for every image of the catalog."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(images.c.sha256, images.c.format)).all()
    return Thumbnails(project, {row.sha256: row.format for row in rows})
