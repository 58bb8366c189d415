"""A picture that was erased does not come back in another shape. Names copies.py and dataset/duplicates/imprints.py."""

import functools
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import cursors, images, outcomes, sightings, tombstones
from dataset.curate import curate
from dataset.duplicates.fingerprints import luminance
from dataset.duplicates.imprints import Imprints, imprints_of
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from simulator import drawings

Turn = Image.Transpose
ERASED = "erased: it stays out"
CAKES = 6


def part(left: float, top: float, right: float, bottom: float) -> Callable[[Image.Image], Image.Image]:
    return lambda i: i.crop((
        round(left * i.width), round(top * i.height), round(right * i.width), round(bottom * i.height),
    ))  # fmt: skip


def framed(image: Image.Image, left: float, top: float, right: float, bottom: float, colour: str) -> Image.Image:
    """The picture on a ground; the shares of its width and height that are added at each side."""
    w, h = image.size
    ground = Image.new("RGB", (round(w * (1 + left + right)), round(h * (1 + top + bottom))), colour)
    ground.paste(image, (round(w * left), round(h * top)))
    return ground


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirror": lambda i: i.transpose(Turn.FLIP_LEFT_RIGHT),
    "upside down": lambda i: i.transpose(Turn.FLIP_TOP_BOTTOM),
    "turned by 90": lambda i: i.transpose(Turn.ROTATE_90),
    "turned by 180": lambda i: i.transpose(Turn.ROTATE_180),
    "turned by 270": lambda i: i.transpose(Turn.ROTATE_270),
    "crop 5 %": part(0.025, 0.025, 0.975, 0.975),
    "crop 10 %": part(0.05, 0.05, 0.95, 0.95),
    "crop 20 %": part(0.1, 0.1, 0.9, 0.9),
    "crop 13 % at one side": part(0.13, 0, 1, 1),
    "crop 20 % at a corner": part(0, 0.2, 0.8, 1),
    "crop 20 % at each side": part(0.2, 0.2, 0.8, 0.8),
    "cut to a square": lambda i: part((1 - i.height / i.width) / 2, 0, (1 + i.height / i.width) / 2, 1)(i),
    "caption below": lambda i: framed(i, 0, 0, 0, 0.12, "black"),
    "caption above": lambda i: framed(i, 0, 0.12, 0, 0, "white"),
    "border": lambda i: framed(i, 0.05, 0.05, 0.05, 0.05, "white"),
    "larger": lambda i: i.resize((i.width * 3 // 2, i.height * 3 // 2)),
    "smaller": lambda i: i.resize((i.width * 3 // 4, i.height * 3 // 4)),
    "grey": lambda i: i.convert("L"),
    "mirrored, cropped and framed": lambda i: framed(
        part(0.1, 0, 1, 0.95)(i.transpose(Turn.FLIP_LEFT_RIGHT)), 0.05, 0.05, 0.05, 0.05, "red"
    ),
}


def saved(image: Image.Image, quality: int = 85) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


@functools.cache
def variants(content: bytes) -> dict[str, bytes]:
    with Image.open(io.BytesIO(content)) as image:
        upright = image.convert("RGB")
    made = {name: saved(change(upright)) for name, change in VARIANTS.items()}
    return {**made, "quality 30": saved(upright, 30)}


@functools.cache
def cake(number: int) -> bytes:
    """A drawn cake of at least 420 pixels, so that no part of it is too small to be collected."""
    with Image.open(io.BytesIO(drawings.cake(random.Random(number)))) as image:
        factor = max(1.0, 420 / min(image.size))
        return saved(image.convert("RGB").resize((round(image.width * factor), round(image.height * factor))), 92)


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(CAKES):
        (folder / f"cake-{number}.jpg").write_bytes(cake(number))
    config = tmp_path / "isitcake.toml"
    config.write_text('[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n')
    project = open_project(config)
    yield project
    project.close()


def add_variants(project: Project, of: int) -> None:
    for name, content in variants(cake(of)).items():
        (project.home.parent / "photos" / f"variant {name}.jpg").write_bytes(content)


def erase_cake(project: Project, number: int) -> None:
    with project.catalog.read() as connection:
        ends = sightings.c.image_url.endswith(f"cake-{number}.jpg")
        sha256 = connection.execute(select(sightings.c.sha256).where(ends)).scalar_one()
    assert erase(project, Selection(Kind.SHA256, sha256[:16]), "asked").images >= 1


def stored(project: Project) -> list[str]:
    """Names of the files of the folder whose pictures are in the catalog."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(sightings.c.image_url).join(images, images.c.sha256 == sightings.c.sha256))
        return sorted(Path(url).name for url in rows.scalars())


OTHERS = [f"cake-{number}.jpg" for number in range(1, CAKES)]


@pytest.mark.parametrize("is_curated", [True, False])
def test_variants_that_are_collected_later_are_refused(photos: Project, is_curated: bool) -> None:
    """Data F7: mirrored, turned, cropped, framed, captioned, resized, grey, poorer; also without a fingerprint."""
    collect(photos)
    if is_curated:
        curate(photos)
    erase_cake(photos, 0)
    add_variants(photos, of=0)
    collect(photos)
    assert stored(photos) == OTHERS
    with photos.catalog.read() as connection:
        is_variant = outcomes.c.image_url.contains("/variant")
        reasons = list(connection.execute(select(outcomes.c.reason).where(is_variant)).scalars())
    assert reasons == [ERASED] * (len(VARIANTS) + 1)


@pytest.mark.parametrize("is_curated", [True, False])
def test_variants_of_the_same_run_are_erased_too(photos: Project, is_curated: bool) -> None:
    """Data F7: they were collected before the erasure; none is published, and the other cakes are."""
    add_variants(photos, of=0)
    collect(photos)
    if is_curated:
        curate(photos)
    erase_cake(photos, 0)
    assert stored(photos) == OTHERS
    collect(photos)
    curate(photos)
    name = publish(photos, force=True).version
    assert name is not None
    rows = published.load(photos.home, name).rows()
    assert sorted(Path(row.image_url).name for row in rows) == OTHERS


def test_a_restored_catalog_knows_the_imprints(photos: Project, tmp_path: Path) -> None:
    """Data F7: library/erased.jsonl has them; tombstones that only the file has refuse the variants too."""
    collect(photos)
    erase_cake(photos, 0)
    lines = [json.loads(line) for line in photos.erased_file.read_text().splitlines()]
    assert {line["kind"] for line in lines} == {"sha256", "url", "imprint"}
    assert all(len(line["value"]) == 44 for line in lines)  # 32 bytes in base64: no picture is among them
    with photos.catalog.write() as connection:
        connection.execute(tombstones.delete())  # as in a backup from before the erasure
        connection.execute(cursors.delete())
    photos.close()
    again = open_project(tmp_path / "isitcake.toml")
    add_variants(again, of=0)
    collect(again)
    assert stored(again) == OTHERS
    again.close()


@pytest.mark.slow
def test_other_pictures_are_not_refused() -> None:
    """Two dozen drawn cakes in the same pose: none shows what an imprint of another is of."""
    pictures = [luminance(drawings.cake(random.Random(seed))) for seed in range(24)]
    kept = [imprints_of(picture) for picture in pictures]
    for number, picture in enumerate(pictures):
        others = [value for other, values in enumerate(kept) if other != number for value in values]
        assert not Imprints.of(others).shown_in(picture)
        assert Imprints.of(kept[number]).shown_in(picture)
    assert not Imprints.of([]).shown_in(pictures[0])
    blank = pictures[0] * 0
    assert imprints_of(blank) == []
    assert not Imprints.of(kept[0]).shown_in(blank)
