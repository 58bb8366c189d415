"""Pages that are kept, each for one state of the project: made by one request while the others wait.

A page that takes seconds may be shown once more after a change, with a sentence that says so, while the next one is
made. After an erasure no earlier page is shown.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import (
    audit,
    decisions,
    erasures,
    findings,
    images,
    judgements,
    outcomes,
    quarantined,
    queue,
    runs,
    tombstones,
)
from dataset.catalog.tables import names as renames
from dataset.project import Project
from dataset.versions import published
from training import models
from web.pages.thumbnails import templates

MAIN = '<main id="main" tabindex="-1">'
PATIENCE_S = 0.05  # for a page that is being made, before an earlier one is shown


@dataclass(frozen=True)
class State:
    """What a page was made from. erased: what an erasure changes; facts: everything else."""

    erased: Hashable
    facts: Hashable


@dataclass(frozen=True)
class Page:
    """made_at: Unix time, in seconds. is_old: something changed since."""

    content: str
    state: State
    made_at: float
    is_old: bool = False


class Rendered:
    """Keeps the `most` pages that were asked for last.

    workers: threads that make pages, of all that the server has. shows_old: whether a page that was made before a
    change may be shown while the next one is made.
    """

    def __init__(self, most: int, workers: int = 1, *, shows_old: bool = False) -> None:
        self._most = most
        self._shows_old = shows_old
        self._limiter = CapacityLimiter(workers)
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._begun: dict[tuple[Hashable, State], asyncio.Task[Page]] = {}

    def kept(self) -> list[Hashable]:
        """Names of the pages that are ready, the one that was asked for last at the end."""
        return list(self._pages)

    async def page(self, key: Hashable, state: State, make: Callable[[], str]) -> Page:
        """The page called `key`. Raises what `make` raises; the next request tries again."""
        kept = self._pages.get(key)
        if kept and kept.state == state:
            self._pages.move_to_end(key)
            return kept
        if (key, state) not in self._begun:
            self._begun[key, state] = asyncio.create_task(self._make(key, state, make))
        task = self._begun[key, state]
        if kept and self._shows_old and kept.state.erased == state.erased:
            done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
            if not done:
                task.add_done_callback(_look_at)
                return Page(kept.content, kept.state, kept.made_at, is_old=True)
        return await asyncio.shield(task)  # a visitor who leaves stops nobody else's page

    async def _make(self, key: Hashable, state: State, make: Callable[[], str]) -> Page:
        began = time.time()
        try:
            page = Page(await to_thread.run_sync(make, limiter=self._limiter), state, began)
        finally:
            del self._begun[key, state]
        if (kept := self._pages.get(key)) and kept.made_at > began:
            return page
        self._pages[key] = page
        self._pages.move_to_end(key)
        if len(self._pages) > self._most:
            self._pages.popitem(last=False)
        return page


def _look_at(task: "asyncio.Task[Page]") -> None:
    """Nobody waits for this page; the next visitor who does gets the error."""
    if not task.cancelled():
        task.exception()


def marked_old(page: Page) -> str:
    """The page with a sentence above it that says since when something changed."""
    said = templates.get_template("old_page.html").render(made=datetime.fromtimestamp(page.made_at, UTC))
    return page.content.replace(MAIN, f"{MAIN}\n{said}", 1)


def project_state(project: Project) -> State:
    """Changes whenever a page about the project would: with collections, curating, answers, versions, models, erasures.

    Answers of the game's players change nothing here: visitors must not be able to have pages made again.
    """
    ledgers = (
        runs.c.id, judgements.c.id, decisions.c.id, runs.c.finished_at, audit.c.drawn_at, renames.c.since,
    )  # fmt: skip
    tables = (images, findings, queue)
    with project.catalog.read() as connection:
        newest = [connection.execute(select(func.max(column))).scalar() for column in ledgers]
        counts = [connection.execute(select(func.count()).select_from(table)).scalar() for table in tables]
        suspicion = connection.execute(select(func.sum(queue.c.priority))).scalar()
        erased = _erased(connection)
    names = published.names(project.home)
    return State(
        erased, (*newest, *counts, suspicion, *names, models.state(project.home), models.default_model_id(project.home))
    )


def collected_state(project: Project) -> State:
    """Changes with collections, quarantine and erasures; answers change nothing."""
    facts = (func.max(runs.c.id), func.max(runs.c.finished_at), func.count(runs.c.finished_at))
    with project.catalog.read() as connection:
        found = connection.execute(select(*facts)).one()
        wrong = connection.execute(
            select(func.count(), func.max(quarantined.c.found_at)).select_from(quarantined)
        ).one()
        n_outcomes = connection.execute(select(func.max(outcomes.c.id))).scalar()
        return State(_erased(connection), (*found, *wrong, n_outcomes))


def version_state(project: Project, *names: str) -> State:
    """Changes with these versions, with the models, and with erasures; answers and collections change nothing."""
    with project.catalog.read() as connection:
        erased = _erased(connection)
    return State(erased, (published.state(project.home, names), models.state(project.home)))


def _erased(connection: Connection) -> tuple[Hashable, ...]:
    done = connection.execute(select(func.count(), func.max(erasures.c.done_at)).select_from(erasures)).one()
    return (*done, connection.execute(select(func.count()).select_from(tombstones)).scalar())
