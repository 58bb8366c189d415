"""Splits that never move and never leak."""

from hypothesis import given
from hypothesis import strategies as st

from dataset.splits.assignment import SHARES, UNSEEN, Group, assign, hold_out


def groups(count: int, start: int = 0) -> list[Group]:
    return [
        Group(f"c{n}", "cake" if n % 3 else "not_cake", frozenset({f"site{n % 7}"}), (f"c{n}", f"d{n}"))
        for n in range(start, start + count)
    ]


@given(st.integers(1, 200), st.integers(0, 100))
def test_growth_moves_nothing(first: int, more: int) -> None:
    """What was assigned once stays, however much arrives later."""
    held = {"site3": True}
    before = assign(groups(first), {}, held)
    after = assign(groups(first + more), before, held)
    assert {sha: after[sha] for sha in before} == before


def test_shares_and_held_out_sites() -> None:
    """Splits fill to their shares within each label; a held-out site is never trained on."""
    assigned = assign(groups(700), {}, {"site3": True})
    for group in groups(700):
        assert len({assigned[member] for member in group.members}) == 1
        assert (assigned[group.cluster] == UNSEEN) == ("site3" in group.sites)
    inside = [split for name, split in assigned.items() if name.startswith("c") and split != UNSEEN]
    for split, share in SHARES.items():
        assert abs(inside.count(split) / len(inside) - share) < 0.02


def test_late_duplicate_follows_what_is_tested_on() -> None:
    """When two clusters turn out to be one, the new members go where testing is."""
    late = Group("a", "cake", frozenset({"s"}), ("a", "b", "c"))
    assert assign([late], {"a": "train", "b": "test"}, {})["c"] == "test"


def test_a_late_duplicate_on_a_held_out_site_is_never_trained_on() -> None:
    """Data F10: what has a split keeps it; new members of the same picture go to the held-out sites."""
    late = Group("a", "cake", frozenset({"s", "held"}), ("a", "b"))
    assert assign([late], {"a": "train"}, {"held": True}) == {"a": "train", "b": UNSEEN}


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 50), min_size=1, max_size=12))
def test_held_out_sites(sizes: dict[str, int]) -> None:
    """Never the largest; at least one from three sites on; decided once."""
    held = hold_out({"cake": sizes}, {})
    largest = max(sorted(sizes), key=lambda site: sizes[site])
    assert not held[largest]
    assert any(held.values()) == (len(sizes) > 2)
    assert hold_out({"cake": {**sizes, "zz": 9}}, held) == {
        **held,
        "zz": hold_out({"cake": {**sizes, "zz": 9}}, held)["zz"],
    }
