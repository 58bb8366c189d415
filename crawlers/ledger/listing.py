"""Every candidate of a source's newest run, with its outcome and the reason."""

from dataclasses import dataclass

from sqlalchemy import func, select

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


def list_outcomes(project: Project, source: str, outcome: str | None = None) -> list[Listed]:
    """The candidates of the newest run of a source, by address. outcome: only those of LISTED_OUTCOMES.

    Raises UnknownSource for a source that neither isitcake.toml nor the catalog has.
    """
    with project.catalog.read() as connection:
        run = connection.execute(select(func.max(runs.c.id)).where(runs.c.source == source)).scalar()
        if run is None:
            project.settings.source(source)
            return []
        rows = connection.execute(
            select(outcomes, quarantined.c.reason.label("wrong"))
            .outerjoin(quarantined, quarantined.c.sha256 == outcomes.c.sha256)
            .where(outcomes.c.run_id == run)
            .order_by(outcomes.c.image_url)
        ).all()
    listed = [
        Listed(row.image_url, QUARANTINED, f"the original {row.wrong}", row.sha256)
        if row.wrong
        else Listed(row.image_url, row.outcome, row.reason, row.sha256)
        for row in rows
    ]
    return [one for one in listed if outcome in (None, one.outcome)]
