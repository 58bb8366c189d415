"""Tombstones recognise an erased image by its bytes, its address and its looks, and hold hashes only."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from PIL import Image
from sqlalchemy import select

from dataset.catalog.tables import tombstones
from dataset.duplicates.fingerprints import fingerprint, luminance
from dataset.duplicates.imprints import imprints_of
from dataset.erasure.tombstones import Erased, bury
from dataset.project import Project

NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)
URL = "https://baker.example/ann.jpg"


def picture(seed: int, side_px: int = 400) -> bytes:
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (12, 12, 3), dtype=np.uint8))
    out = BytesIO()
    small.resize((400, 400), Image.Resampling.BICUBIC).resize((side_px, side_px)).save(out, "JPEG", quality=85)
    return out.getvalue()


def test_without_tombstones_nothing_is_erased(project: Project) -> None:
    with project.catalog.read() as connection:
        erased = Erased.read(connection)
    assert not erased.has_url(URL)
    assert not erased.has_content(picture(1), "ab" * 32)


def test_bytes_address_and_picture_are_recognised(project: Project) -> None:
    """A resized copy at another address too; another picture, and a blank one, are not."""
    prints = [("imprint", value) for value in imprints_of(luminance(picture(1)))]
    _recognised(project, prints, {"sha256", "url", "imprint"})


def test_the_hash_of_an_older_program_is_recognised(project: Project) -> None:
    """Tombstones were one perceptual hash before they were imprints."""
    _recognised(project, [("phash16", fingerprint(picture(1)).phash16)], {"sha256", "url", "phash16"})


def _recognised(project: Project, prints: list[tuple[str, str]], kinds: set[str]) -> None:
    with project.catalog.write() as connection:
        for _ in range(2):  # burying twice changes nothing
            bury(connection, NOVEMBER, "asked", sha256="ab" * 32, url=URL, prints=prints)
        erased = Erased.read(connection)
        stored = connection.execute(select(tombstones)).all()
    assert {row.kind for row in stored} == kinds
    assert len(stored) == 2 + len(prints) == erased.count
    assert not any("baker" in row.value for row in stored)
    assert erased.has_url(URL)
    assert not erased.has_url(URL + "?size=2")
    assert erased.has_content(b"not even a picture", "ab" * 32)
    assert erased.has_content(picture(1, side_px=250), "cd" * 32)
    assert not erased.has_content(picture(2), "cd" * 32)
    blank = BytesIO()
    Image.new("RGB", (400, 400), "white").save(blank, "PNG")
    assert not erased.has_content(blank.getvalue(), "cd" * 32)
