"""The label that holds for each image, kept in memory: after a change, only new decisions are read."""

import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import decisions, erasures, names


class Holding:
    """Reads the newest decision of each image. One object may serve many threads."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._labels: Mapping[str, str] = {}
        self._last_id = 0
        self._n_read = 0
        self._others: Any = None  # what changes rows of the ledger in place, or removes them

    def labels(self, connection: Connection) -> Mapping[str, str]:
        """The label of each image, by SHA-256. The same object as before where nothing changed."""
        with self._reading:
            others = _others(connection)
            last_id, count = connection.execute(select(func.max(decisions.c.id), func.count())).one()
            state = (last_id or 0, count, others)
            if state == (self._last_id, self._n_read, self._others):
                return self._labels
            added = self._added(connection, others, count)
            self._labels = _all(connection) if added is None else {**self._labels, **added}
            self._last_id, self._n_read, self._others = state
            return self._labels

    def _added(self, connection: Connection, others: Any, count: int) -> dict[str, str] | None:
        """Labels by rows that were appended; None where rows were changed or removed, or where nothing was read yet.

        With PostgreSQL, a row may get a smaller id than one that was read: then the count does not fit.
        """
        if others != self._others or not self._n_read:
            return None
        columns = decisions.c.sha256, decisions.c.label
        rows = connection.execute(select(*columns).where(decisions.c.id > self._last_id).order_by(decisions.c.id)).all()
        return dict(rows) if len(rows) == count - self._n_read else None


def names_state(connection: Connection) -> tuple[Any, ...]:
    """Changes when a label or a source is renamed or retired."""
    columns = names.c.kind, names.c.name, names.c.state, names.c.became
    return tuple(map(tuple, connection.execute(select(*columns).order_by(names.c.kind, names.c.name))))


def _others(connection: Connection) -> Any:
    erased = connection.execute(select(func.max(erasures.c.done_at), func.count()).select_from(erasures)).one()
    return names_state(connection), tuple(erased)


def _all(connection: Connection) -> dict[str, str]:
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    rows = connection.execute(select(decisions.c.sha256, decisions.c.label).where(decisions.c.id.in_(newest))).all()
    return dict(rows)
