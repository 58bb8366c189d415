"""Photos of products on a plain ground, beside logos: few colours and transparency."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dataset.duplicates.fingerprints import fingerprint
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.few_colours import FewColours
from dataset.suspicion.detectors.transparency import Transparency
from dataset.suspicion.meanings import meanings
from foundation.settings import ProjectSection, Settings
from simulator import drawings

MUGS = meanings(Settings(project=ProjectSection(labels=["mug", "bowl"])))
CAKES = meanings(Settings())


def product(seed: int, ground: tuple[int, int, int, int], side: int) -> bytes:
    """A shaded, noisy mug of `side` pixels in the middle of a plain ground of 600, as a shop photographs it."""
    rng = np.random.default_rng(seed)
    picture = np.empty((600, 600, 4), dtype=np.uint8)
    picture[:] = ground
    low = (600 - side) // 2
    y, x = np.mgrid[0:side, 0:side] / side
    colour = rng.uniform(60, 230, 3)
    light = 0.35 + 0.65 * np.sin(np.pi * (0.15 + 0.7 * x)) * (1 - 0.3 * y)
    body = np.clip(colour * light[..., None] + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8)
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side - 1, side - 1), side // 5, fill=255)
    inside = np.asarray(mask) > 0
    picture[low : low + side, low : low + side][inside] = np.dstack([body, np.full((side, side), 255, np.uint8)])[
        inside
    ]
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def found(content: bytes, known: object) -> set[str]:
    made = fingerprint(content)
    measures = {"alpha": made.alpha, "top_colours": made.top_colours, "white": made.white, "edges": made.edges}
    subject = Subject(600, 600, made.detail, measures, "mug", frozenset(["mug"]), meanings=known)  # type: ignore[arg-type]
    return {f.detector for d in (FewColours, Transparency) if (f := d().examine(subject))}


@pytest.mark.parametrize("side", [180, 300, 450])
@pytest.mark.parametrize("ground", [(255, 255, 255, 255), (255, 255, 255, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_product_on_a_plain_ground_is_no_logo(seed: int, ground: tuple[int, int, int, int], side: int) -> None:
    """Use A3: neither few colours nor transparency say so, where no pack says that logos look like that."""
    assert found(product(seed, ground, side), MUGS) == set()


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_logo_has_few_colours_also_beside_its_ground(seed: int) -> None:
    """The near miss: what is drawn is still suspected in a project without a pack."""
    image = Image.new("RGBA", (600, 600), (255, 255, 255, 0))
    pen = ImageDraw.Draw(image)
    rng = random.Random(seed)
    pen.ellipse((80, 80, 520, 520), fill=tuple(rng.randrange(200) for _ in range(3)))
    pen.rectangle((200, 250, 400, 350), fill="gold")
    out = io.BytesIO()
    image.save(out, "PNG")
    assert found(out.getvalue(), MUGS) == {"few_colours"}


def test_in_the_pack_of_cakes_a_plain_ground_is_a_logos() -> None:
    """As it was before packs."""
    content = product(1, (255, 255, 255, 0), 300)
    assert "transparency" in found(content, CAKES)
    assert found(drawings.logo(random.Random(1)), CAKES)
