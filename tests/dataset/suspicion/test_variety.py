"""Not ten pictures of one look in a row."""

import numpy as np

from dataset.suspicion.variety import LONGEST_RUN, alike, by_look, standardised, without_runs


def test_a_run_is_broken_and_the_order_stays_otherwise() -> None:
    """Twelve of one look are first; the next of another look comes before the tenth of them."""
    rng = np.random.default_rng(1)
    looks = np.concatenate([np.repeat(rng.normal(size=(1, 64)), 12, axis=0), rng.normal(size=(8, 64))])
    features = (looks + 0.1 * rng.normal(size=looks.shape)).astype(np.float32)
    assert without_runs(features) == [*range(LONGEST_RUN), 12, *range(LONGEST_RUN, 12), *range(13, 20)]


def test_nothing_else_to_ask_about() -> None:
    """One look only, or one picture: the order stays."""
    alike = np.ones((30, 4), dtype=np.float32)
    assert without_runs(alike) == list(range(30))
    assert without_runs(alike[:1]) == [0]


def test_neighbours_on_a_wall_look_alike() -> None:
    """Three looks in a random order come out as three runs."""
    rng = np.random.default_rng(1)
    looks = rng.integers(0, 3, 40)
    features = np.eye(3)[looks] * 5 + rng.normal(size=(40, 3)) * 0.1
    order = by_look(features.astype(np.float32))
    assert sorted(order) == list(range(40))
    changes = np.count_nonzero(np.diff(looks[order]))
    assert changes == 2
    nearest = alike(standardised(features.astype(np.float32)), 0, 5)
    assert {int(looks[i]) for i in nearest} == {int(looks[0])}
    assert 0 not in nearest


def test_few_pictures_keep_their_order() -> None:
    assert by_look(np.zeros((2, 4), dtype=np.float32)) == [0, 1]
