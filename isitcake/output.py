"""Results on stdout, progress on stderr; JSON where a script listens. rich is imported when something is printed."""

import contextlib
import dataclasses
import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundation.safe_text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task, TaskID
    from rich.table import Table

PLAIN_EVERY_S = 5.0  # seconds between two lines of progress in a log
LOG_WIDTH = 200  # columns of a table that no terminal limits
WATCH_EVERY_S = 1.0


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


@functools.cache
def out() -> "Console":
    """Standard output."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)


@functools.cache
def err() -> "Console":
    """Standard error: progress, notes, errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def short_path(path: str | Path) -> str:
    """The path from the current folder where it is below it, else the whole path."""
    absolute, here = Path(path).absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def show(value: Any, as_json: bool, grid: Grid | None = None) -> None:
    """Print a result: as JSON, or its table and its line."""
    if as_json:
        click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))
        return
    if grid is not None and grid.rows:
        print_grid(grid)
    line = value.line() if hasattr(value, "line") else value if isinstance(value, str) else None
    if line:
        from rich.text import Text

        out().print(Text(printable(line, keep_lines=True)))


def print_grid(grid: Grid) -> None:
    out().print(_table(grid))


def note(message: str) -> None:
    """Say something to the person, beside the result."""
    from rich.text import Text

    err().print(Text(printable(message, keep_lines=True)))


def plain(value: Any) -> Any:
    """Dataclasses, paths and times as JSON knows them. A field's metadata may name its key: {"json": …}."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.metadata.get("json", f.name): plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


class Steps:
    """Progress of several things at once: bars on a terminal, a line now and then in a log."""

    def __init__(self, bars: "Progress | None") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._printed_at: dict[str, float] = {}
        self._began_at: dict[str, tuple[float, int]] = {}  # when a step was first told of, and how much was done then
        self._lock = threading.Lock()

    def step(self, what: str, done: int, total: int) -> None:
        """So many of so many are done."""
        with self._lock:
            if self._bars is not None:
                if what not in self._tasks:
                    self._tasks[what] = self._bars.add_task(what, total=total or None)
                self._bars.update(self._tasks[what], completed=done, total=total or None)
            elif done == total or self._is_due(what):
                note(f"{what}: {done} of {total}{self._rate(what, done)}")

    def note(self, source: str, images: int, activity: str) -> None:
        """Progress of a crawl, whose end nobody knows."""
        with self._lock:
            ended = activity in ("done", "failed")
            if self._bars is not None:
                if source not in self._tasks:
                    self._tasks[source] = self._bars.add_task(source, total=None)
                total = {"completed": images, "total": max(1, images)} if ended else {"completed": images}
                self._bars.update(self._tasks[source], description=f"{source}  {activity}", **total)  # type: ignore[arg-type]
            elif ended or self._is_due(source):
                note(f"{source}: {images} images, {activity}")

    def _rate(self, what: str, done: int) -> str:
        """How many a second are done; nothing before a second has passed."""
        began, first = self._began_at.setdefault(what, (time.monotonic(), done))
        passed = time.monotonic() - began
        return f", {(done - first) / passed:.1f} a second" if passed >= 1 and done > first else ""

    def _is_due(self, what: str) -> bool:
        """Whether the last line about it is old enough."""
        now = time.monotonic()
        if now - self._printed_at.get(what, 0.0) < PLAIN_EVERY_S:
            return False
        self._printed_at[what] = now
        return True


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[Steps]:
    """What a stage reports its progress to. quiet: nothing is shown, a script listens."""
    if quiet:
        yield _Quiet(None)
    elif err().is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
        from rich.text import Text

        class Rate(ProgressColumn):
            """How many a second are done."""

            def render(self, task: "Task") -> "Text":
                return Text(f"{task.speed:.1f} a second" if task.speed else "")

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn())
        with Progress(*columns, console=err(), transient=True) as bars:
            yield Steps(bars)
    else:
        yield Steps(None)


class _Quiet(Steps):
    def step(self, what: str, done: int, total: int) -> None: ...

    def note(self, source: str, images: int, activity: str) -> None: ...


@contextlib.contextmanager
def step(what: str, watch: Callable[[], str] | None = None) -> Iterator[None]:
    """Print the name of a step, then its duration. watch: returns its progress in a few words."""
    began = time.monotonic()
    ended = threading.Event()
    if err().is_terminal:
        with err().status(what) as status:

            def follow() -> None:
                while not ended.wait(WATCH_EVERY_S):
                    status.update(f"{what}: {watch()}" if watch else what)

            thread = threading.Thread(target=follow, daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
    else:
        note(f"{what} …")
        yield
    detail = f" ({watch()})" if watch else ""
    note(f"✓ {what}{detail}, {time.monotonic() - began:.0f} s")


def _table(grid: Grid) -> "Table":
    """Text from outside is shown, never interpreted."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=grid.title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(grid.head):
        right = bool(grid.rows) and all(isinstance(row[number], int | float) for row in grid.rows)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return printable(", ".join(map(str, value)))
    return "" if value is None else printable(str(value))
