"""Totals count each row once."""

from rows import made_row

from dataset.publishing.totals import Totals, totals_of


def test_totals() -> None:
    rows = [
        made_row(0, creator="Ann"),
        made_row(1, label="not_cake", judgements=2, error_probability=0.0, sources=["baker", "api"]),
        made_row(2, split="test", site="other.example", creator="Ann"),
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
    assert totals.credits == {("Ann", "research use"): 2}
    assert totals.sources == {"baker", "api"}
    assert totals.first_seen == ("2026-11-01", "2026-11-03")
    assert (totals.reviewed, totals.expected_wrong, totals.repeated_clusters) == (1, 0.5, 1)


def test_totals_of_nothing() -> None:
    assert totals_of([]) == Totals()
