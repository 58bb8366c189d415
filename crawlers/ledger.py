"""The ledger of a collection: every candidate ends as exactly one outcome row.

A run that was killed is taken up again under its own number: what it settled stays settled.
"""

import contextlib
import fcntl
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Literal, get_args

from sqlalchemy import Connection, func, select, update

from crawlers.source_health import RUNS, USABLE, Run, diagnose
from dataset.catalog.tables import fetches, images, outcomes, runs, sightings
from dataset.catalog.writes import insert_new, upsert
from dataset.erasure.tombstones import Erased
from dataset.pictures.decoding import Header, Undecodable, examine
from dataset.project import Project
from foundation.errors import CrawlError
from foundation.files import storage_errors
from foundation.settings import Source

MIN_SIDE_PX = 200
LOCK_WAIT_S = 5.0
ERASED = "erased: it stays out"
NOT_MODIFIED = "304"  # why an image is unchanged: the server said so; without it, its bytes were the same
REFUSED = ("rejected", "failed")
MAX_TEXT = 500  # characters kept of an alt text or a name from outside

Outcome = Literal["stored", "duplicate", "unchanged", "rejected", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Fetch:
    """What the last download of an image left behind for asking again."""

    fetched_url: str
    sha256: str
    etag: str
    last_modified: str
    reason: str = ""  # why its bytes were not stored


@dataclass(frozen=True)
class Download:
    """What an address gave: its bytes, and what to say when asking again."""

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
class SourceReport:
    """What one run of one source did. The outcomes add up to the candidates."""

    source: str
    run_id: int
    status: str
    pages: int
    candidates: int
    requests: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, str | int]:
        """One line of the table that says what a collection did."""
        return {
            "source": self.source,
            "status": self.status,
            "pages": self.pages,
            "candidates": self.candidates,
            **{kind: self.outcomes.get(kind, 0) for kind in OUTCOMES},
            "saved by 304": self.reasons.get(f"unchanged: {NOT_MODIFIED}", 0),
            "image requests": self.requests,
            "why not": "; ".join(
                f"{reason} {count}" for reason, count in sorted(self.reasons.items()) if reason.startswith(REFUSED)
            ),
            "notes": "; ".join(self.notes),
        }


class Ledger:
    """One run of one source. Not for use by two threads at once."""

    def __init__(self, project: Project, source: Source, now: datetime) -> None:
        self._project = project
        self.source = source
        self._now = now
        self.settled: dict[str, str | None] = {}  # image URL → SHA-256, where there is one
        with project.catalog.write() as connection:
            run = connection.execute(
                select(runs.c.id).where(runs.c.source == source.name, runs.c.status == "running")
            ).first()
            if run:
                self.run_id: int = run.id
                rows = connection.execute(
                    select(outcomes.c.image_url, outcomes.c.sha256).where(outcomes.c.run_id == self.run_id)
                )
                self.settled = {row.image_url: row.sha256 for row in rows}
            else:
                self.run_id = connection.execute(
                    runs.insert()
                    .values(source=source.name, status="running", started_at=now, notes=[])
                    .returning(runs.c.id)
                ).scalar_one()
            self._fetches = {
                row.image_url: Fetch(row.fetched_url, row.sha256, row.etag, row.last_modified, row.reason)
                for row in connection.execute(select(fetches).where(fetches.c.source == source.name))
            }
            self._erased = Erased.read(connection)

    def last_fetch(self, image_url: str) -> Fetch | None:
        return self._fetches.get(image_url)

    def accept(self, image_url: str, page_url: str, download: Download, header: Header | None = None) -> str | None:
        """Store a downloaded body, or write why not. Returns its SHA-256, or None when rejected.

        header: where the body's pixels were decoded before.
        """
        sha256 = hashlib.sha256(download.body).hexdigest()
        try:
            header = header or examine(download.body)
            reason = self._refusal(header, download.body, sha256)
        except Undecodable as error:
            reason = str(error)
        previous = self._fetches.get(image_url)
        fetch = Fetch(download.url, sha256, download.etag, download.last_modified, reason)
        if not reason and header:
            self._project.blobs.put(download.body, header.format)
        with self._project.catalog.write() as connection:
            # Known from another address of this source or from another source: a duplicate; known from
            # this very address: unchanged, whatever the server's validators said.
            if reason or not header:
                outcome: Outcome = "rejected"
            elif insert_new(connection, images, [self._image(sha256, header, len(download.body))]):
                outcome = "stored"
            else:
                outcome = "unchanged" if previous and previous.sha256 == sha256 else "duplicate"
            upsert(connection, fetches, [{"source": self.source.name, "image_url": image_url, **fetch.__dict__}])
            stored = None if reason else sha256
            self._append(connection, image_url, page_url, outcome, reason, stored, download.url)
        self._fetches[image_url] = fetch
        self.settled[image_url] = stored
        return stored

    def unchanged(self, image_url: str, page_url: str) -> str | None:
        """The server said that nothing changed: what was true of the last fetch still is."""
        last = self._fetches[image_url]
        if last.reason:
            self.settle(image_url, page_url, "rejected", last.reason, fetched_url=last.fetched_url)
            return None
        self.settle(image_url, page_url, "unchanged", NOT_MODIFIED, last.sha256, last.fetched_url)
        return last.sha256

    def refused_url(self, image_url: str) -> str:
        """Why this address is not to be asked at all; empty where it may be."""
        return ERASED if self._erased.has_url(image_url) else ""

    def _refusal(self, header: Header, body: bytes, sha256: str) -> str:
        if min(header.width, header.height) < MIN_SIDE_PX:
            return f"too small: shorter side under {MIN_SIDE_PX} px"
        return ERASED if self._erased.has_content(body, sha256) else ""

    def _image(self, sha256: str, header: Header, size_bytes: int) -> dict[str, object]:
        return {
            "sha256": sha256,
            "format": header.format,
            "width": header.width,
            "height": header.height,
            "has_alpha": int(header.has_alpha),
            "size_bytes": size_bytes,
            "first_seen": self._now,
        }

    def settle(
        self,
        image_url: str,
        page_url: str,
        outcome: Outcome,
        reason: str = "",
        sha256: str | None = None,
        fetched_url: str | None = None,
    ) -> None:
        """Write the one outcome of a candidate; a second one for the same address changes nothing."""
        if image_url in self.settled:
            return
        with self._project.catalog.write() as connection:
            self._append(connection, image_url, page_url, outcome, reason, sha256, fetched_url)
        self.settled[image_url] = sha256

    def sight(self, sha256: str, seen: list[Sighting]) -> None:
        """Note every page an image was seen on; seen before is seen."""
        source = self.source
        rows = [
            {
                "sha256": sha256,
                "source": source.name,
                "source_label": source.label,
                "site": sighting.site,
                "image_url": sighting.image_url,
                "page_url": sighting.page_url,
                "alt": clean_text(sighting.alt),
                "licence": clean_text(sighting.licence or source.licence),
                "creator": clean_text(sighting.creator),
                "seen_at": self._now,
            }
            for sighting in seen
        ]
        with self._project.catalog.write() as connection:
            insert_new(connection, sightings, rows)

    def finish(
        self,
        *,
        pages: int,
        candidates: int,
        requests: int,
        notes: list[str],
        placeholders: int = 0,
        deferred: bool = False,
    ) -> SourceReport:
        """Close the run: healthy, or flagged with the likeliest cause beside the runs before it."""
        with self._project.catalog.write() as connection:
            counts, reasons = _tally(connection, self.run_id)
            run = Run(counts, reasons, placeholders, notes, deferred)
            status, alarm = diagnose(run, _history(connection, self.source.name, self.run_id))
            notes = [*([alarm] if alarm else []), *(note for note in notes if note != alarm)]
            connection.execute(
                update(runs)
                .where(runs.c.id == self.run_id)
                .values(
                    status=status,
                    finished_at=self._now,
                    pages=pages,
                    candidates=candidates,
                    requests=requests,
                    placeholders=placeholders,
                    notes=notes,
                )
            )
        return SourceReport(
            self.source.name,
            self.run_id,
            status,
            pages,
            candidates,
            requests,
            dict(counts),
            dict(reasons),
            notes,
        )

    def _append(
        self,
        connection: Connection,
        image_url: str,
        page_url: str,
        outcome: Outcome,
        reason: str,
        sha256: str | None,
        fetched_url: str | None,
    ) -> None:
        insert_new(
            connection,
            outcomes,
            [
                {
                    "run_id": self.run_id,
                    "source": self.source.name,
                    "image_url": image_url,
                    "page_url": page_url,
                    "outcome": outcome,
                    "reason": clean_text(reason),
                    "sha256": sha256,
                    "fetched_url": fetched_url,
                    "at": self._now,
                }
            ],
        )


