"""What a wall shows: labeling/wall/choose.py."""

import random
from collections import Counter

import pytest

from dataset.labels.vocabulary import Purpose
from labeling.wall.choose import Candidate, Known, Material, Sizes, believed, choose, singles

SIZES = Sizes(pictures=20, audit_share=0.2, gold_share=0.2)
RISK = [Candidate(f"r{n}", "cake" if n % 4 else "not_cake") for n in range(60)]
AUDIT = [Candidate(f"a{n}", "cake") for n in range(10)]
KNOWN = [Known(f"o{n}", "not_cake", "cake") for n in range(9)] + [Known(f"k{n}", "cake", "cake") for n in range(9)]


def test_a_wall_has_one_label_and_hides_known_pictures() -> None:
    """Of twenty: four of the audit sample, three known odd ones, one known right one, twelve of the queue's front."""
    wall = choose(Material(RISK, AUDIT, KNOWN), SIZES, random.Random(1))
    assert wall is not None
    assert wall.label == "cake"
    assert Counter(pick.purpose for pick in wall.picks) == {Purpose.AUDIT: 4, Purpose.RISK: 12, Purpose.GOLD: 4}
    gold = [pick.sha256 for pick in wall.picks if pick.purpose == Purpose.GOLD]
    assert Counter(name[0] for name in gold) == {"o": 3, "k": 1}
    risk = [pick.sha256 for pick in wall.picks if pick.purpose == Purpose.RISK]
    assert risk == [one.sha256 for one in RISK if one.label == "cake"][:12]


def test_an_odd_picture_that_looks_like_something_else_is_not_hidden() -> None:
    """Only pictures that sources take for the label of the wall are hard to find."""
    known = [Known("x", "not_cake", "not_cake")]
    wall = choose(Material(RISK, [], known), SIZES, random.Random(1))
    assert wall is not None
    assert "x" not in {pick.sha256 for pick in wall.picks}


def test_few_questions_have_few_known_pictures() -> None:
    wall = choose(Material(RISK[1:4], [], KNOWN), SIZES, random.Random(1))
    assert wall is not None
    assert Counter(pick.purpose for pick in wall.picks) == {Purpose.RISK: 3, Purpose.GOLD: 2}


def test_nothing_left_is_no_wall() -> None:
    assert choose(Material([], [], KNOWN), SIZES, random.Random(1)) is None


def test_each_picture_is_once_on_a_wall() -> None:
    both = [Candidate("a0", "cake"), *RISK]
    wall = choose(Material(both, AUDIT, [Known("r1", "cake", "cake")]), SIZES, random.Random(1))
    assert wall is not None
    assert max(Counter(pick.sha256 for pick in wall.picks).values()) == 1


@pytest.mark.parametrize(
    ("claimed", "suggested", "probability", "label"),
    [("cake", "unusable", 0.9, "unusable"), ("cake", "unusable", 0.2, "cake"), ("", "cake", 0.1, "cake"),
     ("cake", "", 0.9, "cake")],
)  # fmt: skip
def test_what_a_picture_is_believed_to_be(claimed: str, suggested: str, probability: float, label: str) -> None:
    assert believed(claimed, suggested, probability) == label


def test_pictures_alone_are_few_and_differ() -> None:
    """Unsettled ones first, then the audit sample, and random ones of those that were confirmed."""
    picks = singles(list("abcdef"), ["a", *"uvwxyz"], list("mnop"), random.Random(1))
    assert Counter(pick.purpose for pick in picks) == {Purpose.DISPUTE: 4, Purpose.AUDIT: 3, Purpose.REPEAT: 2}
    assert len({pick.sha256 for pick in picks}) == len(picks)
