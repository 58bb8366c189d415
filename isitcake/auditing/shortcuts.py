"""Shortcuts of a data set as it is: how well size, format, compression, border or colour alone predict the label."""

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.project import Project
from dataset.publishing.shortcut_measures import PICTURES_MEASURED, shortcuts_of
from dataset.versions.facts import Shortcut
from dataset.versions.manifest import Row
from isitcake.auditing.library import File

OF_SOURCES = ("site kind", "source")  # a data set from elsewhere has no sources
OF_PICTURES = ("border", "colour", "thumbnail")  # measured on the normalised pictures only


def shortcuts(project: Project, files: Sequence[File]) -> list[Shortcut]:
    """The scoreboard of the originals, the worst shortcut first. Measures a sample of PICTURES_MEASURED pictures."""
    with project.catalog.read() as connection:
        formats = {row.sha256: row.format for row in connection.execute(select(images.c.sha256, images.c.format))}
    by_picture = {file.sha256: file for file in sorted(files, key=lambda file: file.path, reverse=True)}
    rows = [_row(by_picture[sha256], formats[sha256]) for sha256 in heapq.nsmallest(PICTURES_MEASURED, by_picture)]
    if not rows:
        return []
    boards = shortcuts_of(project, rows)
    found = [shortcut for shortcut in boards["before"] if shortcut.feature not in OF_SOURCES]
    found += [shortcut for shortcut in boards["after"] if shortcut.feature in OF_PICTURES]
    return sorted(found, key=lambda shortcut: (-(shortcut.score or 0.0), shortcut.feature))


def _row(file: File, image_format: str) -> Row:
    """A row as a version would have it; no site, so that folds hold out pictures."""
    return Row(
        sha256=file.sha256,
        file=file.path,
        label=file.label,
        split=file.split,
        source_label=file.label,
        label_origin="source",
        sources=[""],
        site="",
        page_url="",
        image_url="",
        licence="",
        creator="",
        first_seen=datetime.fromtimestamp(0, UTC),
        width=file.width,
        height=file.height,
        format=image_format,
        phash="",
        cluster="",
        judgements=0,
        error_probability=0.0,
    )
