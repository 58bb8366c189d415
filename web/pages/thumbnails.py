"""Thumbnails and templates of all pages."""

import base64
import functools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape
from more_itertools import chunked
from PIL import Image
from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.labels.withheld import NEUTRAL, withheld
from dataset.pictures.decoding import encode_jpeg
from dataset.project import Project
from foundation.errors import StorageError

THUMBNAIL_PX = 150
JPEG_QUALITY = 75
NAMES_PER_QUERY = 500
STYLE_SHEET = Path(__file__).parents[1] / "static" / "style.css"
templates = Environment(
    loader=PackageLoader("web"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Tile:
    """A thumbnail with a line of text.

    source: a data: URL, or its address at the service; empty if the picture is gone. title: shown on hover. href: the
    page of the image; empty in a page that is one file.
    """

    source: str
    text: str
    title: str
    href: str = ""


@functools.cache
def style_sheet() -> Markup:
    """The style sheet of all pages, for a page that is one file."""
    return Markup(STYLE_SHEET.read_text(encoding="utf-8"))  # noqa: S704  # nosec B704  # our own file


def with_code(text: str) -> Markup:
    """A message, with what stands between backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    marked = [f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)]
    return Markup("".join(marked))  # noqa: S704  # nosec B704  # every part is escaped


def minute(moment: str) -> str:
    """A time of the ledgers, in ISO 8601 and UTC, as pages write it."""
    return f"{moment[:16].replace('T', ' ')} UTC"


def number(count: int) -> str:
    """A count, as pages write it: 12,345."""
    return f"{count:,}"


templates.globals["style_sheet"] = style_sheet
templates.filters |= {"with_code": with_code, "minute": minute, "number": number}


@dataclass(frozen=True)
class Thumbnails:
    """Makes tiles from the pictures of one project. formats: of its images, by SHA-256. withheld: those not shown."""

    project: Project
    formats: Mapping[str, str]
    withheld: Set[str] = frozenset()

    def tile(self, sha256: str, text: str, title: str = "") -> Tile:
        """The tile of one image. Without a title, the first digits of its SHA-256 are shown."""
        if sha256 in self.withheld:
            return Tile("", text, f"{sha256[:16]} {NEUTRAL}")
        try:
            content = small_jpeg(self.project, sha256, self.formats[sha256], THUMBNAIL_PX)
        except (StorageError, KeyError):
            return Tile("", text, f"{sha256[:16]}: the picture is gone")
        return Tile(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", text, title or sha256[:16])


@dataclass(frozen=True)
class LinkedThumbnails(Thumbnails):
    """Makes tiles for pages of the service: they name the address of the small picture, and link to its history."""

    def tile(self, sha256: str, text: str, title: str = "") -> Tile:
        if sha256 not in self.formats:
            return Tile("", text, f"{sha256[:16]}: the picture is gone")
        if sha256 in self.withheld:
            return Tile("", text, f"{sha256[:16]} {NEUTRAL}", f"/why/{sha256}")
        return Tile(f"/thumbs/{sha256}.jpg", text, title or sha256[:16], f"/why/{sha256}")


def small_jpeg(project: Project, sha256: str, image_format: str, side_px: int) -> bytes:
    """A normalised picture, scaled down. side_px: its longest side at most. Raises StorageError where it is gone."""
    try:
        with Image.open(BytesIO(project.normalised.content(sha256, image_format))) as image:
            image.draft("RGB", (side_px * 2, side_px * 2))
            image.thumbnail((side_px, side_px))
            return encode_jpeg(image, quality=JPEG_QUALITY)
    except (OSError, SyntaxError) as error:  # a file that went bad has many errors in Pillow
        raise StorageError(f"{sha256}: the picture cannot be read ({error}); see `isitcake why {sha256}`") from error


def all_thumbnails(project: Project, *, linked: bool = False) -> Thumbnails:
    """Thumbnails for every image of the catalog. linked: for a page of the service."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(images.c.sha256, images.c.format)).all()
        kept_back = withheld(connection, project.settings).keys()
    kind = LinkedThumbnails if linked else Thumbnails
    return kind(project, {row.sha256: row.format for row in rows}, kept_back)


def some_thumbnails(project: Project, pictures: Sequence[str], *, linked: bool = True) -> Thumbnails:
    """Thumbnails for these images. linked: for a page of the service."""
    formats: dict[str, str] = {}
    with project.catalog.read() as connection:
        for part in chunked(pictures, NAMES_PER_QUERY):
            rows = connection.execute(select(images.c.sha256, images.c.format).where(images.c.sha256.in_(part))).all()
            formats |= {row.sha256: row.format for row in rows}
        kept_back = withheld(connection, project.settings).keys()
    kind = LinkedThumbnails if linked else Thumbnails
    return kind(project, formats, kept_back)
