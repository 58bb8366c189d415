"""A contact sheet: one picture with the images of a version whose labels are most likely wrong."""

from collections.abc import Set
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from dataset.labels.withheld import withheld
from dataset.pictures.decoding import encode_jpeg
from dataset.project import Project
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.files import replace_file
from web.pictures import neutral_card

CELL_PX = 96
COLUMNS = 12
ROWS_PER_LABEL = 4
HEADING_PX = 26


def write_contact_sheet(project: Project, name: str) -> Path:
    """Write library/reports/<version>.jpg. Returns its path. Raises UnknownVersion."""
    version = published.load(project.home, name)
    path = project.home / "reports" / f"{version.name}.jpg"
    with project.catalog.read() as connection:
        kept_back = withheld(connection, project.settings).keys()
    replace_file(path, encode_jpeg(contact_sheet(version, kept_back)))
    return path


def contact_sheet(version: Version, kept_back: Set[str]) -> Image.Image:
    """Some images of every label, those with the highest error probability first.

    kept_back: SHA-256s of pictures that are withheld since the version was published; a neutral card stands for them.
    """
    rows = version.rows()
    band_px = HEADING_PX + ROWS_PER_LABEL * CELL_PX
    sheet = Image.new("RGB", (COLUMNS * CELL_PX, band_px * len(version.labels)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, label in enumerate(version.labels):
        labelled = sorted((row for row in rows if row.label == label), key=_likely_wrong_first)
        heading = f"{version.name}   {label}: {len(labelled)}"
        draw.text((6, number * band_px + 5), heading, fill="black", font_size=15)
        for index, row in enumerate(labelled[: COLUMNS * ROWS_PER_LABEL]):
            down, across = divmod(index, COLUMNS)
            content = neutral_card() if row.sha256 in kept_back else version.pictures.content(row)
            with Image.open(BytesIO(content)) as image:
                image.draft("RGB", (CELL_PX, CELL_PX))
                image.thumbnail((CELL_PX - 2, CELL_PX - 2))
                sheet.paste(image, (across * CELL_PX, number * band_px + HEADING_PX + down * CELL_PX))
    return sheet


def _likely_wrong_first(row: Row) -> tuple[float, str]:
    return -row.error_probability, row.sha256
