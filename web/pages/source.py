"""The page of one source: what became of every file or address of its newest run."""

from crawlers.ledger.listing import LISTED_OUTCOMES, count_outcomes, first_outcomes
from dataset.project import Project
from web.pages.thumbnails import templates

MOST_ROWS = 1000  # in the page; `isitcake outcomes` lists all
NEEDS_ATTENTION = ("quarantined", "failed", "rejected")  # listed first


def source_html(project: Project, name: str) -> str:
    """The page: one HTML file. Raises UsageError for an unknown source."""
    order = list(dict.fromkeys([*NEEDS_ATTENTION, *LISTED_OUTCOMES]))
    counts = count_outcomes(project, name)
    return templates.get_template("source.html").render(
        served=True,
        name=name,
        rows=first_outcomes(project, name, order, MOST_ROWS),
        hidden=max(0, sum(counts.values()) - MOST_ROWS),
        counts=sorted(counts.items(), key=lambda entry: order.index(entry[0]) if entry[0] in order else len(order)),
    )
