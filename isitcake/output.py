"""Results on stdout, progress on stderr; JSON where a script listens."""

import contextlib
import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PLAIN_EVERY_S = 5.0

LOG_WIDTH = 200  # columns of a table that no terminal limits

out = Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show(value: Any, as_json: bool, table: "Table | None" = None) -> None:
    """A result: as JSON, or its line and its table."""
    if as_json:
        click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))
        return
    if table is not None and table.row_count:
        out.print(table)
    line = value.line() if hasattr(value, "line") else value if isinstance(value, str) else None
    if line:
        out.print(Text(line))


def plain(value: Any) -> Any:
    """Dataclasses, paths and times as JSON knows them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def grid(head: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> Table:
    """A table; numbers stand right. Text from outside is shown, never interpreted."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(head):
        right = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    return table


class Steps:
    """Progress of several things at once: bars on a terminal, a line now and then in a log."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def step(self, what: str, done: int, total: int) -> None:
        with self._lock:
            if self._bars is not None:
                if what not in self._tasks:
                    self._tasks[what] = self._bars.add_task(what, total=total or None)
                self._bars.update(self._tasks[what], completed=done, total=total or None)
            elif done == total or time.monotonic() - self._told.get(what, 0.0) >= PLAIN_EVERY_S:
                self._told[what] = time.monotonic()
                err.print(Text(f"{what}: {done} of {total}"))

    def note(self, source: str, images: int, doing: str) -> None:
        """A crawl's progress, whose end nobody knows."""
        with self._lock:
            ended = doing in ("done", "failed")
            if self._bars is not None:
                if source not in self._tasks:
                    self._tasks[source] = self._bars.add_task(source, total=None)
                total = {"completed": images, "total": max(1, images)} if ended else {"completed": images}
                self._bars.update(self._tasks[source], description=f"{source}  {doing}", **total)  # type: ignore[arg-type]
            elif ended or time.monotonic() - self._told.get(source, 0.0) >= PLAIN_EVERY_S:
                self._told[source] = time.monotonic()
                err.print(Text(f"{source}: {images} images, {doing}"))


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[Steps]:
    """Steps to tell progress to; nothing is shown where a script listens on a log."""
    if quiet:
        yield _Quiet(None)
    elif err.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True) as bars:
            yield Steps(bars)
    else:
        yield Steps(None)


class _Quiet(Steps):
    def step(self, what: str, done: int, total: int) -> None: ...

    def note(self, source: str, images: int, doing: str) -> None: ...


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
