"""Owners who object to training on their pictures: which pictures stay out because of it, and why."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from dataset.catalog.tables import clusters, consents

OBJECTS = "the owner objects to training"  # how a reason in diff.parquet begins
PREFERENCES = ("", "train-ai=y", "train-ai=n")  # the strictest last


class Said(NamedTuple):
    """What owners say of an image, at all its addresses. checked_at: when they were asked; None: never.

    The strictest preference and the oldest time stand for all.
    """

    preference: str = ""
    checked_at: datetime | None = None


NOT_ASKED = Said()


def said_in(connection: Connection, where: ColumnElement[bool]) -> tuple[dict[str, Said], set[str]]:
    """What owners say of the images of a block of clusters, by SHA-256; and the clusters with an objection."""
    asked = (
        select(
            *(consents.c.sha256, consents.c.objection, consents.c.usage_preference, consents.c.checked_at),
            clusters.c.cluster,
        )
        .join(clusters, clusters.c.sha256 == consents.c.sha256)
        .where(where)
    )
    said: dict[str, Said] = {}
    objecting: set[str] = set()
    for sha256, objection, preference, checked_at, cluster in connection.execute(asked).all():
        known = said.get(sha256)
        if known and known.checked_at:
            preference = _strictest((known.preference, preference))
            checked_at = min(known.checked_at, checked_at)
        said[sha256] = Said(preference, checked_at)
        if objection:
            objecting.add(cluster)
    return said, objecting


def reasons(connection: Connection) -> dict[str, str]:
    """Why images stay out, by SHA-256: somebody objects to one of the images that show the same picture."""
    objecting = select(consents.c.sha256, consents.c.objection).where(consents.c.objection != "")
    found: dict[str, str] = {}
    for row in connection.execute(objecting.order_by(consents.c.sha256, consents.c.image_url)):
        found.setdefault(row.sha256, f"{OBJECTS}: {row.objection}")
    own, other = clusters.alias(), clusters.alias()
    same = (
        select(own.c.sha256, consents.c.objection)
        .join(other, other.c.cluster == own.c.cluster)
        .join(consents, consents.c.sha256 == other.c.sha256)
        .where(consents.c.objection != "")
        .order_by(consents.c.sha256, consents.c.image_url)
    )
    for row in connection.execute(same) if found else ():
        found.setdefault(row.sha256, f"{OBJECTS}: {row.objection}")
    return found


def _strictest(preferences: Iterable[str]) -> str:
    return max(preferences, key=PREFERENCES.index)
