"""Text from outside, made safe for where it is read: a spreadsheet, a Markdown file, a terminal, a log."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"  # a spreadsheet runs a cell that starts so; the last four are full-width
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$^:&]|(?<=\bwww)\.)", re.IGNORECASE)  # in the middle of a line
UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # control, format (bidirectional marks), surrogates …
MAX_TEXT_CHARS = 500  # kept of an alternative text or a name from outside
MAX_CELL_CHARACTERS = 200  # of one cell of a Markdown table


def csv_cell(value: object) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula. Numbers stay numbers. Inverse: `csv_text`."""
    text = str(value)
    if isinstance(value, int | float):
        return text
    return f"'{text}" if text.startswith(("'", *FORMULA_STARTS)) or text.lstrip().startswith(tuple("=+-@")) else text


def csv_text(cell: str) -> str:
    """What `csv_cell` was given."""
    rest = cell[1:]
    return rest if cell.startswith("'") and csv_cell(rest) == cell else cell


def markdown(text: str) -> str:
    """Text for a cell of a Markdown table: nothing in it is markup, a link, HTML or a new line."""
    plain = printable(" ".join(text.split()))
    shown = plain if len(plain) <= MAX_CELL_CHARACTERS else plain[: MAX_CELL_CHARACTERS - 1] + "…"
    return MARKDOWN_SPECIAL.sub(r"\\\1", shown)


def printable(text: str, *, keep_lines: bool = False) -> str:
    r"""Text for a terminal or a log line: control characters, escape sequences and bidirectional marks become visible.

    "a\x1b[2Jb" gives "a\\x1b[2Jb". keep_lines: new lines and tabs stay.
    """
    return "".join(
        character
        if (keep_lines and character in "\n\t") or unicodedata.category(character) not in UNSAFE_CATEGORIES
        else character.encode("unicode_escape").decode()
        for character in text
    )


def clean_text(text: str) -> str:
    """Text from outside, made harmless: no control characters, at most MAX_TEXT_CHARS."""
    kept = "".join(" " if c in "\r\n\t" else c for c in text[: MAX_TEXT_CHARS * 4] if c.isprintable() or c in "\r\n\t")
    return " ".join(kept.split())[:MAX_TEXT_CHARS]


def counted(number: int, noun: str) -> str:
    """The number with its noun: "1 label", "2 labels"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def known_names(value: str, known: Iterable[str], listed: str = "there are {}") -> str:
    """The nearest of the known names, as a question; where none is near, all of them, in the words of `listed`.

    "did you mean 'animals'?", or "there are animals, kitchens".
    """
    names = list(known)
    by_case = {name.casefold(): name for name in names}
    if near := difflib.get_close_matches(value.casefold(), by_case, 1):
        return f"did you mean {by_case[near[0]]!r}?"
    return listed.format(", ".join(names) or "none")
