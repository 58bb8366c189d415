"""The page with the results of `isitcake source probe`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from foundation.files import replace_file
from web.pages.thumbnails import Thumbnails, templates

if TYPE_CHECKING:
    from pathlib import Path

    from crawlers.probe import ProbeReport  # loads Scrapy
    from dataset.project import Project


def write_probe(report: ProbeReport, probed: Project, home: Path) -> Path:
    """Write home/reports/probe-<source>.html. Returns its path. probed: the temporary project with the pictures."""
    formats = {photo.sha256: photo.format for photo in report.photos if photo.sha256 and photo.format}
    thumbnails = Thumbnails(probed, formats)
    kept = [
        (photo, thumbnails.tile(photo.sha256, f"{photo.width}×{photo.height} {photo.format}", photo.fetched_url))
        for photo in report.photos
        if photo.sha256
    ]
    page = templates.get_template("probe.html").render(
        report=report,
        kept=kept,
        only_in_browser=sum(photo.only_in_browser for photo in report.photos),
        refused=[photo for photo in report.photos if not photo.sha256],
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    path = home / "reports" / f"probe-{report.run.source}.html"
    replace_file(path, page.encode())
    return path
