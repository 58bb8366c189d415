"""Every candidate of a source's newest run, with its outcome and the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from crawlers.ledger.listed_pictures import is_on_a_list, shown_address
from crawlers.source_health import Outcome
from dataset.catalog.tables import outcomes, quarantined, runs
from dataset.project import Project

QUARANTINED = "quarantined"  # the original went bad after it was stored
LISTED_OUTCOMES = (*(outcome.value for outcome in Outcome), QUARANTINED)


@dataclass(frozen=True)
class Listed:
    """One candidate. address: of the image; for a folder source, `folder:NAME/relative/path`."""

    address: str
    outcome: str
    reason: str
    sha256: str | None


def list_outcomes(
    project: Project, source: str, outcome: str | None = None, *, on_hash_lists: bool = False
) -> list[Listed]:
    """The candidates of the newest run of a source, by address. outcome: only those of LISTED_OUTCOMES.
    on_hash_lists: only pictures on a hash list, with their addresses, which are not shown otherwise. Both may be given.

    Raises UnknownSource for a source that neither isitcake.toml nor the catalog has.
    """
    with project.catalog.read() as connection:
        if not (run := _newest_run(connection, project, source)):
            return []
        rows = connection.execute(_of_run(source, run).order_by(outcomes.c.image_url)).all()
    if on_hash_lists:
        listed = [Listed(row.image_url, row.outcome, row.reason, None) for row in rows if is_on_a_list(row.reason)]
    else:
        listed = [_listed(row) for row in rows]
    return [one for one in listed if outcome in (None, one.outcome)]


def count_outcomes(project: Project, source: str) -> dict[str, int]:
    """How many candidates of a source's newest run had each outcome, the most first. Raises UnknownSource."""
    with project.catalog.read() as connection:
        if not (run := _newest_run(connection, project, source)):
            return {}
        kind, n = _kind.label("kind"), func.count()
        rows = connection.execute(_of_run(source, run, kind, n).group_by(kind).order_by(n.desc())).all()
    return {row[0]: row[1] for row in rows}


def first_outcomes(project: Project, source: str, order: Sequence[str], most: int) -> list[Listed]:
    """Candidates of a source's newest run, by outcome in this order, then by address. Raises UnknownSource."""
    rank = case({outcome: number for number, outcome in enumerate(order)}, value=_kind, else_=len(order))
    with project.catalog.read() as connection:
        if not (run := _newest_run(connection, project, source)):
            return []
        rows = connection.execute(_of_run(source, run).order_by(rank, outcomes.c.image_url).limit(most)).all()
    return [_listed(row) for row in rows]


_kind = case((quarantined.c.reason.is_not(None), QUARANTINED), else_=outcomes.c.outcome)


def _newest_run(connection: Connection, project: Project, source: str) -> int | None:
    """None for a source that was never collected."""
    run = connection.execute(select(func.max(runs.c.id)).where(runs.c.source == source)).scalar()
    if run is None:
        project.settings.source(source)
    return run


def _of_run(source: str, run: int, *what: Any) -> Any:
    columns = outcomes.c.image_url, outcomes.c.outcome, outcomes.c.reason, outcomes.c.sha256
    return (
        select(*(what or (*columns, quarantined.c.reason.label("wrong"))))
        .select_from(outcomes.outerjoin(quarantined, quarantined.c.sha256 == outcomes.c.sha256))
        .where(outcomes.c.source == source, outcomes.c.run_id == run)
    )


def _listed(row: Any) -> Listed:
    if row.wrong:
        return Listed(row.image_url, QUARANTINED, f"the original {row.wrong}", row.sha256)
    return Listed(shown_address(row.image_url, row.reason), row.outcome, row.reason, row.sha256)
