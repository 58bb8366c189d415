"""Tables on a screen, in a log, and wide: nothing that a person may copy is ever broken."""

import pytest
from rich.cells import cell_len

from isitcake.tables import Grid, table_lines, wrapped

PATH = "photos/a-folder-with-a-long-name/another-folder/a picture.jpg".replace(" ", "-")
REASONS = "out_of_fold: kitchen 45%, held out; neighbours: kitchen 54%, by what looks alike; odd_shape: 1024×420"


def all_lines(grid: Grid, width: int | None) -> list[str]:
    head, rows = table_lines(grid, width)
    return [*head, *rows]


def test_columns_that_say_nothing_are_left_out() -> None:
    """A column is kept if one of its cells says something."""
    grid = Grid(["a", "b", "c"], [(0, "x", ""), (0, "", 1)], "title").without_empty(0, "")
    assert (grid.head, grid.rows, grid.title) == (["b", "c"], [["x", ""], ["", 1]], "title")


def test_a_small_table_is_a_table() -> None:
    """Numbers stand right, text stands left, nothing follows the last cell."""
    grid = Grid(["split", "images", "share"], [("train", 64, 0.5), ("test", None, 0.25)], "a title")
    assert all_lines(grid, 80) == ["a title", "split  images  share", "train      64  0.500", "test           0.250"]


def test_text_is_wrapped_between_words() -> None:
    lines = all_lines(Grid(["state", "details"], [("absent", "start it, or use another one " * 4)]), 60)
    assert len(lines) == 4
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * 8) for line in lines[2:])


@pytest.mark.parametrize("width", [40, 80, 100, 120])
def test_rows_that_do_not_fit_are_stacked(width: int) -> None:
    """The long cells stand below their row with the names of their columns; paths and hashes are whole."""
    grid = Grid(
        ["wrong?", "sha256", "claimed", "picture", "reasons"],
        [(0.7, "5e02c8ad6df2", "animal", PATH, REASONS), (0.5, "51863a44f51f", "kitchen", "b.jpg", "")],
    )
    text = "\n".join(lines := all_lines(grid, width))
    assert all(len(line) <= width for line in lines if PATH not in line)
    for whole in (PATH, "5e02c8ad6df2", "51863a44f51f", "b.jpg"):
        assert whole in text
    assert " ".join(text.split()).count("out_of_fold:") == 1


def test_without_a_width_each_row_is_one_line() -> None:
    """In a log, in a pipe, and with --wide."""
    lines = all_lines(Grid(["picture", "reasons"], [(PATH * 5, REASONS * 5)]), None)
    assert lines[1] == f"{PATH * 5}  {REASONS * 5}"


def test_a_cell_cannot_draw_on_the_screen() -> None:
    """New lines and escape sequences of a file's name become visible; a wide letter counts two."""
    lines = all_lines(Grid(["name", "n"], [("a\nb\x1b[2J", 1), ("蛋糕", 2)]), 80)
    assert lines[1:] == ["a\\nb\\x1b[2J  1", "蛋糕         2"]


def test_a_sentence_keeps_its_lines_and_words() -> None:
    assert wrapped(f"one two\n{PATH}", 10) == ["one two", PATH]
    assert wrapped("one two three", 8) == ["one two", "three"]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_tables_of_one_column_and_of_blanks_are_laid_out(width: int) -> None:
    """Nothing crashes, no line is longer than the screen, and a head of several words is wrapped with its column."""
    prose = "a reason of many words " * 8
    assert max(map(len, all_lines(Grid(["reasons"], [(prose,)]), width))) <= width
    assert all_lines(Grid(["a", "b", "c"], [("x" * 30, "   ", prose), ("y", " ", "")]), width)
    head, rows = table_lines(Grid(["how to fix it for good", "n"], [("collect", 1)] * 2), width)
    assert set(" ".join([*head, *rows]).split()) == {"how", "to", "fix", "it", "for", "good", "n", "collect", "1"}
    assert max(map(len, head)) <= width


def test_wide_letters_with_spaces_are_wrapped_by_the_cells_that_they_take() -> None:
    lines = wrapped("蛋糕 餅乾 " * 10, 20)
    assert max(cell_len(line) for line in lines) <= 20
