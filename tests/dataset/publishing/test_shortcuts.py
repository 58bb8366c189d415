"""The scoreboard names features that reveal the label; without such a feature, scores are at chance."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dataset.pictures.decoding import normalise
from dataset.publishing.shortcuts import picture_features, scoreboard, worst_offenders


@pytest.mark.slow  # it measures
def test_format_and_size_are_shortcuts_until_the_recipe_makes_them_equal() -> None:
    """PNG cakes of many sizes against 400-pixel JPEGs, one site per class; after the recipe both are at chance."""
    rng = np.random.default_rng(1)
    labels = ["cake"] * 40 + ["not_cake"] * 40
    sites = ["bakers"] * 40 + ["unsplash"] * 40
    files = [_file("PNG", int(rng.integers(410, 800)), rng) for _ in range(40)]
    files += [_file("JPEG", 400, rng) for _ in range(40)]

    def features(contents: list[bytes]) -> dict[str, np.ndarray]:
        pictures = [Image.open(BytesIO(content)) for content in contents]
        return {
            "format": np.array([picture.format == "PNG" for picture in pictures], dtype=float),
            "width": np.array([picture.width for picture in pictures], dtype=float),
            "height": np.array([picture.height for picture in pictures], dtype=float),
        }

    board = {shortcut.feature: shortcut for shortcut in scoreboard(features(files), labels, sites)}
    assert board["format"].score == 1.0
    assert board["width"].score is not None
    assert board["width"].score > 0.9
    assert "same formats" in board["format"].advice
    for shortcut in scoreboard(features([normalise(content) for content in files]), labels, sites):
        assert shortcut.score is not None
        assert abs(shortcut.score - 0.5) < 0.05, shortcut
        assert not shortcut.advice


def _file(kind: str, side_px: int, rng: np.random.Generator) -> bytes:
    """A square picture of soft noise."""
    out = BytesIO()
    small = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
    small.resize((side_px, side_px), Image.Resampling.BILINEAR).save(out, kind)
    return out.getvalue()


def test_the_worst_offenders_have_the_surest_predictions() -> None:
    """Where all not-cakes are dark, the offenders are bright cakes and dark not-cakes."""
    light = np.array([0.9] * 12 + [0.5] * 8 + [0.1] * 20)[:, None]
    offenders = worst_offenders(light, ["cake"] * 20 + ["not_cake"] * 20, each=3)
    assert set(offenders) == {"cake", "not_cake"}
    assert all(light[i] > 0.3 for i in offenders["cake"])
    assert all(light[i] < 0.3 for i in offenders["not_cake"])


def test_a_feature_that_only_identifies_the_site_is_no_shortcut() -> None:
    """Sites are held out: the size that one site uses does not predict labels on another site."""
    rng = np.random.default_rng(2)
    sites = np.repeat([f"s{n}" for n in range(10)], 40)
    labels = np.where(rng.random(400) < 0.5, "cake", "not_cake")
    width = np.repeat(rng.integers(200, 2000, 10), 40).astype(float)
    (shortcut,) = scoreboard({"width": width}, labels.tolist(), sites.tolist())
    assert shortcut.score is not None
    assert abs(shortcut.score - 0.5) < 0.1


def test_too_few_images_give_no_score() -> None:
    assert scoreboard({"width": np.ones(6)}, ["cake"] * 5 + ["not_cake"], ["a"] * 6)[0].score is None


def test_features_of_a_picture() -> None:
    """A white frame, a red mean, eight by eight cells."""
    pixels = np.full((40, 60, 3), 255, dtype=np.uint8)
    pixels[5:35, 5:55] = (255, 0, 0)
    features = picture_features(pixels)
    assert features["border"][0] == 1.0
    assert features["colour"][0] == 255
    assert features["thumbnail"].shape == (64,)
