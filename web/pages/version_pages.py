"""Pages about a version, as files. An erasure waits while they are written, and then removes what shows a picture."""

from pathlib import Path

from dataset.project import VERSIONS_LOCK, Project
from foundation.files import replace_file
from web.pages.contact_sheet import write_contact_sheet
from web.pages.report import report_html, write_report


def write_pages(project: Project, version: str) -> None:
    """Write the report and the contact sheet of a version, if one is missing: a publish was killed before it."""
    folder = project.home / "reports"
    with project.alone(VERSIONS_LOCK):
        if not (folder / f"{version}.html").is_file():
            write_report(project, version)
        if not (folder / f"{version}.jpg").is_file():
            write_contact_sheet(project, version)


def write_report_to(project: Project, version: str | None, to: Path | None) -> Path:
    """Write the report to a file, or to library/reports. Returns its path. Raises UnknownVersion."""
    if to is None:
        with project.alone(VERSIONS_LOCK):
            return write_report(project, version)
    replace_file(to, report_html(project, version).encode())
    return to
