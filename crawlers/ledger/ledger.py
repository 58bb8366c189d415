"""The ledger of a run: every candidate ends as exactly one outcome row.

Somebody may erase pictures during the run. What is stored is compared with the tombstones inside the transaction that
stores it, and a file is written while no erasure removes files.

The next run of a source continues a run that was killed, under its number: its outcomes stay.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from crawlers.ledger.claims import assert_claims, end_claims
from crawlers.ledger.listed_pictures import ListedPictures
from crawlers.ledger.reports import NOT_MODIFIED, SourceReport, tally, usable_history
from crawlers.ledger.run_consent import RunConsent
from crawlers.ledger.signals import OPT_OUT
from crawlers.source_health import Note, Outcome, Run, RunStatus, diagnose
from dataset.catalog.tables import digests, fetches, fingerprints, images, outcomes, runs
from dataset.catalog.writes import insert_new, upsert
from dataset.erasure.tombstones import Erased
from dataset.pictures.decoding import DERIVED_RECIPE, Header, Undecodable
from dataset.project import Project
from dataset.quarantine import in_quarantine, release
from foundation.files import write_once
from foundation.safe_text import clean_text
from foundation.settings import Source

if TYPE_CHECKING:
    from dataset.duplicates.intake import Intake

ERASED = "erased: it stays out"


@dataclass(frozen=True)
class Fetch:
    """The last download of an image: what to say when asking again, and what its bytes were."""

    fetched_url: str
    sha256: str
    etag: str
    last_modified: str
    reason: str = ""  # why its bytes were not stored


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


class Ledger:
    """One run of one source. Not for use by two threads at once.

    settled: SHA-256 by image URL of every candidate that has its outcome; None where it has no image.
    """

    def __init__(self, project: Project, source: Source, now: datetime) -> None:
        self._project = project
        self.source = source
        self._now = now
        self.settled: dict[str, str | None] = {}
        self.consent = RunConsent(project, now)
        self._listed = ListedPictures(project.settings)
        with project.catalog.write() as connection:
            run = connection.execute(
                select(runs.c.id).where(runs.c.source == source.name, runs.c.status == RunStatus.RUNNING)
            ).first()
            if run:
                self.run_id: int = run.id
                rows = connection.execute(
                    select(outcomes.c.image_url, outcomes.c.sha256).where(outcomes.c.run_id == self.run_id)
                )
                self.settled = {row.image_url: row.sha256 for row in rows}
            else:
                begun = {"source": source.name, "status": RunStatus.RUNNING, "started_at": now, "notes": []}
                self.run_id = connection.execute(runs.insert().values(begun).returning(runs.c.id)).scalar_one()
            self._fetches = {
                row.image_url: Fetch(row.fetched_url, row.sha256, row.etag, row.last_modified, row.reason)
                for row in connection.execute(select(fetches).where(fetches.c.source == source.name))
            }
            self._erased = Erased.read(connection)
            self._broken = set(in_quarantine(connection))

    def last_fetch(self, image_url: str) -> Fetch | None:
        return self._fetches.get(image_url)

    def accept(self, image_url: str, page_url: str, download: Download, taken: "Intake | None" = None) -> str | None:
        """Store a downloaded body, or record why not. Returns its SHA-256, or None when rejected.

        taken: the body's picture, if it was taken in already.
        """
        from dataset.duplicates.intake import take_in  # loads SciPy

        if listed := self._listed.reason(download.body):
            return self._keep(OutcomeRow(image_url, page_url, Outcome.REJECTED, listed), download)
        sha256 = hashlib.sha256(download.body).hexdigest()
        try:
            taken = taken or take_in(download.body)
            reason = self._refusal(taken, image_url, download, sha256)
        except Undecodable as error:
            reason = str(error)
        if reason or not taken:
            row = OutcomeRow(image_url, page_url, Outcome.REJECTED, reason, None, download.url)
            return self._keep(row, download, taken)
        with self._project.normalised.lock.storing():
            with self._project.catalog.read() as connection:
                reason = self._erased_since(connection, image_url, download, sha256)
            if not reason:
                self._store(sha256, download, taken)
            row = OutcomeRow(image_url, page_url, Outcome.STORED, reason, sha256, download.url)
            return self._keep(row, download, taken)

    def _store(self, sha256: str, download: Download, taken: "Intake") -> None:
        """Write the original and its normalised picture; an original that went bad is replaced."""
        if sha256 in self._broken:
            self._project.blobs.discard(sha256)
        self._project.blobs.put(download.body, taken.header.format)
        write_once(self._project.normalised.path(sha256), taken.normalised)

    def _keep(self, row: OutcomeRow, download: Download, taken: "Intake | None" = None) -> str | None:
        """Write the rows of a download, whose bytes are stored if there is no reason against it. Returns as accept."""
        sha256 = hashlib.sha256(download.body).hexdigest()
        previous = self._fetches.get(row.image_url)
        with self._project.catalog.write() as connection:
            reason = row.reason or self._erased_since(connection, row.image_url, download, sha256)
            stored = None if reason else sha256
            # Known from another address of this source or from another source: a duplicate. Known from
            # this very address: unchanged, whatever the server's validators said.
            if reason or not taken:
                outcome = Outcome.REJECTED
            elif insert_new(connection, images, [self._image(sha256, taken.header, len(download.body))]):
                outcome = Outcome.STORED
                self._measured(connection, sha256, taken)
            else:
                outcome = Outcome.UNCHANGED if previous and previous.sha256 == sha256 else Outcome.DUPLICATE
            fetch = Fetch(download.url, sha256, download.etag, download.last_modified, reason)
            upsert(connection, fetches, [{"source": self.source.name, "image_url": row.image_url, **asdict(fetch)}])
            self._append(connection, replace(row, outcome=outcome, reason=reason, sha256=stored))
            if taken:
                self.consent.read(connection, row.image_url, stored, taken.rights)
            self.consent.refused(connection, row.image_url, reason, self._stored_from(row.image_url))
            if stored and stored in self._broken:
                release(connection, [stored])
                self._broken.discard(stored)
            if taken and reason and not row.reason and not self._has_image(connection, sha256):
                self._project.blobs.discard(sha256)  # erased between the two looks at the tombstones
                self._project.normalised.path(sha256).unlink(missing_ok=True)
        self._fetches[row.image_url] = fetch
        self.settled[row.image_url] = stored
        return stored

    def unchanged(self, image_url: str, page_url: str) -> str | None:
        """The server answered "not modified": repeat the outcome of the last fetch. Returns the image's SHA-256."""
        last = self._fetches[image_url]
        if last.reason:
            self.settle(OutcomeRow(image_url, page_url, Outcome.REJECTED, last.reason, fetched_url=last.fetched_url))
            return None
        row = OutcomeRow(image_url, page_url, Outcome.UNCHANGED, NOT_MODIFIED, last.sha256, last.fetched_url)
        self.settle(row)
        return self.settled[image_url]

    def refused_url(self, image_url: str) -> str:
        """Why this address must not be requested; empty where it may be."""
        last = self._fetches.get(image_url)
        return ERASED if self._erased.has_url(image_url) else self._listed.known(last.reason if last else "")

    def settle(self, row: OutcomeRow) -> None:
        """Record the outcome of a candidate; a second outcome for the same address changes nothing."""
        if row.image_url in self.settled:
            return
        with self._project.catalog.write() as connection:
            self._erased = self._erased.refreshed(connection)
            if row.sha256 in self._erased.bytes_ or self._erased.has_url(row.image_url):
                row = replace(row, outcome=Outcome.REJECTED, reason=ERASED, sha256=None)
            self._append(connection, row)
            self.consent.refused(connection, row.image_url, row.reason, self._stored_from(row.image_url))
        self.settled[row.image_url] = row.sha256

    def note_objection(self, image_url: str, reason: str) -> None:
        """Record an objection to a picture, also to one that an earlier page of this run brought."""
        stored = self.settled.get(image_url) or self._stored_from(image_url)
        with self._project.catalog.write() as connection:
            self._erased = self._erased.refreshed(connection)
            if not self._erased.has_url(image_url):
                self.consent.refused(connection, image_url, reason, stored)

    def sight(self, sha256: str, new_sightings: list[Sighting]) -> None:
        """Record every page that shows an image, and assert what the source claims about it.

        What is recorded already changes nothing. An image or an address that was erased meanwhile gets no row.
        """
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
            for sighting in new_sightings
        ]
        with self._project.catalog.write() as connection:
            self._erased = self._erased.refreshed(connection)
            rows = [row for row in rows if not self._erased.has_url(str(row["image_url"]))]
            assert_claims(connection, rows, self._now)
            self.consent.seen(connection, rows)

    def end_missing_claims(self, addresses: Collection[str], unreadable: Sequence[str] = ()) -> int:
        """End the claims about images that are not where they were. Only for sources that are read as a whole.

        addresses: of everything that is there. unreadable: beginnings of addresses where nobody can tell. Returns the
        number of images.
        """
        with self._project.catalog.write() as connection:
            rows = connection.execute(
                select(outcomes.c.image_url, outcomes.c.outcome, outcomes.c.sha256).where(
                    outcomes.c.run_id == self.run_id
                )
            )
            read = {row.image_url: row.sha256 or "" for row in rows if row.outcome != Outcome.FAILED}
            found = {address: read.get(address) for address in addresses}
            return end_claims(connection, self.source.name, found, tuple(unreadable), self._now)

    def finish(self, totals: RunTotals, notes: list[Note]) -> SourceReport:
        """Close the run: done, or flagged with the likeliest cause after a comparison with earlier runs."""
        with self._project.catalog.write() as connection:
            notes = [*self._listed.notes(connection, self.run_id), *notes]
            counts = tally(connection, self.run_id)
            equal = max(Counter(filter(None, self.settled.values())).values(), default=0)
            is_folder = self.source.kind == "folder"
            run = Run(counts.outcomes, counts.reasons, totals.placeholders, notes, is_folder, equal)
            diagnosis = diagnose(run, usable_history(connection, self.source.name, self.run_id))
            sentences = [note.text for note in notes if note.text != diagnosis.alarm]
            if diagnosis.alarm:
                sentences.insert(0, diagnosis.alarm)
            connection.execute(
                update(runs)
                .where(runs.c.id == self.run_id)
                .values(status=diagnosis.status, finished_at=self._now, notes=sentences, **asdict(totals))
            )
        return SourceReport(
            source=self.source.name,
            run_id=self.run_id,
            status=diagnosis.status,
            pages=totals.pages,
            candidates=totals.candidates,
            requests=totals.requests,
            outcomes=counts.outcomes_by_name(),
            reasons=counts.reasons_by_text(),
            notes=sentences,
        )

    def _stored_from(self, image_url: str) -> str | None:
        """SHA-256 of the picture that was stored from an address; None where none was."""
        return fetch.sha256 if (fetch := self._fetches.get(image_url)) and not fetch.reason else None

    def _erased_since(self, connection: Connection, image_url: str, download: Download, sha256: str) -> str:
        """Why a download must not be stored, though it was asked for: it was erased since. Empty where it was not."""
        known = self._erased
        self._erased = known.refreshed(connection)
        return "" if self._erased is known else self._erasure(image_url, download, sha256)

    def _erasure(self, image_url: str, download: Download, sha256: str) -> str:
        is_erased = self._erased.has_url(image_url) or self._erased.has_url(download.url)
        return ERASED if is_erased or self._erased.has_content(download.body, sha256) else ""

    def _has_image(self, connection: Connection, sha256: str) -> bool:
        return connection.execute(select(images.c.sha256).where(images.c.sha256 == sha256)).first() is not None

    def _refusal(self, taken: "Intake", image_url: str, download: Download, sha256: str) -> str:
        if min(taken.header.width, taken.header.height) < self.source.min_side:
            return f"too small: shorter side under {self.source.min_side} px"
        if taken.rights.objection and not self.source.permission:
            return f"{OPT_OUT}{taken.rights.objection}"
        return self._erasure(image_url, download, sha256)

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

    def _measured(self, connection: Connection, sha256: str, taken: "Intake") -> None:
        """Write what taking the picture in measured, so that curating and publishing need not do it again."""
        picture = taken.normalised
        digest = {"digest": hashlib.sha256(picture).hexdigest(), "size_bytes": len(picture)}
        upsert(connection, fingerprints, [taken.fingerprint.row(sha256)])
        upsert(connection, digests, [{"sha256": sha256, "recipe": DERIVED_RECIPE, **digest}])

    def _append(self, connection: Connection, row: OutcomeRow) -> None:
        values = {**asdict(row), "reason": clean_text(row.reason)}
        insert_new(
            connection, outcomes, [{"run_id": self.run_id, "source": self.source.name, "at": self._now, **values}]
        )
