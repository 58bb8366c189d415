"""Labels out of balance are named."""

import pytest

from dataset.publishing.balance import balance


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"cake": 30, "not_cake": 90}, "3.0 times as many images are not_cake as cake: collect more cake"),
        ({"cake": 5, "not_cake": 0}, "No image is labelled not_cake: collect some."),
    ],
)
def test_a_warning(counts: dict[str, int], words: str) -> None:
    assert words in balance(counts)


@pytest.mark.parametrize("counts", [{"cake": 30, "not_cake": 89}, {"cake": 5}, {}])
def test_no_warning(counts: dict[str, int]) -> None:
    assert balance(counts) == ""
