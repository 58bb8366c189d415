"""Nicknames and limits."""

import pytest

from web.guard import Limit, clean_nickname


@pytest.mark.parametrize(
    ("text", "nickname"),
    [
        ("Ann", "Ann"),
        ("  Zoë  O'Hara ", "Zoë O'Hara"),
        ("", "somebody"),
        (None, "somebody"),
        ("Jean-Luc 2", "Jean-Luc 2"),
        ("a" * 20, "a" * 20),
    ],
)
def test_a_nickname_is_cleaned(text: object, nickname: str) -> None:
    assert clean_nickname(text) == nickname


@pytest.mark.parametrize("text", ["<script>", "a" * 21, "F.u.c.k", "Ann\u202eB", "Ann<b>"])
def test_a_nickname_that_nobody_should_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nickname"):
        clean_nickname(text)


def test_a_limit_counts_each_address_by_itself() -> None:
    """Three in a minute: the fourth must wait until a third of the minute is over."""
    now = [0.0]
    limit = Limit(3, 60, clock=lambda: now[0])
    assert [limit.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limit.allows("b")
    now[0] = 20.0
    assert limit.allows("a")
    assert not limit.allows("a")


def test_a_limit_remembers_the_addresses_that_asked_last() -> None:
    """However many addresses ask, memory stays small."""
    limit = Limit(1, 60, remembered=2, clock=lambda: 0.0)
    assert [limit.allows(address) for address in ("a", "b", "a", "c")] == [True, True, False, True]
    assert not limit.allows("a")
    assert limit.allows("b")
