"""Data F10: no picture, in whatever crop and from whatever site, is on both sides of a test."""

import io
from pathlib import Path

from black_box.library import STAGES, C, N, name_of, newest, published_once, rows
from PIL import Image
from small_projects import SmallProject, drawn

SITES = {"site0": 5, "site1": 3, "site2": 3}  # pictures of each; the largest one is never held out
UNSEEN = "test_unseen_sites"
CHAINED, SINGLE = (10, 14, 23, 24, 27), range(6)  # drawings that are cropped again and again, and others
CROPS = 5
MARGIN = 0.085  # of width and height, at each side: 17 % in all


def saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def chain(number: int) -> list[bytes]:
    """A drawing, and its crops: each one of the one before it."""
    with Image.open(io.BytesIO(drawn("cake", number))) as opened:
        image = opened.convert("RGB")
    made = [saved(image)]
    for _ in range(CROPS):
        x, y = round(image.width * MARGIN), round(image.height * MARGIN)
        image = image.crop((x, y, image.width - x, image.height - y))
        made.append(saved(image))
    return made


def cakes_anew(project: SmallProject) -> Path:
    """The project's folder of cakes, empty."""
    for path in (project.folder / "c").iterdir():
        path.unlink()
    return project.folder / "c"


def test_a_photo_of_two_sites(tmp_path: Path) -> None:
    """Data F10: photos are on a site that is trained on and on each other one: what is held out is nowhere else."""
    small = SmallProject(tmp_path, pictures=2)
    cakes = cakes_anew(small)
    number = 0
    for site, count in SITES.items():
        (cakes / site).mkdir()
        for place in range(count):
            (cakes / site / f"{place}.jpg").write_bytes(drawn("cake", number))
            number += 1
    for site, shared in (("site1", 0), ("site2", 1)):
        (cakes / site / "shared.jpg").write_bytes((cakes / "site0" / f"{shared}.jpg").read_bytes())
    published_once(small)
    table = rows(newest(small))
    held_out = {row["site"] for row in table if row["split"] == UNSEEN}
    assert held_out
    assert not held_out & {row["site"] for row in table if row["split"] != UNSEEN}
    assert "c/site0" not in held_out


def test_crops_of_crops(tmp_path: Path) -> None:
    """Data F10: pictures that a chain of confirmed duplicates connects are in one split."""
    small = SmallProject(tmp_path, pictures=2)
    cakes = cakes_anew(small)
    for number in SINGLE:
        (cakes / f"single-{number}.jpg").write_bytes(drawn("cake", number))
    for number in CHAINED:
        for step, content in enumerate(chain(number)):
            (cakes / f"{number}-{step}.jpg").write_bytes(content)
    small.configure(N, C)
    small.run(*STAGES)
    splits: dict[str, set[str]] = {}
    for row in rows(newest(small)):
        if name_of(row)[0].isdigit():
            splits.setdefault(name_of(row).partition("-")[0], set()).add(row["split"])
    assert len(splits) == len(CHAINED)
    assert {photo: found for photo, found in splits.items() if len(found) > 1} == {}
