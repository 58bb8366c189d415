"""The page of one source: what became of every file or address of its newest run."""

from collections import Counter

from crawlers.ledger.listing import LISTED_OUTCOMES, list_outcomes
from dataset.project import Project
from web.pages.thumbnails import templates

MOST_ROWS = 1000  # in the page; `isitcake outcomes` lists all
NEEDS_ATTENTION = ("quarantined", "failed", "rejected")  # listed first


def source_html(project: Project, name: str) -> str:
    """The page: one HTML file. Raises UsageError for an unknown source."""
    listed = list_outcomes(project, name)
    order = {outcome: number for number, outcome in enumerate(dict.fromkeys([*NEEDS_ATTENTION, *LISTED_OUTCOMES]))}
    rows = sorted(listed, key=lambda one: (order[one.outcome], one.address))
    counts = Counter(one.outcome for one in listed)
    return templates.get_template("source.html").render(
        served=True,
        name=name,
        rows=rows[:MOST_ROWS],
        hidden=max(0, len(rows) - MOST_ROWS),
        counts=sorted(counts.items(), key=lambda entry: order[entry[0]]),
    )
