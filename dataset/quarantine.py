"""Originals that went bad after they were stored: left out and listed, until they are whole again or erased."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from more_itertools import chunked
from sqlalchemy import ColumnElement, Connection, delete, select

from dataset.catalog.tables import images, quarantined
from dataset.catalog.writes import ROWS_PER_STATEMENT, upsert
from dataset.pictures.originals import LocalBlobs
from dataset.project import Project
from foundation.errors import StorageError

SHOWN = 3  # originals in a sentence


def is_whole(sha256: ColumnElement[str]) -> ColumnElement[bool]:
    """Condition: the image is not in quarantine."""
    return sha256.not_in(select(quarantined.c.sha256))


def in_quarantine(connection: Connection) -> dict[str, str]:
    """Why each original is in quarantine, by SHA-256."""
    rows = connection.execute(select(quarantined).order_by(quarantined.c.sha256))
    return {row.sha256: row.reason for row in rows}


def wrong_size(project: Project, image: Any) -> str:
    """What is wrong with the size of an original; empty if nothing is. image: as in `what_is_wrong`, and it raises."""
    size, expected = project.blobs.size(image.sha256, image.format), getattr(image, "size_bytes", None)
    if size is None:
        return "is missing"
    return f"has {size} bytes, not {expected}" if expected not in (None, size) else ""


def what_is_wrong(project: Project, image: Any) -> str:
    """What is wrong with an original, in a few words; empty if it is whole.

    image: with sha256 and format, and size_bytes where it is known. Raises StorageError if the store is out of reach.
    """
    from dataset.pictures.decoding import SCALED, Undecodable, accept  # loads Pillow

    if wrong := wrong_size(project, image):
        return wrong
    try:
        content = project.blobs.read(image.sha256, image.format)
    except StorageError as error:
        if isinstance(project.blobs, LocalBlobs):  # this file cannot be read: others can
            return f"cannot be read ({error})"
        raise
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return "is not what was stored"
    try:
        accept(content, SCALED[0])
    except Undecodable as error:
        return f"does not decode ({error})"
    return ""


def quarantine(project: Project, reasons: Mapping[str, str]) -> None:
    """Leave these images out from now on. reasons: what is wrong with each original, by SHA-256.

    Raises StorageError if the whole folder of originals is gone: then nothing is wrong with any of them.
    """
    if not reasons:
        return
    if isinstance(project.blobs, LocalBlobs) and not project.blobs.root.is_dir():
        raise StorageError(f"{project.blobs.root} is gone; mount its disk, or restore it from a backup")
    now = datetime.now(UTC)
    rows = [{"sha256": sha256, "reason": reason, "found_at": now} for sha256, reason in reasons.items()]
    with project.catalog.write() as connection:
        upsert(connection, quarantined, rows)


def release(connection: Connection, names: Sequence[str]) -> None:
    """Take these images back, because their originals are whole."""
    for part in chunked(names, ROWS_PER_STATEMENT):
        connection.execute(delete(quarantined).where(quarantined.c.sha256.in_(part)))


def release_restored(project: Project) -> None:
    """Take back every image whose original is whole again."""
    with project.catalog.read() as connection:
        suspects = connection.execute(select(images).join(quarantined, quarantined.c.sha256 == images.c.sha256)).all()
    whole = [image.sha256 for image in suspects if not what_is_wrong(project, image)]
    if whole:
        with project.catalog.write() as connection:
            release(connection, whole)


def listed(project: Project) -> dict[str, str]:
    """Address of each original in quarantine and what is wrong with it, by SHA-256."""
    with project.catalog.read() as connection:
        rows = connection.execute(
            select(images.c.sha256, images.c.format, quarantined.c.reason)
            .join(quarantined, quarantined.c.sha256 == images.c.sha256)
            .order_by(images.c.sha256)
        ).all()
    return {row.sha256: f"{project.blobs.address(row.sha256, row.format)} {row.reason}" for row in rows}


def sentence(damaged: Sequence[str]) -> str:
    """What to say about damaged originals; empty where there are none. damaged: address and what is wrong, of each."""
    if not damaged:
        return ""
    more = f" and {len(damaged) - SHOWN} more" if len(damaged) > SHOWN else ""
    shown = ", ".join(damaged[:SHOWN])
    return (
        f"originals are missing or damaged: {shown}{more}; their images are left out until you collect them "
        "again, restore them from a backup, or erase the images"
    )
