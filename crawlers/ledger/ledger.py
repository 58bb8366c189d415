"""The ledger of a run: every candidate ends as exactly one outcome row.

Somebody may erase pictures during the run. What is stored is compared with the tombstones inside the transaction that
stores it, and a file is written while no erasure removes files.

The next run of a source continues a run that was killed, under its number: its outcomes stay.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select, update

from crawlers.ledger.claims import Gone, assert_claims, end_claims
from crawlers.ledger.listed_pictures import ListedPictures, is_on_a_list
from crawlers.ledger.reports import NOT_MODIFIED, SourceReport, tally, usable_history
from crawlers.ledger.rows import (
    Arrival,
    Download,
    Fetch,
    OutcomeRow,
    RunTotals,
    Shown,
    Sighting,
    arrived,
    digest_row,
    has_image,
    image_row,
)
from crawlers.ledger.run_consent import RunConsent
from crawlers.ledger.signals import OPT_OUT
from crawlers.source_health import Note, Outcome, Run, RunStatus, diagnose
from dataset.catalog.tables import digests, fetches, fingerprints, images, outcomes, runs, seen
from dataset.catalog.writes import insert_new, inserted, upsert
from dataset.erasure.tombstones import Erased
from dataset.pictures.decoding import Undecodable
from dataset.pictures.seen import row_of
from dataset.project import Project
from dataset.quarantine import in_quarantine, release
from foundation.files import write_once
from foundation.safe_text import clean_text
from foundation.settings import Source
from foundation.threads import for_all

if TYPE_CHECKING:
    from dataset.duplicates.intake import Intake

ERASED = "erased: it stays out"


class Ledger:
    """One run of one source. Not for use by two threads at once.

    settled: SHA-256 by image URL of every candidate that has its outcome; None where it has no image. with_text:
    whether taking a picture in also searches text.
    """

    def __init__(self, project: Project, source: Source, now: datetime) -> None:
        self._project = project
        self.source = source
        self._now = now
        self.settled: dict[str, str | None] = {}
        self.consent = RunConsent(project, now)
        self.listed = ListedPictures(project.settings)
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
            self._fetches = self.listed.fetches(connection, source.name)
            self._erased = Erased.read(connection)
            # Networks that look at the same pixels: curating does all together.
            self.with_text = project.settings.detector is None and not project.settings.explicit_network
            self._broken = set(in_quarantine(connection))

    def last_fetch(self, image_url: str) -> Fetch | None:
        return self._fetches.get(image_url)

    def arrived(self, image_url: str, page_url: str, download: Download) -> Arrival:
        """Take a body in, or say why not. Any thread may call this."""
        return arrived(image_url, page_url, download, with_text=self.with_text, lists=self.listed.lists)

    def accept(self, image_url: str, page_url: str, download: Download, taken: "Intake | None" = None) -> str | None:
        """Store a downloaded body, or record why not. Returns its SHA-256, or None when rejected.

        taken: the body's picture, if it was taken in already.
        """
        one = Arrival(image_url, page_url, download, taken) if taken else self.arrived(image_url, page_url, download)
        return self.accept_all([one])[0]

    def accept_all(self, arrivals: Sequence[Arrival], pool: Executor | None = None) -> list[str | None]:
        """Store several bodies, or record why not, in one transaction. Returns their SHA-256s; None where rejected.

        arrivals: of different addresses. pool: writes the files; without one, they are written one by one.
        """
        arrivals = [self.listed.without(arrival) for arrival in arrivals]
        reasons = [self._refusal(arrival) for arrival in arrivals]
        with self._project.normalised.lock.storing():
            with self._project.catalog.read() as connection:
                self._find_erased(connection, arrivals, reasons)
            wanted = {
                one.taken.sha256: one for one, reason in zip(arrivals, reasons, strict=True) if one.taken and not reason
            }
            for_all(self._store, wanted.values(), pool)
            return self._keep(arrivals, reasons)

    def _store(self, arrival: Arrival) -> None:
        """Write the original and its normalised picture; an original that went bad is replaced."""
        assert arrival.taken is not None  # noqa: S101  # without a picture there is a reason against it
        sha256 = arrival.taken.sha256
        if sha256 in self._broken:
            self._project.blobs.discard(sha256)
        self._project.blobs.put(arrival.download.body, arrival.taken.header.format)
        write_once(self._project.normalised.path(sha256), arrival.taken.normalised)

    def _keep(self, arrivals: Sequence[Arrival], reasons: Sequence[str]) -> list[str | None]:
        """Write the rows of downloads, whose bytes are stored if no reason is against it. Returns as accept_all."""
        names = [hashlib.sha256(arrival.download.body).hexdigest() for arrival in arrivals]
        found = list(reasons)
        fetched: dict[str, Fetch] = {}
        rows = []
        with self._project.catalog.write() as connection:
            self._find_erased(connection, arrivals, found)
            wanted = [(name, one) for name, one, why in zip(names, arrivals, found, strict=True) if not why]
            new = self._add_images(connection, wanted)
            for sha256, arrival, reason in zip(names, arrivals, found, strict=True):
                url, download = arrival.image_url, arrival.download
                previous = self._fetches.get(url)
                # Known from another address of this source or from another source: a duplicate. Known from
                # this very address: unchanged, whatever the server's validators said.
                if reason:
                    outcome = Outcome.REJECTED
                elif sha256 in new:
                    outcome = Outcome.STORED
                    new.remove(sha256)
                else:
                    outcome = Outcome.UNCHANGED if previous and previous.sha256 == sha256 else Outcome.DUPLICATE
                stored = None if reason else sha256
                rows.append(OutcomeRow(url, arrival.page_url, outcome, reason, stored, download.url))
                validators = download.etag, download.last_modified
                fetched[url] = Fetch(download.url, sha256, *validators, reason, self.listed.lists.digest)
            of = {"source": self.source.name}
            upsert(connection, fetches, [{**of, "image_url": url, **asdict(one)} for url, one in fetched.items()])
            self._append(connection, rows)
            for row, arrival in sorted(zip(rows, arrivals, strict=True), key=lambda pair: pair[0].sha256 or ""):
                if arrival.taken:
                    self.consent.read(connection, row.image_url, row.sha256, arrival.taken.rights)
                self.consent.refused(connection, row.image_url, row.reason, self._stored_from(row.image_url))
            self._release(connection, {row.sha256 for row in rows if row.sha256})
            for sha256, before, reason in zip(names, reasons, found, strict=True):
                if reason and not before and not has_image(connection, sha256):
                    self._project.blobs.discard(sha256)  # erased between the two looks at the tombstones
                    self._project.normalised.path(sha256).unlink(missing_ok=True)
        self._fetches |= fetched
        self.settled |= {row.image_url: row.sha256 for row in rows}
        return [row.sha256 for row in rows]

    def _add_images(self, connection: Connection, stored: Sequence[tuple[str, Arrival]]) -> set[str]:
        """Add the images that the catalog does not have, with what was measured. Returns their SHA-256s."""
        taken = {sha256: arrival.taken for sha256, arrival in reversed(stored) if arrival.taken}
        sizes = {sha256: len(arrival.download.body) for sha256, arrival in stored}
        names = sorted(taken)  # two sources with the same new images wait for each other in one order
        lists = self.listed.lists.digest
        rows = [image_row(sha256, taken[sha256].header, sizes[sha256], self._now, lists) for sha256 in names]
        new = set(inserted(connection, images, rows))
        # Curating and publishing need not measure these again.
        added = [(sha256, taken[sha256]) for sha256 in names if sha256 in new]
        upsert(connection, fingerprints, [one.fingerprint.row(sha256) for sha256, one in added])
        upsert(connection, digests, [digest_row(sha256, one.normalised) for sha256, one in added])
        if self.with_text:
            upsert(connection, seen, [row_of(sha256, one.seen, None) for sha256, one in added if one.seen])
        return new

    def _release(self, connection: Connection, stored: set[str]) -> None:
        """Take images out of quarantine whose originals are whole again."""
        if whole := stored & self._broken:
            release(connection, sorted(whole))
            self._broken -= whole

    def unchanged(self, image_url: str, page_url: str) -> str | None:
        """The server answered "not modified": repeat the outcome of the last fetch. Returns the image's SHA-256."""
        last = self._fetches[image_url]
        if last.reason:
            self.settle(OutcomeRow(image_url, page_url, Outcome.REJECTED, last.reason, fetched_url=last.fetched_url))
            return None
        self.settle(OutcomeRow(image_url, page_url, Outcome.UNCHANGED, NOT_MODIFIED, last.sha256, last.fetched_url))
        return self.settled[image_url]

    def refused_url(self, image_url: str) -> str:
        """Why this address must not be requested; empty where it may be."""
        if self._erased.has_url(image_url):
            return ERASED
        last = self._fetches.get(image_url)
        return last.reason if last and is_on_a_list(last.reason) else ""

    def settle(self, row: OutcomeRow) -> None:
        """Record the outcome of a candidate; a second outcome for the same address changes nothing."""
        self.settle_all([row])

    def settle_all(self, rows: Sequence[OutcomeRow]) -> None:
        """The same for several candidates, in one transaction."""
        rows = list({row.image_url: row for row in reversed(rows) if row.image_url not in self.settled}.values())[::-1]
        if not rows:
            return
        with self._project.catalog.write() as connection:
            self._erased = self._erased.refreshed(connection)
            rows = [
                replace(row, outcome=Outcome.REJECTED, reason=ERASED, sha256=None)
                if row.sha256 in self._erased.bytes_ or self._erased.has_url(row.image_url)
                else row
                for row in rows
            ]
            self._append(connection, rows)
            for row in rows:
                self.consent.refused(connection, row.image_url, row.reason, self._stored_from(row.image_url))
        self.settled |= {row.image_url: row.sha256 for row in rows}

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
        self.sight_all([Shown(sha256, new_sightings)])

    def sight_all(self, shown: Sequence[Shown]) -> None:
        """The same for several images, in one transaction."""
        if not shown:
            return
        rows = [self._sighting(one.sha256, sighting) for one in shown for sighting in one.sightings]
        with self._project.catalog.write() as connection:
            self._erased = self._erased.refreshed(connection)
            rows = [row for row in rows if not self._erased.has_url(str(row["image_url"]))]
            assert_claims(connection, rows, self._now)
            self.consent.seen(connection, rows)

    def _sighting(self, sha256: str, sighting: Sighting) -> dict[str, Any]:
        source = self.source
        return {
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

    def end_missing_claims(self, addresses: Collection[str], unreadable: Sequence[str] = ()) -> Gone:
        """End the claims about images that are not where they were. Only for sources that are read as a whole.

        addresses: of everything that is there. unreadable: beginnings of addresses where nobody can tell.
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
            notes = [*self.listed.notes(connection, self.run_id), *notes]
            counts = tally(connection, self.run_id)
            equal = max(Counter(filter(None, self.settled.values())).values(), default=0)
            run = Run(counts.outcomes, counts.reasons, totals.placeholders, notes, self.source.kind == "folder", equal)
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

    def _find_erased(self, connection: Connection, arrivals: Sequence[Arrival], reasons: list[str]) -> None:
        """Add to the reasons why arrivals must not be stored, though they were asked for: they were erased since."""
        known = self._erased
        self._erased = known.refreshed(connection)
        if self._erased is known:
            return
        for number, arrival in enumerate(arrivals):
            if not reasons[number] and arrival.taken:
                reasons[number] = self._erasure(arrival.image_url, arrival.download, arrival.taken.sha256)

    def _erasure(self, image_url: str, download: Download, sha256: str) -> str:
        is_erased = self._erased.has_url(image_url) or self._erased.has_url(download.url)
        return ERASED if is_erased or self._erased.has_content(download.body, sha256) else ""

    def _refusal(self, arrival: Arrival) -> str:
        """Why an arrival is not stored; empty where it is."""
        taken = arrival.taken
        if taken is None:
            return arrival.refused
        if min(taken.header.width, taken.header.height) < self.source.min_side:
            return f"too small: shorter side under {self.source.min_side} px"
        if taken.rights.objection and not self.source.permission:
            return f"{OPT_OUT}{taken.rights.objection}"
        try:
            return self._erasure(arrival.image_url, arrival.download, taken.sha256)
        except Undecodable as error:
            return str(error)

    def _append(self, connection: Connection, rows: Sequence[OutcomeRow]) -> None:
        run = {"run_id": self.run_id, "source": self.source.name, "at": self._now}
        insert_new(connection, outcomes, [{**run, **asdict(row), "reason": clean_text(row.reason)} for row in rows])
