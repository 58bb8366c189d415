"""The page that shows what `isitcake source probe` found."""

from datetime import UTC, datetime
from pathlib import Path

from crawlers.probe import ProbeReport
from dataset.project import Project
from foundation.files import replace_file
from web.pages.thumbnails import templates, tile


def write_probe(found: ProbeReport, probed: Project, home: Path) -> Path:
    """Write home/reports/probe-<source>.html, with thumbnails from the probe's own library. Returns its path."""
    formats = {photo.sha256: photo.format for photo in found.photos if photo.sha256 and photo.format}
    kept = [
        tile(probed, formats, photo.sha256, f"{photo.width}×{photo.height} {photo.format}", photo.fetched_url)
        for photo in found.photos
        if photo.sha256
    ]
    page = templates.get_template("probe.html").render(
        found=found,
        kept=kept,
        refused=[photo for photo in found.photos if not photo.sha256],
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    path = home / "reports" / f"probe-{found.run.source}.html"
    replace_file(path, page.encode())
    return path
