"""Results on stdout, progress on stderr; JSON where a script listens. rich is imported when something is printed."""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundation.safe_text import printable
from isitcake.tables import Grid, table_lines, wrapped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

PLAIN_EVERY_S = 5.0  # seconds between two lines of progress in a log
LEAST_COLUMNS = 20  # of COLUMNS; less is no screen
WATCH_EVERY_S = 1.0


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
        has_all_letters = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
        click.echo(json.dumps(plain(value), ensure_ascii=not has_all_letters, indent=1))
        return
    if grid is not None and grid.rows:
        print_grid(grid)
    line = value.line() if hasattr(value, "line") else value if isinstance(value, str) else None
    if line:
        say(line)
    if cost := getattr(value, "cost", None):
        say(cost.line())


def say(text: str = "") -> None:
    """Print a line of the result; on a terminal it is wrapped between words."""
    for line in wrapped(printable(text, keep_lines=True), _columns()):
        click.echo(line)


def print_grid(grid: Grid) -> None:
    """Print a table. On a terminal its head is bold."""
    head, rows = table_lines(grid, _columns())
    for line in head:
        click.echo(click.style(line, bold=True) if sys.stdout.isatty() else line)
    for line in rows:
        click.echo(line)


def be_wide(wide: bool) -> None:
    """Print each row and each sentence as one line, however long, from now on."""
    _Wide.on = wide


class _Wide:
    """Whether --wide was given."""

    on = False


def _columns() -> int | None:
    """Columns of the screen; of COLUMNS where the output is piped; None: no limit."""
    if _Wide.on:
        return None
    if sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isascii() and given.isdigit() and int(given) >= LEAST_COLUMNS else None


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
        self._began: dict[str, tuple[float, int]] = {}
        self._printed_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def step(self, what: str, done: int, total: int) -> None:
        """So many of so many are done. total: 0 where there is nothing to count."""
        with self._lock:
            if self._bars is not None:
                self._show_bar(self._bars, what, what, done, total)
            elif done == total or self._is_due(what):
                note(f"{what}: {done} of {total}{self._pace(what, done, total)}" if total else what)

    def note(self, source: str, images: int, activity: str, total: int = 0) -> None:
        """Progress of a source. total: 0 where nobody knows how much there is, as in a crawl."""
        with self._lock:
            ended = activity in ("done", "failed")
            if self._bars is not None:
                self._show_bar(
                    self._bars, source, f"{source}  {activity}".rstrip(), images, max(1, images) if ended else total
                )
            elif ended or self._is_due(source):
                known = f" of {total}" if total and not ended else ""
                pace = "" if ended else self._pace(source, images, total)
                note(f"{source}: {images}{known} candidates{pace}{f', {activity}' if activity else ''}")

    def _show_bar(self, bars: "Progress", name: str, text: str, done: int, total: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = bars.add_task(text, total=None, pace="")
        pace = self._pace(name, done, total).removeprefix(", ")
        bars.update(self._tasks[name], description=text, completed=done, total=total or None, pace=pace)

    def _pace(self, what: str, done: int, total: int) -> str:
        """The rate, and the time that is left where the end is known; empty at the beginning and at the end."""
        now = time.monotonic()
        began, first = self._began.setdefault(what, (now, done))
        if now - began < 1 or done <= first or done == total:
            return ""
        rate = (done - first) / (now - began)
        left = f", {in_words((total - done) / rate)} left" if total else ""
        return f", {rate:.0f} a second{left}" if rate >= 1 else f", {rate * 60:.0f} a minute{left}"

    def _is_due(self, what: str) -> bool:
        """Whether the last line about it is old enough."""
        now = time.monotonic()
        if now - self._printed_at.get(what, 0.0) < PLAIN_EVERY_S:
            return False
        self._printed_at[what] = now
        return True


def in_words(seconds: float) -> str:
    """A duration for a person: "40 s", "3 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[Steps]:
    """What a stage reports its progress to. quiet: nothing is shown, a script listens."""
    if quiet:
        yield _Quiet(None)
    elif err().is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        pace = TextColumn("{task.fields[pace]}")
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), MofNCompleteColumn(), pace)
        with Progress(*columns, console=err(), transient=True) as bars:
            yield Steps(bars)
    else:
        yield Steps(None)


class _Quiet(Steps):
    def step(self, what: str, done: int, total: int) -> None: ...

    def note(self, source: str, images: int, activity: str, total: int = 0) -> None: ...


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
