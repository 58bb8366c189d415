"""A contact sheet: a version at a glance, as one picture."""

from pathlib import Path

from PIL import Image, ImageDraw

from dataset.pictures.decoding import encode_jpeg
from dataset.versions import published
from dataset.versions.manifest import Row
from dataset.versions.published import Version
from foundation.files import replace_file

CELL_PX = 96
COLUMNS = 12
ROWS_PER_LABEL = 4
HEAD_PX = 26


def write_contact_sheet(home: Path, name: str) -> Path:
    """Write library/reports/<version>.jpg. Returns its path. Raises UnknownVersion."""
    version = published.load(home, name)
    path = home / "reports" / f"{version.name}.jpg"
    replace_file(path, encode_jpeg(contact_sheet(version)))
    return path


def contact_sheet(version: Version) -> Image.Image:
    """Some images of every label, the most doubtful first: what is wrong with a dataset shows there."""
    rows = version.rows()
    band = HEAD_PX + ROWS_PER_LABEL * CELL_PX
    sheet = Image.new("RGB", (COLUMNS * CELL_PX, band * len(version.labels)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, label in enumerate(version.labels):
        found = sorted((row for row in rows if row.label == label), key=_doubtful_first)
        draw.text((6, number * band + 5), f"{version.name}   {label}: {len(found)}", fill="black", font_size=15)
        for index, row in enumerate(found[: COLUMNS * ROWS_PER_LABEL]):
            down, across = divmod(index, COLUMNS)
            with Image.open(version.path / row.file) as image:
                image.draft("RGB", (CELL_PX, CELL_PX))
                image.thumbnail((CELL_PX - 2, CELL_PX - 2))
                sheet.paste(image, (across * CELL_PX, number * band + HEAD_PX + down * CELL_PX))
    return sheet


def _doubtful_first(row: Row) -> tuple[float, str]:
    return -row.error_probability, row.sha256
