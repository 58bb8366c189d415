"""Owners who object to training on their pictures: which pictures stay out because of it, and why."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from dataset.catalog.tables import clusters, consents
from dataset.versions.identity import OBJECTS

PREFERENCES = ("", "train-ai=y", "train-ai=n")  # the strictest last


def strictest(preferences: Iterable[str]) -> str:
    """The strictest of what is said at the addresses of a picture."""
    return max(preferences, key=PREFERENCES.index, default="")


def reasons(connection: Connection) -> dict[str, str]:
    """Why images stay out, by SHA-256: somebody objects to one of the images that show the same picture."""
    objecting = select(consents.c.sha256, consents.c.objection).where(consents.c.objection != "")
    found: dict[str, str] = {}
    for row in connection.execute(objecting.order_by(consents.c.sha256, consents.c.image_url)):
        found.setdefault(row.sha256, _reason(row.objection))
    own, other = clusters.alias(), clusters.alias()
    same = (
        select(own.c.sha256, consents.c.objection)
        .join(other, other.c.cluster == own.c.cluster)
        .join(consents, consents.c.sha256 == other.c.sha256)
        .where(consents.c.objection != "")
        .order_by(consents.c.sha256, consents.c.image_url)
    )
    for row in connection.execute(same) if found else ():
        found.setdefault(row.sha256, _reason(row.objection))
    return found


def _reason(objection: str) -> str:
    return f"{OBJECTS}: {objection}"
