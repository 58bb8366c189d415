"""Not ten pictures of one look in a row."""

import numpy as np

from dataset.suspicion.variety import LONGEST_RUN, without_runs


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
