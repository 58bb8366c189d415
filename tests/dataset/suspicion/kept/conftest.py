"""A project of which half is answered, and one without some of its pictures."""

import pytest
from parts import NEW, Rows, pair, take
from sqlalchemy import delete, insert, select

from dataset.catalog.tables import (
    audit,
    clusters,
    decisions,
    judgements,
    pairs,
    queue,
)
from dataset.curate import curate
from dataset.project import Project
from dataset.suspicion.fitted import fit
from dataset.suspicion.kept import reading


@pytest.fixture(autouse=True)
def _kept_in_small_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "BY_NAME_FROM", 1)
    monkeypatch.setattr(reading, "KEPT_FROM", 1)


@pytest.fixture
def asking(bakery: Project) -> Project:
    """The bakery's project; half of its pictures have no answer."""
    with bakery.catalog.read() as connection:
        by_name = list(connection.execute(select(clusters.c.sha256).order_by(clusters.c.cluster)).scalars())
    with bakery.catalog.write() as connection:
        for table in (judgements, decisions, audit):
            connection.execute(delete(table).where(table.c.sha256.in_(by_name[::2])))
        first, second, third, *_ = sorted(by_name[::2])
        connection.execute(delete(pairs))
        connection.execute(insert(pairs).values([pair(first, second), pair(second, third)]))
    curate(bakery)
    return bakery


@pytest.fixture
def earlier(asking: Project) -> Rows:
    """That project is curated without some of its pictures; these are their rows, one of them of a copy.

    Nobody has answered about them.
    """
    with asking.catalog.read() as connection:
        queued = connection.execute(select(queue.c.sha256).order_by(queue.c.sha256)).scalars().all()
        copies = [row.b for row in connection.execute(select(pairs).order_by(pairs.c.a)).all()]
    kept = take(asking, [*copies[:1], *(name for name in queued if name not in copies)][:NEW])
    curate(asking)
    return kept
