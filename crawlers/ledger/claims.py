"""What a source claims about its images: asserted by every collection, recorded where it changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, select

from dataset.catalog.claims import ENDED, standing
from dataset.catalog.tables import claims, sightings
from dataset.catalog.writes import ROWS_PER_STATEMENT, append, insert_new


@dataclass(frozen=True)
class Claim:
    """What a source says about one image at one address."""

    label: str
    licence: str
    creator: str


def assert_claims(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Add sightings, and a claim for each address whose source said something else before.

    rows: of the table `sightings`, of one source.
    """
    by_address = {
        (row["sha256"], row["image_url"]): (row, Claim(row["source_label"], row["licence"], row["creator"]))
        for row in rows
    }  # one claim per address, however many pages show it
    said = _said(connection, rows)
    changed = [
        _event(row, claim, now)
        for address, (row, claim) in by_address.items()
        if address in said and said[address] != {claim}
    ]
    insert_new(connection, sightings, rows)
    append(connection, claims, changed)


@dataclass(frozen=True)
class Gone:
    """Numbers of images that are gone from a folder. ended: the source claims nothing about them any more. kept: it
    claims them as before.
    """

    ended: int = 0
    kept: int = 0


def end_claims(
    connection: Connection, source: str, found: Mapping[str, str | None], unreadable: tuple[str, ...], now: datetime
) -> Gone:
    """End the source's claims about images that are not where they were seen.

    They stay where no picture is left, as on a disk that is not attached, unless other sources claim all the images:
    then somebody moved the files.

    found: SHA-256 by address of everything that is there now; None: it could not be read, and its claims stay; empty:
    it is no picture. unreadable: beginnings of addresses about which nothing is known; their claims stay, too.
    """
    rows = connection.execute(
        select(standing.c.sha256, standing.c.image_url).where(standing.c.source == source).distinct()
    ).all()
    gone = [
        row
        for row in rows
        if found.get(row.image_url, "") not in (None, row.sha256) and not row.image_url.startswith(unreadable)
    ]
    is_left = any(found.values()) or any(row.image_url in found for row in rows)
    images = {row.sha256 for row in gone}
    if not is_left and not images <= _claimed_by_others(connection, source):
        return Gone(kept=len(images))
    events = [
        _event({"sha256": row.sha256, "source": source, "image_url": row.image_url}, Claim(ENDED, "", ""), now)
        for row in gone
    ]
    append(connection, claims, events)
    return Gone(ended=len(images - {row.sha256 for row in set(rows) - set(gone)}))


def _claimed_by_others(connection: Connection, source: str) -> set[str]:
    """SHA-256 of all images that another source claims."""
    return set(connection.execute(select(standing.c.sha256).where(standing.c.source != source).distinct()).scalars())


def _said(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], set[Claim]]:
    """What the source says so far about images, by SHA-256 and address; nothing of those not seen there yet."""
    if not rows:
        return {}
    source = rows[0]["source"]
    seen: dict[tuple[str, str], set[Claim]] = defaultdict(set)
    newest: dict[tuple[str, str], set[Claim]] = {}
    for part in chunked(rows, ROWS_PER_STATEMENT):
        these = [
            (table.c.source == source)
            & table.c.sha256.in_({row["sha256"] for row in part})
            & table.c.image_url.in_({row["image_url"] for row in part})
            for table in (sightings, claims)
        ]
        first = select(
            sightings.c.sha256, sightings.c.image_url, sightings.c.source_label, sightings.c.licence,
            sightings.c.creator,
        ).where(these[0])  # fmt: skip
        for sha256, image_url, *said in connection.execute(first):
            seen[sha256, image_url].add(Claim(*said))
        later = (
            select(claims.c.sha256, claims.c.image_url, claims.c.label, claims.c.licence, claims.c.creator)
            .where(these[1])
            .order_by(claims.c.id)
        )
        for sha256, image_url, *said in connection.execute(later):
            newest[sha256, image_url] = {Claim(*said)}
    return {**seen, **newest}


def _event(row: Mapping[str, Any], claim: Claim, now: datetime) -> dict[str, Any]:
    address = {name: row[name] for name in ("sha256", "source", "image_url")}
    return {**address, **vars(claim), "asserted_at": now}
