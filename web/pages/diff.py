"""What changed between two versions, to look at."""

from pathlib import Path

from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.project import Project
from dataset.versions.published import Diff
from foundation.files import replace_file
from web.pages.thumbnails import templates, tile

SHOWN = 60  # of each kind


def write_diff(project: Project, found: Diff, path: Path) -> Path:
    """A page with a thumbnail for each image added, removed and relabelled, whole in itself. Returns its path."""
    with project.catalog.read() as connection:
        formats = {row.sha256: row.format for row in connection.execute(select(images.c.sha256, images.c.format))}
    kinds = []
    for name, changes in (("relabelled", found.relabelled), ("removed", found.removed), ("added", found.added)):
        tiles = [
            tile(project, formats, change["sha256"], _told(change), f"{change['sha256'][:16]}: {change['reason']}")
            for change in changes[:SHOWN]
        ]
        kinds.append((name, len(changes), tiles))
    page = templates.get_template("diff.html").render(old=found.old, new=found.new, kinds=kinds)
    replace_file(path, page.encode())
    return path


def _told(change: dict[str, str]) -> str:
    labels = " → ".join(part for part in (change["was"], change["label"]) if part)
    return f"{labels}; {change['reason']}"
