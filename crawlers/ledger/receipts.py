"""The receipts of a whole version as CSV: a row for each picture, with what its owner was asked, and what was said."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, select

from crawlers.ledger.receipt import origin, within
from crawlers.ledger.signals import Kind
from dataset.catalog.folder_addresses import SCHEME
from dataset.catalog.tables import consents, fetches, sightings, signals
from dataset.project import Project
from dataset.versions import manifest, published
from dataset.versions.manifest import Row
from foundation.errors import UsageError
from foundation.files import replacing
from foundation.safe_text import counted, csv_cell

PICTURES_TOGETHER = 500  # whose receipts are read and written together
FACTS = ("sha256", "version", "split", "label", "page_url", "image_url", "sources", "licence", "creator")
STANDING = ("copyright_notice", "usage_preference", "objection", "first_asked", "last_asked")
OF_HOSTS = (Kind.ROBOTS, Kind.TDMREP, Kind.RSL)
COLUMNS = (*FACTS, *STANDING, *(kind.value for kind in Kind))


@dataclass(frozen=True)
class Written:
    """What was written. unasked: pictures about which no answer of a host is in the catalog: most come from photo
    services and folders, whose hosts are not asked. from_folders: how many of those come from folders.
    """

    path: Path
    version: str
    pictures: int
    unasked: int
    from_folders: int = 0

    def line(self) -> str:
        """What was written, in one line."""
        done = f"wrote the receipts of {counted(self.pictures, 'picture')} of {self.version} to {self.path}"
        if not self.unasked:
            return done
        if self.unasked == self.from_folders:
            why = ": it comes from a folder" if self.unasked == 1 else ": they come from folders"
        else:
            why = f"; {self.from_folders} of these come from folders" if self.from_folders else ""
        return f"{done}; for {self.unasked} of them no host was asked{why}"


def write_receipts(project: Project, path: Path, version: str | None = None) -> Written:
    """Write the receipts of a version, the newest by default. The file appears whole or not at all.

    Raises UnknownVersion, DamagedVersion, StorageError, and UsageError while nothing is published.
    """
    chosen = published.load(project.home, version) if version else published.newest(project.home)
    if chosen is None:
        raise UsageError("nothing is published yet; run `isitcake publish` first")
    pictures = unasked = from_folders = 0
    with (
        project.catalog.read() as connection,
        replacing(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in _rows(connection, chosen.name, manifest.each(chosen.path / manifest.FILE_NAME)):
            writer.writerow({name: csv_cell(value) for name, value in row.items()})
            pictures += 1
            is_unasked = not any(row[kind] for kind in OF_HOSTS)
            unasked += is_unasked
            from_folders += is_unasked and row["image_url"].startswith(SCHEME)
    return Written(path, chosen.name, pictures, unasked, from_folders)


def _rows(connection: Connection, version: str, rows: Iterable[Row]) -> Iterator[dict[str, str]]:
    """A row of the file for each picture; PICTURES_TOGETHER of them are in memory."""
    for part in chunked(rows, PICTURES_TOGETHER):
        about = _Block(connection, [row.sha256 for row in part])
        for row in part:
            facts = {name: getattr(row, name, version) for name in FACTS}
            yield facts | {"sources": " ".join(row.sources)} | about.told(row)


class _Block:
    """Everything that was asked about some pictures."""

    def __init__(self, connection: Connection, names: Sequence[str]) -> None:
        self._places: dict[str, set[str]] = defaultdict(set)  # by SHA-256: its addresses, its pages and their hosts
        shown = select(sightings.c.sha256, sightings.c.image_url, sightings.c.page_url).distinct()  # of many runs
        places = within(connection, shown, sightings.c.sha256, names)
        fetched: dict[str, set[str]] = defaultdict(set)
        columns = select(fetches.c.image_url, fetches.c.fetched_url)
        for row in within(connection, columns, fetches.c.image_url, list({row.image_url for row in places})):
            fetched[row.image_url].add(row.fetched_url)
        for row in places:
            seen = {row.image_url, row.page_url, *fetched[row.image_url]}
            self._places[row.sha256] |= seen | set(filter(None, map(origin, seen)))
        self._by_place: dict[str, list[Any]] = defaultdict(list)
        every = sorted(set().union(*self._places.values()))
        for signal in within(connection, select(signals), signals.c.about, every):
            self._by_place[signal.about].append(signal)
        self._by_picture: dict[str, list[Any]] = defaultdict(list)
        for signal in within(connection, select(signals), signals.c.sha256, names):
            self._by_picture[signal.sha256].append(signal)
        self._objections: dict[str, str] = {}
        for row in within(connection, select(consents), consents.c.sha256, names):
            if row.objection:
                self._objections.setdefault(row.sha256, row.objection)

    def told(self, row: Row) -> dict[str, str]:
        """What was asked about a picture: the newest answer of each kind and address, and when."""
        found = {
            signal.id: signal
            for signal in (
                *self._by_picture[row.sha256],
                *(one for place in self._places[row.sha256] for one in self._by_place[place]),
            )
            if signal.sha256 in (None, row.sha256)
        }
        ordered = sorted(found.values(), key=lambda signal: (signal.asked_at, signal.id))
        days = [signal.asked_at.isoformat(timespec="seconds") for signal in ordered]
        newest: dict[tuple[str, str], Any] = {(signal.kind, signal.address): signal for signal in ordered}
        return {
            "copyright_notice": row.copyright_notice,
            "usage_preference": row.usage_preference,
            "objection": self._objections.get(row.sha256, ""),
            "first_asked": days[0] if days else "",
            "last_asked": days[-1] if days else "",
            **{kind.value: _answers(newest, kind) for kind in Kind},
        }


def _answers(newest: Mapping[tuple[str, str], Any], kind: Kind) -> str:
    """The newest answers of one kind in one cell: time, verdict, address, and what was said."""
    return " | ".join(
        f"{signal.asked_at.isoformat(timespec='seconds')} {signal.verdict} {address}"
        + (f": {signal.said}" if signal.said else "")
        for (asked, address), signal in sorted(newest.items())
        if asked == kind
    )
