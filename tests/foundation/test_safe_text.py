"""Text from outside, made safe for spreadsheets, Markdown, terminals and logs. Security 19."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.safe_text import csv_cell, csv_text, markdown, printable

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://evil")',
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    cell = csv_cell(text)
    assert cell.startswith("'")
    assert csv_text(cell) == text


@pytest.mark.parametrize("value", [1, -0.5, "cake", "a=b", "3-tier cake", ""])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) == str(value)


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    """Through a CSV file as well."""
    out = io.StringIO()
    csv.writer(out).writerow([csv_cell(text)])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert csv_text(csv_cell(text)) == text
    assert csv_text(row[0]) == text or "\r" in text or "\n" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann | Ben", r"Ann \| Ben"),
        ("[click](http://evil)", r"\[click\](http\://evil)"),
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("two\nlines\r\n# head", "two lines # head"),
        ("**bold** _it_ `code`", r"\*\*bold\*\* \_it\_ \`code\`"),
        ("a\x1b[31mred", r"a\\x1b\[31mred"),
        ("\u202etxt.exe", r"\\u202etxt.exe"),
        ("\\| x", r"\\\| x"),
        ("www.evil.example", r"www\.evil.example"),
        ("sugar-ray.com, 2 + 2!", "sugar-ray.com, 2 + 2!"),
    ],
)
def test_markdown_is_text(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_a_long_cell_is_cut() -> None:
    assert len(markdown("x" * 10_000)) == 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 🍰", "plain ü 🍰"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\x9b31m", r"a\x9b31m"),
        ("a\r\nb", r"a\r\nb"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\ud800", r"\ud800"),
    ],
)
def test_nothing_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_can_be_kept() -> None:
    assert printable("a\nb\tc\x1b", keep_lines=True) == "a\nb\tc\\x1b"
