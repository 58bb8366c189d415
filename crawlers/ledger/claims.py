"""What a source claims about its images: asserted by every collection, recorded where it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from dataset.catalog.claims import ENDED, standing
from dataset.catalog.tables import claims, sightings
from dataset.catalog.writes import append, insert_new


@dataclass(frozen=True)
class Claim:
    """What a source says about one image at one address."""

    label: str
    licence: str
    creator: str


def assert_claims(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Add sightings, and a claim for each address whose source said something else before.

    rows: of the table `sightings`, of one image and one source.
    """
    by_address = {
        row["image_url"]: (row, Claim(row["source_label"], row["licence"], row["creator"])) for row in rows
    }  # one claim per address, however many pages show it
    changed = [
        _event(row, claim, now)
        for row, claim in by_address.values()
        if (said := _said(connection, row)) and said != {claim}
    ]
    insert_new(connection, sightings, rows)
    append(connection, claims, changed)


def end_claims(
    connection: Connection, source: str, found: Mapping[str, str | None], unreadable: tuple[str, ...], now: datetime
) -> int:
    """End the source's claims about images that are not where they were seen.

    Returns the number of images about which the source claims nothing any more.

    found: SHA-256 by address of everything that is there now; None: it could not be read, and its claims stay.
    unreadable: beginnings of addresses about which nothing is known; their claims stay, too.
    """
    rows = connection.execute(
        select(standing.c.sha256, standing.c.image_url).where(standing.c.source == source).distinct()
    ).all()
    gone = [
        row
        for row in rows
        if found.get(row.image_url, "") not in (None, row.sha256) and not row.image_url.startswith(unreadable)
    ]
    events = [
        _event({"sha256": row.sha256, "source": source, "image_url": row.image_url}, Claim(ENDED, "", ""), now)
        for row in gone
    ]
    append(connection, claims, events)
    return len({row.sha256 for row in gone} - {row.sha256 for row in set(rows) - set(gone)})


def _said(connection: Connection, row: Mapping[str, Any]) -> set[Claim]:
    """What the source says so far about the image at the address; nothing if it was not seen there yet."""
    of_address = [
        [table.c[name] == row[name] for name in ("sha256", "source", "image_url")] for table in (claims, sightings)
    ]
    newest = (
        select(claims.c.label, claims.c.licence, claims.c.creator).where(*of_address[0]).order_by(claims.c.id.desc())
    )
    if last := connection.execute(newest.limit(1)).first():
        return {Claim(*last)}
    first = select(sightings.c.source_label, sightings.c.licence, sightings.c.creator).where(*of_address[1]).distinct()
    return {Claim(*seen) for seen in connection.execute(first)}


def _event(row: Mapping[str, Any], claim: Claim, now: datetime) -> dict[str, Any]:
    address = {name: row[name] for name in ("sha256", "source", "image_url")}
    return {**address, **vars(claim), "asserted_at": now}
