"""The report of an audit: one HTML file with pictures, which needs nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataset.project import Project
from foundation.files import replace_file
from foundation.safe_text import printable
from isitcake.auditing.audit import Audit, Suspect
from isitcake.auditing.library import File
from web.pages.thumbnails import Thumbnails, Tile, all_thumbnails, templates

MOST_SUSPECTS = 60
MOST_GROUPS = 24
MOST_TILES = 6  # of one group
MOST_UNREAD = 50


def write_report(audit: Audit, project: Project, path: Path) -> None:
    """Write the page. Raises StorageError if it cannot be written."""
    replace_file(path, report_html(audit, project).encode("utf-8", "replace"))


def report_html(audit: Audit, project: Project) -> str:
    """The page as text."""
    thumbnails = all_thumbnails(project)
    leaking: list[Sequence[File]] = []
    other: list[Sequence[File]] = []
    for group in audit.copies.groups:
        (leaking if len({file.split for file in group}) > 1 else other).append(group)
    return templates.get_template("audit.html").render(
        served=False,
        title=printable(audit.dataset.name),
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        audit=audit,
        splits=audit.dataset.splits or ["all"],
        labels=audit.dataset.labels,
        counts=audit.counts(),
        chance=audit.chance,
        suspects=[_suspect(thumbnails, suspect) for suspect in audit.suspects[:MOST_SUSPECTS]],
        leaking=[_group(thumbnails, group) for group in leaking[:MOST_GROUPS]],
        more_leaking=len(leaking) - MOST_GROUPS,
        duplicates=[_group(thumbnails, group) for group in other[:MOST_GROUPS]],
        more_duplicates=len(other) - MOST_GROUPS,
        unread=[(printable(path), printable(why)) for path, why in list(audit.unread.items())[:MOST_UNREAD]],
        more_unread=len(audit.unread) - MOST_UNREAD,
    )


def _suspect(thumbnails: Thumbnails, suspect: Suspect) -> Tile:
    change = f"{suspect.file.label} → {said(suspect)}" if suspect.suggestion != suspect.file.label else "look at it"
    title = "; ".join([suspect.file.path, *suspect.reasons])
    return thumbnails.tile(suspect.file.sha256, f"{change}, {suspect.error_probability:.0%}", printable(title))


def _group(thumbnails: Thumbnails, group: Any) -> list[Tile]:
    return [_copy(thumbnails, file, is_first=number == 0) for number, file in enumerate(group[:MOST_TILES])]


def _copy(thumbnails: Thumbnails, file: File, is_first: bool) -> Tile:
    where = f"{file.split} {file.label}".strip()
    kept = "keep: " if is_first else ""
    return thumbnails.tile(file.sha256, f"{kept}{where}, {file.width}×{file.height}", printable(file.path))


def said(suspect: Suspect) -> str:
    """The suggestion in words."""
    return "no photo" if suspect.suggestion is None else suspect.suggestion
