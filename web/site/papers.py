"""Papers about a version as pages: the datasheet, and the summary of training content. They print on A4."""

from collections.abc import Callable
from pathlib import Path

from dataset.papers import ai_act, datasheet
from dataset.papers.facts import PaperFacts, read_facts
from dataset.papers.paper import Paper
from dataset.project import VERSIONS_LOCK, Project
from foundation.files import replace_file
from web.pages.thumbnails import templates

KINDS: dict[str, Callable[[PaperFacts], Paper]] = {
    datasheet.KIND: datasheet.datasheet,
    ai_act.KIND: ai_act.ai_act_summary,
}


def paper_of(project: Project, kind: str, version: str | None = None) -> Paper:
    """A paper about a version, the newest by default. kind: one of KINDS.

    Raises UnknownVersion, DamagedVersion, UsageError while nothing is published.
    """
    return KINDS[kind](read_facts(project, version))


def paper_html(paper: Paper, *, served: bool = False) -> str:
    """The page of a paper. served: as a page of the service, with navigation; else as one file."""
    return templates.get_template("paper.html").render(served=served, paper=paper)


def write_paper(project: Project, paper: Paper, to: Path | None = None) -> Path:
    """Write a paper to a file; library/reports by default. Returns its path. Raises StorageError."""
    content = paper_html(paper).encode()
    if to is None:
        to = project.home / "reports" / f"{paper.version}-{paper.kind}.html"
        with project.alone(VERSIONS_LOCK):  # an erasure removes the reports
            replace_file(to, content)
    else:
        replace_file(to, content)
    return to
