"""The scoreboard names what gives a label away, and is at chance where nothing does."""

import numpy as np

from dataset.shortcuts import of_picture, scoreboard


def test_the_talks_set_is_flagged_by_format_and_size_and_the_recipe_settles_both() -> None:
    """PNG cakes of many sizes against 400-pixel JPEGs, one site per class; after one recipe both are at chance."""
    rng = np.random.default_rng(1)
    labels = ["cake"] * 200 + ["not_cake"] * 200
    sites = ["bakers"] * 200 + ["unsplash"] * 200
    before = {
        "format": np.array([1.0] * 200 + [0.0] * 200),
        "width": np.array([*rng.integers(200, 2000, 200), *[400] * 200], dtype=float),
        "aspect": rng.normal(size=400),
    }
    found = {shortcut.feature: shortcut for shortcut in scoreboard(before, labels, sites)}
    assert found["format"].score == 1.0
    assert found["width"].score is not None
    assert found["width"].score > 0.9
    assert "same formats" in found["format"].advice
    assert next(iter(found)) == "format"
    after = {"format": np.zeros(400), "width": np.full(400, 1024.0)}
    assert all(
        shortcut.score is not None and abs(shortcut.score - 0.5) < 0.05 and not shortcut.advice
        for shortcut in scoreboard(after, labels, sites)
    )


def test_what_only_names_the_site_does_not_predict_on_other_sites() -> None:
    """Held out by site: each site's own size says nothing of another's labels."""
    rng = np.random.default_rng(2)
    sites = np.repeat([f"s{n}" for n in range(10)], 40)
    labels = np.where(rng.random(400) < 0.5, "cake", "not_cake")
    width = np.repeat(rng.integers(200, 2000, 10), 40).astype(float)
    (found,) = scoreboard({"width": width}, labels.tolist(), sites.tolist())
    assert found.score is not None
    assert abs(found.score - 0.5) < 0.1


def test_too_little_to_tell_is_said_so() -> None:
    assert scoreboard({"width": np.ones(6)}, ["cake"] * 5 + ["not_cake"], ["a"] * 6)[0].score is None


def test_trivial_things_of_a_picture() -> None:
    """A white frame, a red mean, eight by eight cells."""
    pixels = np.full((40, 60, 3), 255, dtype=np.uint8)
    pixels[5:35, 5:55] = (255, 0, 0)
    found = of_picture(pixels)
    assert found["border"][0] == 1.0
    assert found["colour"][0] == 255
    assert found["thumbnail"].shape == (64,)
