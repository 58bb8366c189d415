"""networks.built_in: the features of pictures whose colours and edges are known."""

import numpy as np
import pytest

from networks.built_in import SIDE_PX, built_in_graph
from networks.session import session

CELLS = 16
MEAN, SPREAD, FINE, COARSE = (slice(a, b) for a, b in ((0, 48), (48, 96), (96, 144), (144, 192)))
HISTOGRAM = slice(192, 300)


def features(picture: np.ndarray) -> np.ndarray:
    """picture: (3, SIDE_PX, SIDE_PX), -1 to 1."""
    return session(built_in_graph()).run(None, {"input": picture[None].astype(np.float32)})[0][0]


def test_a_single_colour_has_its_mean_and_neither_spread_nor_edges() -> None:
    """Kernels are padded with zeros, so the inner cells of the grid are compared."""
    vector = features(np.broadcast_to(np.array([0.5, -0.25, 0.0])[:, None, None], (3, SIDE_PX, SIDE_PX)))
    np.testing.assert_allclose(
        vector[MEAN].reshape(3, CELLS), [[0.5] * CELLS, [-0.25] * CELLS, [0.0] * CELLS], atol=1e-5
    )
    assert vector[SPREAD].max() < 0.01
    for edges in (FINE, COARSE):
        assert np.abs(vector[edges].reshape(3, 4, 4)[:, 1:3, 1:3]).max() < 1e-5


def test_stripes_have_edges_in_one_direction() -> None:
    stripes = np.where(np.arange(SIDE_PX) // 8 % 2, 1.0, -1.0)
    vector = features(np.broadcast_to(stripes, (3, SIDE_PX, SIDE_PX)))
    horizontal, vertical, _ = vector[FINE].reshape(3, 4, 4)[:, 1:3, 1:3]
    assert horizontal.min() > 0.1
    assert np.abs(vertical).max() < 1e-5


def test_memberships_of_the_histogram_add_up_to_one() -> None:
    """27 colours in 2 by 2 cells; the last four of white are those of the brightest colour."""
    vector = features(np.ones((3, SIDE_PX, SIDE_PX)))
    histogram = vector[HISTOGRAM].reshape(27, 4)
    assert histogram.sum(axis=0) == pytest.approx(np.ones(4), abs=1e-5)
    assert histogram[-1].min() > 0.9
