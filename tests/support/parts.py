"""A library whose triage keeps what it learned: take pictures out, put them in, and see which are judged."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, insert, select

from dataset.catalog.tables import (
    compared,
    decisions,
    features,
    fingerprints,
    images,
    pairs,
    seen,
    sightings,
    triage,
)
from dataset.curate import curate
from dataset.project import Project
from dataset.suspicion.derive import Derived, derive
from dataset.suspicion.evidence import read_evidence
from dataset.suspicion.kept.ledger import Kept, read_kept
from dataset.suspicion.meanings import meanings
from networks.backbone import backbone

MEASURED = (images, sightings, fingerprints, features, seen, compared)
NEW = 6

Rows = dict[Any, list[dict[str, Any]]]


def pair(a: str, b: str) -> dict[str, Any]:
    return {"a": a, "b": b, "by": "phash16", "distance": 2.0, "agreement": 1.0}


def take(project: Project, taken: Iterable[str]) -> Rows:
    """Take pictures out of the library. Returns their rows."""
    of_them: Rows = {}
    with project.catalog.write() as connection:
        for table in MEASURED:
            these = table.c.sha256.in_(taken)
            of_them[table] = [dict(row._mapping) for row in connection.execute(select(table).where(these))]
            connection.execute(delete(table).where(these))
        touched = pairs.c.a.in_(taken) | pairs.c.b.in_(taken)
        of_them[pairs] = [dict(row._mapping) for row in connection.execute(select(pairs).where(touched))]
        connection.execute(delete(pairs).where(touched))
        connection.execute(delete(decisions).where(decisions.c.sha256.in_(taken)))
    return of_them


def give(project: Project, rows: Rows) -> None:
    """Put pictures into the library, as if they came now."""
    with project.catalog.write() as connection:
        for table, of_table in rows.items():
            for row in of_table:
                connection.execute(insert(table).values({**row, **({"id": None} if table is sightings else {})}))


def n_judged(project: Project) -> int:
    """Curate. Returns how many pictures triage judged."""
    judged: list[int] = []

    def tell(step: str, done: int, total: int) -> None:
        if step == "triage" and not done:
            judged.append(total)

    curate(project, tell)
    return judged[0]


def rows(project: Project, *tables: Any) -> list[list[tuple[Any, ...]]]:
    """All rows of the tables, in one order."""
    with project.catalog.read() as connection:
        return [sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables]


def n_images(project: Project) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(images)).scalar_one())


def stored(project: Project) -> Kept:
    with project.catalog.read() as connection:
        recipe = connection.execute(select(triage.c.recipe)).scalar_one()
        kept = read_kept(connection, recipe)
    assert kept
    return kept


def judged_by(project: Project, kept: Kept | None) -> Derived:
    """What triage derives about all pictures, by a model that was kept, or by one that is fitted now."""
    net = backbone(project.settings.network)
    with project.catalog.read() as connection:
        evidence = read_evidence(connection, net.name, project.home)
        model = kept.model_for(connection, net.name, evidence) if kept else None
    return derive(evidence, meanings(project.settings), net, model)


def again(project: Project, sha256: str, **changes: Any) -> None:
    """A source shows a picture on another page."""
    with project.catalog.read() as connection:
        row = connection.execute(select(sightings).where(sightings.c.sha256 == sha256)).first()
    assert row
    with project.catalog.write() as connection:
        values = {**row._mapping, "id": None, "page_url": "https://other.example/", **changes}
        connection.execute(insert(sightings).values(values))


def newest_reason(project: Project, sha256: str) -> str:
    with project.catalog.read() as connection:
        reasons = select(decisions.c.reason).where(decisions.c.sha256 == sha256).order_by(decisions.c.id.desc())
        return str(connection.execute(reasons.limit(1)).scalar())