@contextlib.contextmanager
def sole_run(project: Project, source: Source) -> Iterator[None]:
    """Hold the source for this process; a killed process lets go by itself.

    Waits LOCK_WAIT_S for one that is just ending. Raises CrawlError while another one holds it.
    """
    path = project.home / "locks" / f"{source.name}.lock"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        deadline = time.monotonic() + LOCK_WAIT_S
        while not _locked(file):
            if time.monotonic() >= deadline:
                raise CrawlError(f"source {source.name!r} is being collected by another process; wait for it to end")
            time.sleep(0.1)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def last_reports(project: Project) -> list[SourceReport]:
    """The newest run of every source, in the order of their names."""
    with project.catalog.read() as connection:
        newest = select(func.max(runs.c.id)).group_by(runs.c.source)
        rows = connection.execute(select(runs).where(runs.c.id.in_(newest)).order_by(runs.c.source)).all()
        reports = []
        for row in rows:
            counts, reasons = _tally(connection, row.id)
            reports.append(
                SourceReport(
                    row.source,
                    row.id,
                    row.status,
                    row.pages,
                    row.candidates,
                    row.requests,
                    dict(counts),
                    dict(reasons),
                    list(row.notes),
                )
            )
    return reports


def clean_text(text: str) -> str:
    """Text from outside, made harmless to keep: no control characters, capped."""
    text = text[: MAX_TEXT * 4]
    kept = "".join(" " if c in "\r\n\t" else c for c in text if c.isprintable() or c in "\r\n\t")
    return " ".join(kept.split())[:MAX_TEXT]


def _history(connection: Connection, source: str, before: int) -> list[int]:
    """Usable images of the source's earlier runs, newest first."""
    rows = connection.execute(
        select(runs.c.id, func.count())
        .join(outcomes, outcomes.c.run_id == runs.c.id)
        .where(runs.c.source == source, runs.c.id < before, outcomes.c.outcome.in_(USABLE))
        .group_by(runs.c.id)
        .order_by(runs.c.id.desc())
        .limit(RUNS)
    )
    return [count for _, count in rows]


def _tally(connection: Connection, run_id: int) -> tuple[Counter[str], Counter[str]]:
    rows = connection.execute(
        select(outcomes.c.outcome, outcomes.c.reason, func.count())
        .where(outcomes.c.run_id == run_id)
        .group_by(outcomes.c.outcome, outcomes.c.reason)
    )
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for outcome, reason, n in rows:
        counts[outcome] += n
        if reason:
            reasons[f"{outcome}: {reason.split(':')[0]}"] += n
    return counts, reasons
