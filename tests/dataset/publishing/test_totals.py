"""Totals count each row once; labels out of balance are named."""

import pytest
from rows import made_row

from dataset.publishing.totals import Totals, balance, one_sided, totals_of, why_none_unseen


def test_totals() -> None:
    rows = [
        made_row(0, creator="Ann"),
        made_row(1, label="not_cake", judgements=2, error_probability=0.0, sources=["baker", "api"]),
        made_row(2, split="test", site="other.example", creator="Ann", licence=" "),
    ]
    totals = totals_of(rows, repeated_clusters=1)
    assert totals.images == 3
    assert totals.counts() == {
        "train": {"cake": 1, "not_cake": 1},
        "validation": {},
        "test": {"cake": 1},
        "test_unseen_sites": {},
    }
    assert totals.by_site["baker.example", "cake", "research use"] == 2
    assert totals.relabelled == {"baker.example": 1, "other.example": 0}
    assert totals.licences() == {"research use": 2, "not stated": 1}
    assert totals.credits == {("Ann", "research use"): 1, ("Ann", " "): 1}
    assert totals.sources == {"baker", "api"}
    assert totals.first_seen == ("2026-11-01", "2026-11-03")
    assert (totals.reviewed, totals.expected_wrong, totals.repeated_clusters) == (1, 0.5, 1)


def test_totals_of_nothing() -> None:
    assert totals_of([]) == Totals()


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


@pytest.mark.parametrize(("counts", "words"), [
    ({"train": {"cake": 3}, "test": {"cake": 1}}, ["every image is labelled cake"]),
    ({"train": {"cake": 3, "not_cake": 0}, "test": {"cake": 1}}, ["every image is labelled cake"]),
    ({"train": {"cake": 3, "not_cake": 2}, "test": {}}, ["every image is in the split train"]),
    ({"test": {"cake": 3}}, ["every image is labelled cake", "every image is in the split test"]),
    ({"train": {"cake": 3}, "test": {"not_cake": 1}},
     ["no test has an image of cake", "train has no image of not_cake"]),
    ({"train": {"cake": 3, "not_cake": 2}, "test": {"cake": 1}}, ["no test has an image of not_cake"]),
    ({"train": {"cake": 3, "not_cake": 2}, "test": {"cake": 1}, "test_unseen_sites": {"not_cake": 1}}, []),
])  # fmt: skip
def test_one_class_or_one_split(counts: dict[str, dict[str, int]], words: list[str]) -> None:
    """Use 19: one label or one split that has all images is said."""
    warnings = one_sided(counts)
    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


def test_a_label_without_images_is_said() -> None:
    counts = {"train": {"cake": 3, "not_cake": 2}, "test": {"cake": 1, "not_cake": 1}}
    assert one_sided(counts, ["cake", "not_cake"]) == []
    assert one_sided(counts, ["cake", "pie", "not_cake"]) == [
        "no image is labelled pie: collect some, or remove the label"
    ]


def test_why_no_site_is_held_out() -> None:
    """A label needs three sites or folders; a version without images has other troubles."""
    assert "of each label that has 3 or more of them" in why_none_unseen({"train": {"cake": 3}, "test": {}})
    assert why_none_unseen({"train": {"cake": 3}, "test_unseen_sites": {"cake": 1}}) == ""
    assert why_none_unseen({"train": {}}) == ""
