"""Where pictures stand: those that look alike near each other, the same each time. Names dataset/layout/arrange.py."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dataset.layout.arrange import Positions, among, laid_out

LOOKS, DIMENSIONS = 4, 40


def pictures(count: int, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of pictures of a few looks, and the look of each."""
    look = np.arange(count) % LOOKS
    centres = np.random.default_rng(0).normal(size=(LOOKS, DIMENSIONS)) * 4
    noise = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (centres[look] + noise).astype(np.float32), look


def looks_of_nearest(positions: Positions, look: NDArray[np.int64], others: Positions) -> NDArray[np.int64]:
    """The look of the picture that stands nearest to each of the others, itself apart."""
    far = np.linalg.norm(others[:, None] - positions[None], axis=2)
    far[far == 0] = np.inf
    return np.asarray(look[far.argmin(axis=1)])


def test_pictures_that_look_alike_stand_together() -> None:
    features, look = pictures(200)
    positions = laid_out(features)
    assert (looks_of_nearest(positions, look, positions) == look).mean() > 0.97
    assert np.abs(positions).max() == pytest.approx(1.0)


def test_the_same_pictures_stand_at_the_same_places() -> None:
    features, _ = pictures(60)
    assert np.array_equal(laid_out(features), laid_out(features.copy()))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 11, 12, 13])
def test_a_few_pictures_have_places_too(count: int) -> None:
    positions = laid_out(pictures(count)[0])
    assert positions.shape == (count, 2)
    assert np.isfinite(positions).all()
    assert (np.abs(positions) <= 1.0001).all()


def test_pictures_that_are_all_the_same_have_places() -> None:
    assert np.isfinite(laid_out(np.ones((30, 8), dtype=np.float32))).all()


def test_new_pictures_stand_among_those_that_look_like_them() -> None:
    """Each on its own: which others come at the same time makes no difference."""
    features, look = pictures(200)
    positions = laid_out(features)
    new, new_look = pictures(40, seed=2)
    found = among(features, positions, new)
    assert (looks_of_nearest(positions, look, found) == new_look).mean() > 0.97
    assert among(features, positions, new[5:6])[0] == pytest.approx(found[5])


def test_everything_laid_out_anew_resembles_what_was_before() -> None:
    """From where they stood: the middles of the looks keep their order."""
    features, look = pictures(120)
    before = laid_out(features)
    more, more_look = pictures(120, seed=3)
    start = np.concatenate([before, among(features, before, more)])
    after = laid_out(np.concatenate([features, more]), start)

    def middles(positions: Positions, looks: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.concatenate([positions[looks == k].mean(axis=0) for k in range(LOOKS)])

    same = np.corrcoef(middles(before, look), middles(after, np.concatenate([look, more_look])))
    assert same[0, 1] > 0.8
