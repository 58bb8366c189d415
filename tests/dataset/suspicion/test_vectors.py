"""Numbers about many pictures, kept in little memory: the same to the bit as all at once."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from dataset.suspicion.fitted.out_of_fold import scaler_of
from dataset.suspicion.vectors import BLOCK, Chances, Chosen, StoredVectors, blocks, moments


def made(folder: Path, count: int, width: int = 24) -> tuple[StoredVectors, NDArray[np.float32]]:
    """Features, stored and as an array."""
    half = (np.random.default_rng(count).normal(size=(count, width)) * 3).astype(np.float16)
    stored = StoredVectors(folder)
    for block in blocks(count, 70):
        stored.add([row.tobytes() for row in half[block]])
    return stored, half.astype(np.float32)


def test_stored_features_are_read_by_slices_and_by_numbers(tmp_path: Path) -> None:
    stored, whole = made(tmp_path, 200)
    assert len(stored) == 200
    assert (stored[30:90] == whole[30:90]).all()
    assert (stored[::7] == whole[::7]).all()
    assert stored[5:5].shape == (0, 24)
    order = np.random.default_rng(1).permutation(200)[:80]
    assert (stored[order] == whole[order]).all()
    chosen = Chosen(stored, order)
    assert len(chosen) == 80
    assert (chosen[10:20] == whole[order[10:20]]).all()
    assert (chosen[np.array([3, 1])] == whole[order[[3, 1]]]).all()
    assert list(tmp_path.iterdir()) == []  # a killed process leaves nothing behind


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 300])
def test_means_and_spreads_do_not_depend_on_blocks(tmp_path: Path, count: int) -> None:
    """Neither NumPy's nor scikit-learn's."""
    stored, whole = made(tmp_path, count)
    mean, spread = moments(stored)
    assert (mean == whole.mean(axis=0)).all()
    assert (spread == whole.std(axis=0)).all()
    whole[:, 3] = 2.0  # the same in all pictures
    theirs, ours = StandardScaler().fit(whole.copy()), scaler_of(whole)
    assert (ours.transform(whole.copy()) == theirs.transform(whole.copy())).all()


def test_chances_are_dictionaries_that_are_made_when_asked_for() -> None:
    chances = Chances(["cake", "not_cake"], np.array([[0.25, 0.75], [0.0, 0.0], [1.0, 0.0]]))
    assert list(chances) == [{"cake": 0.25, "not_cake": 0.75}, {}, {"cake": 1.0, "not_cake": 0.0}]
    assert list(chances.chosen([2, 0])) == [chances[2], chances[0]]
    spread = chances.spread(np.array([4, 1, 0]), 5)
    assert list(spread) == [chances[2], {}, {}, {}, chances[0]]
    assert list(Chances.none(2)) == [{}, {}]
