"""Which images to erase: one image, or all of an address, a source, a site or a creator."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, or_, select

from dataset.catalog.tables import clusters, fetches, images, sightings
from foundation.errors import UsageError


class Kind(StrEnum):
    """What an erasure names. The values are the options of `isitcake erase`."""

    SHA256 = "sha256"
    URL = "url"
    SOURCE = "source"
    SITE = "site"
    CREATOR = "creator"


@dataclass(frozen=True)
class Selection:
    """value: a SHA-256 (64 lower-case hex digits), an address of an image or a page, or a name."""

    kind: Kind
    value: str

    @classmethod
    def of(cls, options: Mapping[str, str]) -> "Selection":
        """The one option that is not empty. options: by the values of Kind. Raises UsageError unless there is one."""
        named = [(Kind(name), value) for name, value in options.items() if value]
        if len(named) != 1:
            raise UsageError("name what to erase: one of --sha256, --url, --source, --site, --creator")
        kind, value = named[0]
        return cls(kind, value.lower() if kind is Kind.SHA256 else value)


def selected(connection: Connection, selection: Selection) -> list[str]:
    """SHA-256s of the selected images and of all their known copies."""
    value = selection.value
    condition = {
        Kind.SHA256: sightings.c.sha256 == value,
        Kind.URL: or_(sightings.c.image_url == value, sightings.c.page_url == value),
        Kind.SOURCE: sightings.c.source == value,
        Kind.SITE: sightings.c.site == value,
        Kind.CREATOR: sightings.c.creator == value,
    }[selection.kind]
    chosen = set(connection.execute(select(sightings.c.sha256).where(condition)).scalars())
    if selection.kind is Kind.SHA256:
        chosen |= set(connection.execute(select(images.c.sha256).where(images.c.sha256 == value)).scalars())
    if selection.kind is Kind.URL:
        chosen |= set(connection.execute(select(fetches.c.sha256).where(fetches.c.image_url == value)).scalars())
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    wanted = {cluster_of[sha256] for sha256 in chosen if sha256 in cluster_of}
    return sorted(chosen | {sha256 for sha256, cluster in cluster_of.items() if cluster in wanted})
