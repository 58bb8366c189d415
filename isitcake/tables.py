"""Tables and lines of text for a terminal of some columns, a log without any, or a person who wants it wide.

A cell that cannot be broken (a path, a SHA-256, an address) is never broken: it moves to a line of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foundation.safe_text import printable

GAP = 2  # columns between two cells
INDENT = 4  # of the cells below a stacked row
MIN_PROSE = 24  # a column of text is not made narrower than this
MOST_LINES = 4  # of one row; taller rows are stacked


@dataclass(frozen=True)
class Grid:
    """A table to print. head: names of the columns. rows: a cell for each; numbers stand right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""

    def without_empty(self, *empty: Any) -> "Grid":
        """Without the columns that say nothing: each cell is one of `empty`. A terminal may have 80 columns."""
        kept = [n for n in range(len(self.head)) if any(row[n] not in empty for row in self.rows)]
        return Grid([self.head[n] for n in kept], [[row[n] for n in kept] for row in self.rows], self.title)


@dataclass(frozen=True)
class _Column:
    """One column: its name, its cells as text, and how it may be laid out."""

    name: str
    cells: Sequence[str]
    is_right: bool

    @property
    def width(self) -> int:
        """Cells of the screen that it takes where nothing is wrapped."""
        return max(map(_width, (self.name, *self.cells)))

    def narrowest(self, most: int) -> int:
        """The least width: no word is broken. most: words longer than this do not fit anywhere, and do not count."""
        words = [_width(word) for text in (self.name, *self.cells) for word in text.split()]
        longest = max((word for word in words if word <= most), default=1)
        return max(longest, min(self.width, MIN_PROSE))


def table_lines(grid: Grid, width: int | None) -> tuple[list[str], list[str]]:
    """The lines of a table: of its title, if any, and its head; and of its rows.

    width: columns of the screen; None: each row is one line. Where rows do not fit, text is wrapped between words;
    where they still do not fit, the longest cells stand below their row, each with the name of its column.
    """
    columns = [
        _Column(name, [_cell(row[n]) for row in grid.rows], _is_number(row[n] for row in grid.rows))
        for n, name in enumerate(grid.head)
    ]
    title = wrapped(grid.title, width) if grid.title else []
    widths = [column.width for column in columns]
    fitting = widths if width is None else _fit(columns, width)
    if width is None or fitting is not None:
        head, rows = _laid_out(columns, fitting or widths)
        return [*title, *head], rows
    below = []
    while len(widths) > 1 and sum(widths) + GAP * (len(widths) - 1) > width:
        n = max(range(1, len(widths)), key=widths.__getitem__)
        below.append(columns.pop(n))
        del widths[n]
    below.sort(key=lambda column: list(grid.head).index(column.name))
    if len(widths) == 1:
        widths = [min(widths[0], width)]
    head, rows = _stacked(columns, widths, below, width)
    return [*title, *head], rows


def wrapped(text: str, width: int | None) -> list[str]:
    """The text in lines of at most `width` columns, broken between words only; None: its own lines."""
    lines = []
    for line in text.split("\n"):
        if width is None or _width(line) <= width:
            lines.append(line)
        else:
            lines += _folded(line, width)
    return lines


def _folded(line: str, width: int) -> list[str]:
    """The words of a line in lines of at most `width` cells of the screen; a longer word has a line of its own."""
    indent = line[: len(line) - len(line.lstrip())]
    lines, last = [], ""
    for word in line.split():
        joined = f"{last} {word}" if last else indent + word
        if last and _width(joined) > width:
            lines.append(last)
            joined = word
        last = joined
    return [*lines, last]


def _fit(columns: Sequence[_Column], width: int) -> list[int] | None:
    """Widths with which the rows fit, wrapped where needed; None where a word would break or a row would be tall."""
    room = width - GAP * (len(columns) - 1)
    widths = [column.width for column in columns]
    least = [column.narrowest(width) for column in columns]
    if len(columns) == 1:
        return [min(widths[0], room)]
    if len(columns) == 2:  # a long word of the last column may go beyond the screen: below its row it would as well
        least[1] = columns[1].narrowest(room - widths[0])
    while sum(widths) > room:
        wide = [n for n in range(len(widths)) if widths[n] > least[n]]
        if not wide:
            return None
        widths[max(wide, key=widths.__getitem__)] -= 1
    tall = any(len(wrapped(cell, w)) > MOST_LINES for c, w in zip(columns, widths, strict=True) for cell in c.cells)
    return widths if len(columns) == 2 or not tall else None


def _laid_out(columns: Sequence[_Column], widths: Sequence[int]) -> tuple[list[str], list[str]]:
    """The head, and the rows, with their text wrapped to these widths."""
    lines = []
    for row in range(len(columns[0].cells)):
        lines += _row([column.cells[row] for column in columns], columns, widths)
    return _row([column.name for column in columns], columns, widths), lines


def _row(texts: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]) -> list[str]:
    """The lines of one row, each cell wrapped to the width of its column."""
    cells = [wrapped(text, width) for text, width in zip(texts, widths, strict=True)]
    return [
        _joined([cell[n] if n < len(cell) else "" for cell in cells], columns, widths)
        for n in range(max(map(len, cells)))
    ]


def _stacked(
    columns: Sequence[_Column], widths: Sequence[int], below: Sequence[_Column], width: int
) -> tuple[list[str], list[str]]:
    """The columns that fit, head and rows; below each row, the other cells with their names."""
    lines = []
    label = max(len(column.name) for column in below)
    for row in range(len(columns[0].cells)):
        lines += _row([column.cells[row] for column in columns], columns, widths)
        for column in below:
            if text := column.cells[row].strip():
                start = f"{' ' * INDENT}{column.name.ljust(label)}  "
                first, *rest = wrapped(text, max(MIN_PROSE, width - len(start)))
                lines += [start + first, *(" " * len(start) + line for line in rest)]
    return _row([column.name for column in columns], columns, widths), lines


def _joined(cells: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]) -> str:
    parts = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        blank = " " * max(0, width - _width(cell))
        parts.append(blank + cell if column.is_right else cell + blank)
    return (" " * GAP).join(parts).rstrip()


def _is_number(values: Any) -> bool:
    listed = [value for value in values if value is not None]
    return bool(listed) and all(isinstance(value, int | float) for value in listed)


def _cell(value: Any) -> str:
    """Text from outside is shown, never interpreted."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return printable(", ".join(map(str, value)))
    return "" if value is None else printable(str(value))


def _width(text: str) -> int:
    """Cells of the screen that a text takes: a Chinese letter takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
