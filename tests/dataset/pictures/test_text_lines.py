"""dataset.pictures.text_lines: lines of text are counted, other edges are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dataset.pictures.text_lines import text_lines


def page(lines: int, size: tuple[int, int] = (480, 480)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for n in range(lines):
        pen.text((40, 40 + 80 * n), "Victoria sponge 3.50", fill="black", font=ImageFont.load_default(24))
    return image


@pytest.mark.parametrize("lines", [0, 1, 3, 5])
def test_every_line_is_counted(lines: int) -> None:
    assert text_lines(page(lines))[0] == lines


def test_the_share_grows_with_the_text() -> None:
    shares = [text_lines(page(lines))[1] for lines in (0, 1, 5)]
    assert shares[0] == 0
    assert 0 < shares[1] < shares[2] < 0.5
    assert shares[2] == pytest.approx(5 * shares[1], rel=0.1)


def test_a_larger_picture_gives_the_same_answer() -> None:
    small, large = page(3), page(3).resize((1440, 1440), Image.Resampling.BICUBIC)
    assert text_lines(small)[0] == text_lines(large)[0] == 3


def test_shapes_and_soft_photos_have_no_text() -> None:
    shapes = Image.new("RGB", (480, 480), "white")
    pen = ImageDraw.Draw(shapes)
    pen.ellipse((60, 60, 200, 200), fill="black")
    pen.rectangle((240, 300, 440, 330), fill="black")  # as wide and high as a line, without letters
    soft = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    for image in (shapes, Image.fromarray(soft).resize((480, 480), Image.Resampling.BICUBIC)):
        assert text_lines(image) == (0, 0.0)
