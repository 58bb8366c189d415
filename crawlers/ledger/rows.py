"""Values that a run records: what was fetched, what arrived, where it was seen, and what became of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from crawlers.source_health import Outcome
from dataset.catalog.tables import images
from dataset.pictures.decoding import DERIVED_RECIPE, Header, Undecodable
from dataset.pictures.hash_lists import HashLists

if TYPE_CHECKING:
    from dataset.duplicates.intake import Intake


@dataclass(frozen=True)
class Fetch:
    """The last download of an image: what to say when asking again, and what its bytes were."""

    fetched_url: str
    sha256: str
    etag: str
    last_modified: str
    reason: str = ""  # why its bytes were not stored
    lists: str = ""  # digest of the hash lists that they were compared with


@dataclass(frozen=True)
class Download:
    """The bytes at an address, and what to say when asking for them again."""

    body: bytes
    url: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Sighting:
    """Where an image was seen. site: host of the page; for a photo API, its name and the query."""

    image_url: str
    page_url: str
    site: str
    alt: str = ""
    licence: str = ""
    creator: str = ""


@dataclass(frozen=True)
class OutcomeRow:
    """The outcome of one candidate. sha256: of the image it led to. fetched_url: the address that gave its bytes."""

    image_url: str
    page_url: str
    outcome: Outcome
    reason: str = ""
    sha256: str | None = None
    fetched_url: str | None = None


@dataclass(frozen=True)
class RunTotals:
    """What a run counted. requests: for images. placeholders: `<img>` with nothing but a data: address."""

    pages: int
    candidates: int
    requests: int
    placeholders: int = 0


@dataclass(frozen=True)
class Arrival:
    """A candidate whose bytes are here. taken: their picture; None: refused says why there is none.

    listed: name of the hash list that has bytes without a picture, as of `Intake`.
    """

    image_url: str
    page_url: str
    download: Download
    taken: "Intake | None"
    refused: str = ""
    listed: str | None = None


@dataclass(frozen=True)
class Shown:
    """Where one image is shown."""

    sha256: str
    sightings: Sequence[Sighting]


def arrived(image_url: str, page_url: str, download: Download, *, with_text: bool, lists: HashLists) -> Arrival:
    """A candidate whose bytes were just read or downloaded: taken in, or refused. with_text, lists: as of `take_in`."""
    from dataset.duplicates.intake import take_in  # loads SciPy

    try:
        return Arrival(image_url, page_url, download, take_in(download.body, with_text=with_text, lists=lists))
    except Undecodable as error:
        return Arrival(image_url, page_url, download, None, str(error), lists.list_of(download.body))


def has_image(connection: Connection, sha256: str) -> bool:
    """Whether the catalog has an image."""
    return connection.execute(select(images.c.sha256).where(images.c.sha256 == sha256)).first() is not None


def image_row(sha256: str, header: Header, size_bytes: int, now: datetime, lists: str) -> dict[str, object]:
    """The row of the table `images` for a new image. lists: digest of the hash lists that have it not."""
    return {
        "sha256": sha256,
        "format": header.format,
        "width": header.width,
        "height": header.height,
        "has_alpha": int(header.has_alpha),
        "size_bytes": size_bytes,
        "first_seen": now,
        "lists": lists,
    }


def digest_row(sha256: str, picture: bytes) -> dict[str, object]:
    """The row of the table `digests` for a normalised picture."""
    digest = hashlib.sha256(picture).hexdigest()
    return {"sha256": sha256, "recipe": DERIVED_RECIPE, "digest": digest, "size_bytes": len(picture)}
