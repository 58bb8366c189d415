"""Pages that are costly to make: made once for each state of the project, by one request while the others wait."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from anyio import CapacityLimiter, to_thread
from sqlalchemy import func, select

from dataset.catalog.tables import audit, decisions, erasures, findings, images, judgements, queue, runs, tombstones
from dataset.project import Project
from dataset.versions import published
from training import models

State = tuple[Hashable, ...]


class Rendered:
    """Keeps the `most` pages that were asked for last. workers: threads that make pages, of all that the server has."""

    def __init__(self, most: int, workers: int = 1) -> None:
        self._most = most
        self._limiter = CapacityLimiter(workers)
        self._pages: OrderedDict[State, str] = OrderedDict()
        self._begun: dict[State, asyncio.Task[str]] = {}

    async def page(self, state: State, make: Callable[[], str]) -> str:
        """The page of this state. Raises what `make` raises; the next request tries again."""
        if state in self._pages:
            self._pages.move_to_end(state)
            return self._pages[state]
        if state not in self._begun:
            self._begun[state] = asyncio.create_task(self._make(state, make))
        return await asyncio.shield(self._begun[state])  # a visitor who leaves stops nobody else's page

    async def _make(self, state: State, make: Callable[[], str]) -> str:
        try:
            page = await to_thread.run_sync(make, limiter=self._limiter)
        finally:
            del self._begun[state]
        self._pages[state] = page
        if len(self._pages) > self._most:
            self._pages.popitem(last=False)
        return page


def project_state(project: Project) -> State:
    """Changes whenever a page about the project would: with collections, curating, answers, versions, models, erasures.

    Answers of the game's players change nothing here: visitors must not be able to have pages made again.
    """
    ledgers = (runs.c.id, judgements.c.id, decisions.c.id, runs.c.finished_at, erasures.c.done_at, audit.c.drawn_at)
    tables = (images, tombstones, erasures, findings, queue)
    with project.catalog.read() as connection:
        newest = [connection.execute(select(func.max(column))).scalar() for column in ledgers]
        counts = [connection.execute(select(func.count()).select_from(table)).scalar() for table in tables]
        suspicion = connection.execute(select(func.sum(queue.c.priority))).scalar()
    names = published.names(project.home)
    ids = [model.id for model in models.listing(project.home)]
    return (*newest, *counts, suspicion, *names, *ids, models.default_model_id(project.home))
