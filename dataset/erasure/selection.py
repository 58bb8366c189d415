"""Which images to erase: one image, or all of an address, a source, a site or a creator."""

import difflib
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, or_, select

from dataset.catalog.tables import clusters, fetches, images, pairs, sightings, tombstones
from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownImage, UsageError

SHA256 = re.compile("[0-9a-f]{64}")
SHOWN = 20  # images in a message
SHOWN_NAMES = 3


class Kind(StrEnum):
    """What an erasure names. The values are the options of `isitcake erase`."""

    SHA256 = "sha256"
    URL = "url"
    SOURCE = "source"
    SITE = "site"
    CREATOR = "creator"


@dataclass(frozen=True)
class Selection:
    """value: a SHA-256 (lower-case hex digits, at first also the first of them), an address of an image or a
    page, or a name.
    """

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
    return with_copies(connection, _chosen(connection, selection))


def _chosen(connection: Connection, selection: Selection) -> set[str]:
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
    return chosen


def with_copies(connection: Connection, chosen: AbstractSet[str]) -> list[str]:
    """These images and all their known copies. chosen: SHA-256s."""
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    wanted = {cluster_of[sha256] for sha256 in chosen if sha256 in cluster_of}
    paired = {name for row in connection.execute(select(pairs.c.a, pairs.c.b)) if chosen & set(row) for name in row}
    return sorted(chosen | paired | {sha256 for sha256, cluster in cluster_of.items() if cluster in wanted})


def whole_sha256(project: Project, selection: Selection) -> Selection:
    """The selection with the whole SHA-256 where it has the first digits of one, as file names and `diff` show.

    Raises UnknownImage unless exactly one image begins with them, in the catalog or in a version.
    """
    start = selection.value
    if selection.kind is not Kind.SHA256 or SHA256.fullmatch(start):
        return selection
    if not re.fullmatch(r"[0-9a-f]{4,63}", start):
        raise UnknownImage(f"{start[:70]!r} is not a SHA-256; write its 64 hex digits, or at least the first 4")
    with project.catalog.read() as connection:
        found = {
            name
            for table in (images, sightings)
            for name in connection.execute(select(table.c.sha256).where(table.c.sha256.startswith(start))).scalars()
        }
        is_erased = (tombstones.c.kind == "sha256") & tombstones.c.value.startswith(start)
        erased = connection.execute(select(tombstones.c.value).where(is_erased)).scalars().all()
    for version in published.listing(project.home):
        found |= {row.sha256 for row in version.rows() if row.sha256.startswith(start)}
    if len(found) > 1:
        listed = "".join(f"\n  {name}" for name in sorted(found)[:SHOWN])
        more = f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UnknownImage(f"{len(found)} images begin with {start}; write more digits:{listed}{more}")
    if not found:
        raise UnknownImage(f"image {start}… was erased before" if erased else f"no image {start}…; nothing was erased")
    return Selection(Kind.SHA256, found.pop())


def nothing_found(connection: Connection, selection: Selection) -> str:
    """What to say about a selection that has no image, with names that are nearly the same."""
    kind, value = selection.kind, selection.value
    if kind is Kind.SHA256:
        return f"no image {value[:16]}… is in the library; its bytes are kept out from now on"
    if kind is Kind.URL:
        known = {url for row in connection.execute(select(sightings.c.image_url, sightings.c.page_url)) for url in row}
        kept_out = "; the address is kept out from now on" if is_address(value) else ""
        return f"no image was collected from {value!r}{kept_out}{_nearly(value, known)}"
    known = set(connection.execute(select(sightings.c[kind.value]).distinct()).scalars())
    return f"no image of {kind.value} {value!r} is in the library; nothing was erased{_nearly(value, known)}"


def is_address(value: str) -> bool:
    """Whether this may be the address of an image."""
    return bool(re.fullmatch(r"(https?|file)://\S+|folder:\S.*", value))


def _nearly(value: str, known: Iterable[str]) -> str:
    """The names that the user may have meant; empty without one."""
    near = difflib.get_close_matches(value, sorted(filter(None, known)), n=SHOWN_NAMES)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
