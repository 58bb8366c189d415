"""Print the figures of a benchmark: a table for people, one line of JSON for scripts."""

import json
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

out = Console(width=120, highlight=False)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(head):
        grid.add_column(name, justify="right" if number else "left")
    for row in rows:
        grid.add_row(*(_cell(cell) for cell in row))
    out.print(grid)
    out.print()


def figures(values: Mapping[str, float | None]) -> None:
    """Print the last line of a benchmark."""
    print(json.dumps({key: None if value is None else round(value, 4) for key, value in values.items()}))


class Peak:
    """Measure the largest memory, in megabytes, of all child processes together, or of this process (own)."""

    def __init__(self, own: bool = False) -> None:
        self._own = own
        self.megabytes = 0.0
        self._ended = threading.Event()

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(0.05):
            total = 0
            for process in [me] if self._own else me.children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.megabytes = max(self.megabytes, total / 1e6)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
