"""Whether erased pictures come back in another shape, and whether a version has one picture in two splits.

Both take photos and a folder of their own, and return a count that should be 0.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from sqlalchemy import select
from variants import VARIANTS, base, encoded

from crawlers.collect import collect
from dataset.catalog.tables import images, sightings
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.leaks import leaks

Turn = Image.Transpose


def _part(left: float, top: float, right: float, bottom: float) -> Callable[[Image.Image], bytes]:
    return lambda i: encoded(
        i.crop((round(left * i.width), round(top * i.height), round(right * i.width), round(bottom * i.height)))
    )


SAME = {
    **{
        name: VARIANTS[name]
        for name in (
            "mirror", "crop 5 %", "crop 10 %", "crop 10 %, corner", "crop 20 %", "caption bar", "border 5 %",
            "resize 75 %", "resize 150 %", "grey", "JPEG q30",
        )
    },
    "crop 20 %, left": _part(0.2, 0.0, 1.0, 1.0),
    "crop 20 %, corner": _part(0.0, 0.2, 0.8, 1.0),
    "turned by 90°": lambda i: encoded(i.transpose(Turn.ROTATE_90)),
    "turned by 180°": lambda i: encoded(i.transpose(Turn.ROTATE_180)),
    "turned by 270°": lambda i: encoded(i.transpose(Turn.ROTATE_270)),
}  # fmt: skip
SMALLEST_PX = 420  # shorter side: no variant is too small to be collected
CHAIN = 5  # crops of crops
CHAIN_MARGIN = 0.085  # taken from each side: 17 % of the width


def erased_variants_back(photos: Sequence[bytes], folder: Path) -> int:
    """Collect photos, erase them, collect their variants: how many are stored. photos: their bytes, no two alike."""
    pictures = [_large(content) for content in photos]
    project = open_project(_folder_project(folder))
    for number, picture in enumerate(pictures):
        (folder / "photos" / f"{number}.jpg").write_bytes(encoded(picture, 92))
    collect(project)
    with project.catalog.read() as connection:
        names = list(connection.execute(select(images.c.sha256)).scalars())
    for name in names:
        erase(project, Selection(Kind.SHA256, name), "benchmark")
    for number, picture in enumerate(pictures):
        for name, change in SAME.items():
            (folder / "photos" / f"{number} {name}.jpg").write_bytes(change(picture))
    collect(project)
    with project.catalog.read() as connection:
        back = list(connection.execute(select(sightings.c.image_url)).scalars())
    project.close()
    return len(back)


def split_leaks(photos: Sequence[bytes], folder: Path) -> int:
    """Publish photos with crops of their crops: how many pairs of files show one picture in two splits."""
    project = open_project(_folder_project(folder))
    for number, content in enumerate(photos):
        picture = _large(content)
        for step in range(CHAIN + 1):
            (folder / "photos" / f"{number}-{step}.jpg").write_bytes(encoded(picture, 92))
            w, h = (round(side * CHAIN_MARGIN) for side in picture.size)
            picture = picture.crop((w, h, picture.width - w, picture.height - h))
    collect(project)
    curate(project)
    publish(project, force=True)
    version = published.newest(project.home)
    rows = version.rows() if version else []
    number_of = {row.sha256: row.image_url.rpartition("/")[2].partition("-")[0] for row in rows}
    splits_of: dict[str, set[str]] = {}
    for row in rows:
        splits_of.setdefault(number_of[row.sha256], set()).add(row.split)
    found = len(leaks(version.pictures, rows)) if version else 0
    project.close()
    return found + sum(len(splits) > 1 for splits in splits_of.values())


def _folder_project(folder: Path) -> Path:
    (folder / "photos").mkdir(parents=True)
    config = folder / "isitcake.toml"
    config.write_text('[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n')
    return config


def _large(content: bytes) -> Image.Image:
    picture: Image.Image = base(content)
    factor = max(1.0, SMALLEST_PX / min(picture.size))
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))
