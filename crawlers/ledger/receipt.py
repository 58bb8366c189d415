"""The receipt of a picture: what was asked about training, when, and what the answer was, each time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from more_itertools import chunked
from sqlalchemy import Connection, or_, select

from crawlers.ledger.signals import Verdict
from dataset.catalog.tables import consents, fetches, images, outcomes, sightings, signals, tombstones
from dataset.project import Project
from foundation.errors import UnknownImage

NAMES_PER_STATEMENT = 500  # below SQLite's limit on bound values


@dataclass(frozen=True)
class Asked:
    """One answer: what was asked, when, what it said, and what that means."""

    asked_at: datetime
    kind: str
    address: str
    verdict: str
    said: str


@dataclass(frozen=True)
class Standing:
    """What holds now for a picture at one of its addresses. objection: the evidence; empty: nobody objects."""

    sha256: str
    image_url: str
    checked_at: datetime
    objection: str
    usage_preference: str


@dataclass(frozen=True)
class Receipt:
    """about: the SHA-256 or the address that was named. copyright_notice: in the bytes. asked: the oldest first."""

    about: str
    pictures: list[str]
    copyright_notice: str
    standing: list[Standing]
    asked: list[Asked] = field(default_factory=list)

    def line(self) -> str:
        """What holds now, in one line."""
        if objecting := [one for one in self.standing if one.objection]:
            return f"{self.about}: the owner objects to training: {objecting[0].objection}; versions leave it out"
        if self.standing:
            checked = min(one.checked_at for one in self.standing).isoformat(timespec="seconds")
            notice = f"; copyright: {self.copyright_notice}" if self.copyright_notice else ""
            return f"{self.about}: nobody objects to training, last asked {checked}{notice}"
        if refused := [one for one in self.asked if one.verdict == Verdict.OBJECTS]:
            return f"{self.about}: no picture was stored; the owner objects to training: {refused[-1].said}"
        return f"{self.about}: no picture was stored from there"

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """A table: when, what, verdict, what it said, and where."""
        return [
            (one.asked_at.isoformat(timespec="seconds"), one.kind, one.verdict, one.said, one.address)
            for one in self.asked
        ]


def receipt(project: Project, about: str) -> Receipt:
    """The receipt of a picture, or of everything at an address.

    about: a SHA-256 or its first digits, or the address of a picture or a page. Raises UnknownImage.
    """
    with project.catalog.read() as connection:
        is_digest = re.fullmatch(r"[0-9a-fA-F]{4,64}", about)
        pictures = [_picture(connection, about.lower())] if is_digest else _pictures_at(connection, about)
        places = _places(connection, pictures)
        addresses = {place for row in places for place in (row.image_url, row.page_url)} | ({about} - set(pictures))
        addresses |= _downloaded_from(connection, addresses)
        asked = _asked(connection, pictures, [*addresses, *filter(None, map(origin, addresses))])
        if not pictures and not asked:
            fix = "write a SHA-256, or the address of a picture or a page"
            raise UnknownImage(f"nothing was asked about {about!r}; {fix}")
        rows = within(connection, select(consents), consents.c.sha256, pictures)
        notices = within(connection, select(images), images.c.sha256, pictures)
    standing = [
        Standing(row.sha256, row.image_url, row.checked_at, row.objection, row.usage_preference)
        for row in sorted(rows, key=lambda row: (row.sha256, row.image_url))
    ]
    notice = "; ".join(dict.fromkeys(row.copyright_notice for row in notices if row.copyright_notice))
    return Receipt(pictures[0] if is_digest else about, sorted(pictures), notice, standing, asked)


def _picture(connection: Connection, start: str) -> str:
    names = select(images.c.sha256).where(images.c.sha256.startswith(start)).limit(2)
    found = connection.execute(names).scalars().all()
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownImage(f"several images begin with {start}; write more digits")
    is_this = (tombstones.c.kind == "sha256") & (tombstones.c.value == start)
    erased = connection.execute(select(tombstones).where(is_this)).first()
    raise UnknownImage(f"image {start[:16]}… was erased" if erased else f"no image {start[:16]}… in the catalog")


def _pictures_at(connection: Connection, url: str) -> list[str]:
    """Pictures that were stored from an address, or from a page."""
    seen = select(sightings.c.sha256).where(or_(sightings.c.image_url == url, sightings.c.page_url == url))
    fetched = select(outcomes.c.sha256).where(outcomes.c.fetched_url == url, outcomes.c.sha256.is_not(None))
    return sorted({*connection.execute(seen).scalars(), *connection.execute(fetched).scalars()})


def _places(connection: Connection, pictures: Sequence[str]) -> list[Any]:
    places = select(sightings.c.image_url, sightings.c.page_url).distinct()
    return within(connection, places, sightings.c.sha256, pictures)


def _downloaded_from(connection: Connection, addresses: set[str]) -> set[str]:
    """Addresses that the bytes came from, where pages name others."""
    rows = within(connection, select(fetches.c.fetched_url), fetches.c.image_url, sorted(addresses))
    return {row.fetched_url for row in rows}


def _asked(connection: Connection, pictures: Sequence[str], places: Sequence[str]) -> list[Asked]:
    """Signals about the pictures, or about these addresses and hosts; those about other pictures there are left out."""
    rows = {
        row.id: row
        for row in (
            *within(connection, select(signals), signals.c.about, list(dict.fromkeys(places))),
            *within(connection, select(signals), signals.c.sha256, pictures),
        )
        if row.sha256 is None or row.sha256 in pictures
    }
    return [
        Asked(row.asked_at, row.kind, row.address, row.verdict, row.said)
        for row in sorted(rows.values(), key=lambda row: (row.asked_at, row.id))
    ]


def within(connection: Connection, statement: Any, column: Any, values: Sequence[str]) -> list[Any]:
    """Rows whose column is one of the values."""
    return [
        row
        for part in chunked(values, NAMES_PER_STATEMENT)
        for row in connection.execute(statement.where(column.in_(part)))
    ]


def origin(url: str) -> str:
    """Scheme and host of a web address; empty for another one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
