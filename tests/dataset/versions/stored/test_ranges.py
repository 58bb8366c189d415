"""The ranges of SHA-256s that share a shard."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from dataset.versions.stored.ranges import Range, ranges

NUMBERS = st.sets(st.integers(0, 400), min_size=1)


def names_of(numbers: set[int]) -> list[str]:
    return sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in numbers)


def held(names: list[str], most: int) -> dict[Range, list[str]]:
    """The names in each range."""
    return {one: [name for name in names if one.start <= name < one.end] for one in ranges(names, most)}


def test_few_pictures_are_one_range() -> None:
    assert list(ranges(names_of({1, 2, 3}), 3)) == [Range("0000", "g")]
    assert list(ranges([], 3)) == []


def test_a_range_that_cannot_be_halved_holds_more() -> None:
    alike = [f"abcd{number:060x}" for number in range(9)]
    assert held(alike, 2) == {Range("abcd", "abce"): alike}
    last = [f"ffff{number:060x}" for number in range(9)]
    assert held(last, 2) == {Range("ffff", "g"): last}


@given(NUMBERS, st.integers(1, 20))
def test_every_picture_is_in_one_range(numbers: set[int], most: int) -> None:
    """And no range is empty, or holds more than it may."""
    names = names_of(numbers)
    parts = list(held(names, most).values())
    assert sorted(name for part in parts for name in part) == names
    assert all(1 <= len(part) <= most for part in parts)


@given(NUMBERS, NUMBERS, st.integers(1, 20))
def test_each_new_picture_changes_one_range(numbers: set[int], new: set[int], most: int) -> None:
    """So a version writes as many shards anew as it has new pictures, at most, or the halves of these."""
    before, after = held(names_of(numbers), most), held(names_of(numbers | new), most)
    lost = [one for one in before if after.get(one) != before[one]]
    assert len(lost) <= len(new - numbers)
