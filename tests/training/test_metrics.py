import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import balanced_accuracy, calibration_error, difference, groups_of, measure


def test_measure() -> None:
    """Balanced accuracy is the mean recall, and the interval contains it."""
    truth = ["cake"] * 30 + ["not_cake"] * 10
    predicted = ["cake"] * 27 + ["not_cake"] * 3 + ["not_cake"] * 5 + ["cake"] * 5
    metrics = measure(truth, predicted)
    assert metrics.balanced_accuracy == pytest.approx(0.7)
    assert metrics.interval is not None
    assert metrics.interval[0] < 0.7 < metrics.interval[1]
    assert metrics.confusion == {"cake": {"cake": 27, "not_cake": 3}, "not_cake": {"cake": 5, "not_cake": 5}}


def test_too_little_to_measure() -> None:
    """One label has no balanced accuracy, no images have no accuracy, different lengths are an error."""
    assert measure(["cake"], ["cake"]).balanced_accuracy is None
    assert measure([], []).accuracy is None
    with pytest.raises(ValueError, match="1 labels, 0 predictions"):
        measure(["cake"], [])


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("abc")), min_size=1))
def test_balanced_accuracy_is_the_mean_recall(rows: list[tuple[str, str]]) -> None:
    """It equals the definition, also for answers that are no label of the truth."""
    truth, predicted = (np.array(column) for column in zip(*rows, strict=True))
    recalls = [float((predicted[truth == label] == label).mean()) for label in np.unique(truth)]
    assert balanced_accuracy(truth, predicted) == (float(np.mean(recalls)) if len(recalls) > 1 else None)


def test_sites_make_intervals_wider() -> None:
    """Eight sites whose images are all right or all wrong say less than eighty independent images."""
    truth = ["cake", "not_cake"] * 40
    sites = [f"site{n // 10}" for n in range(80)]
    predicted = [label if int(site[4:]) % 4 else "cake" for label, site in zip(truth, sites, strict=True)]
    over_images, over_sites = measure(truth, predicted), measure(truth, predicted, sites=sites)
    assert over_images.interval is not None
    assert over_sites.interval is not None
    assert np.ptp(over_sites.interval) > np.ptp(over_images.interval) * 1.3


def test_difference() -> None:
    """A model is not better than itself; a better one gains what it gets right."""
    truth = np.array(["a", "b"] * 50)
    sites = np.array([f"s{n // 10}" for n in range(100)])
    assert difference(truth, truth, truth, sites) == (0.0, 0.0, 0.0)
    worse = np.where(np.arange(100) % 10 < 2, np.where(truth == "a", "b", "a"), truth)
    gain, low, high = difference(truth, worse, truth, sites)
    assert low <= gain <= high
    assert gain == pytest.approx(0.2)
    with pytest.raises(ValueError, match="fewer than two labels"):
        difference(truth[::2], truth[::2], truth[::2], sites[::2])


def test_calibration_error() -> None:
    """A model that is 90 % sure and right in 60 % has an error of 0.3."""
    assert calibration_error(np.array([True] * 6 + [False] * 4), np.full(10, 0.9)) == pytest.approx(0.3)


def test_the_headline_does_not_reward_believing_the_source() -> None:
    """Use A2: a model that repeats what the source claims has a good balanced accuracy and a headline of one half."""
    truth = ["cake"] * 40 + ["not_cake"] * 40 + ["not_cake"] * 10 + ["cake"] * 10
    claims = ["cake"] * 40 + ["not_cake"] * 40 + ["cake"] * 10 + ["not_cake"] * 10
    measured = measure(truth, claims, claims=claims)
    assert measured.balanced_accuracy == pytest.approx(0.8)
    assert measured.headline == pytest.approx(0.5)
    assert measured.headline_interval is not None
    assert measured.groups[measured.worst_group] == 0.0


def test_groups_that_are_too_small() -> None:
    """A small group does not count; a label that has no other group is one group."""
    truth, claims = ["a"] * 9 + ["b"] * 5, ["a"] * 5 + ["b"] * 4 + ["a"] * 3 + ["b"] * 2
    assert groups_of(truth, claims).tolist() == ["a, claimed as a"] * 5 + [""] * 4 + ["b"] * 5
    assert measure(["a"] * 9, ["a"] * 9).headline is None


def test_parts_of_the_draws_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large test is drawn in parts, which give the same interval."""
    rng = np.random.default_rng(1)
    truth, predicted = rng.choice(["a", "b"], (2, 301)).tolist()
    expected = measure(truth, predicted)
    monkeypatch.setattr("training.metrics.DRAWN_AT_ONCE", 1000)
    assert measure(truth, predicted) == expected
