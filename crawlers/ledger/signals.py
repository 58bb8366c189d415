"""Signals: what was asked about training, when, and what the answer was; and what they say together about a picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from more_itertools import chunked
from sqlalchemy import Connection, select

from dataset.catalog.tables import consents, signals
from dataset.catalog.writes import ROWS_PER_STATEMENT, append, upsert
from dataset.pictures.rights import plain

OPT_OUT = "opt-out: "  # how the reason of an outcome begins, where somebody objects


class Kind(StrEnum):
    """What was asked."""

    ROBOTS = "robots.txt"
    TDMREP = "tdmrep.json"
    AI_TXT = "ai.txt"
    RSL = "rsl"
    PAGE = "page"
    PICTURE = "picture"  # the headers of its answer, and what its host says of its address
    BYTES = "bytes"


class Verdict(StrEnum):
    """What the answer was."""

    OBJECTS = "objects"
    PARTLY = "partly"  # some of a host's pictures
    NOTED = "noted"  # an objection that the settings do not heed
    ALLOWS = "allows"
    SILENT = "silent"
    UNREACHABLE = "unreachable"

    @classmethod
    def of(cls, verdict: str, is_partly: bool) -> "Verdict":
        """The verdict about a host. verdict: about its start page. is_partly: whether it objects for other pages."""
        return cls.PARTLY if is_partly and verdict != cls.OBJECTS else cls(verdict)


@dataclass(frozen=True)
class Signal:
    """One answer. about: scheme and host, or the address of a page or a picture. address: that was asked.

    said: the evidence. sha256: of the picture, where its bytes are known.
    """

    about: str
    address: str
    kind: Kind
    said: str
    verdict: Verdict
    sha256: str | None = None


@dataclass(frozen=True)
class Consent:
    """What the newest signals say about a picture at one address. objection: the evidence; empty: nobody objects.

    preference: train-ai=y, train-ai=n, or empty.
    """

    sha256: str
    image_url: str
    objection: str = ""
    preference: str = ""


def record(connection: Connection, new: Iterable[Signal], now: datetime) -> None:
    """Append signals."""
    rows = [
        {
            "about": signal.about,
            "address": signal.address,
            "kind": signal.kind.value,
            "asked_at": now,
            "said": plain(signal.said),
            "verdict": signal.verdict.value,
            "sha256": signal.sha256,
        }
        for signal in new
    ]
    append(connection, signals, rows)


def keep(connection: Connection, new: Sequence[Consent], now: datetime) -> None:
    """Keep who objects now. An objection of the same moment stays: one of several pages that show a picture objects."""
    known: dict[tuple[str, str], tuple[datetime, str]] = {}
    for part in chunked(new, ROWS_PER_STATEMENT):
        pictures, addresses = {consent.sha256 for consent in part}, {consent.image_url for consent in part}
        here = consents.c.sha256.in_(pictures) & consents.c.image_url.in_(addresses)
        for row in connection.execute(select(consents).where(here)):
            known[row.sha256, row.image_url] = row.checked_at, row.objection
    rows = {}
    for consent in new:
        address = consent.sha256, consent.image_url
        checked_at, before = known.get(address, (None, ""))
        is_same = checked_at == now
        objection = (before if is_same else "") or plain(consent.objection)
        if is_same and objection == before:
            continue
        known[address] = now, objection
        rows[address] = {
            "sha256": consent.sha256,
            "image_url": consent.image_url,
            "checked_at": now,
            "objection": objection,
            "usage_preference": consent.preference,
        }
    upsert(connection, consents, list(rows.values()))
