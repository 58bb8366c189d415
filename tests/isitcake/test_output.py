"""Tables for people."""

from pathlib import Path

import pytest

from isitcake.output import short_path
from isitcake.tables import Grid


def test_columns_that_say_nothing_are_left_out() -> None:
    """A column is kept if one of its cells says something."""
    grid = Grid(["a", "b", "c"], [(0, "x", ""), (0, "", 1)], "title").without_empty(0, "")
    assert (grid.head, grid.rows, grid.title) == (["b", "c"], [["x", ""], ["", 1]], "title")


def test_a_path_below_the_current_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(tmp_path / "a" / "b.jpg") == "a/b.jpg"
    assert short_path("/elsewhere/b.jpg") == "/elsewhere/b.jpg"
