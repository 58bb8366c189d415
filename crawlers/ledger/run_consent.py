"""What a run learns about consent: signals as they come, and who objects now to which picture."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from crawlers.ledger.signals import OPT_OUT, Consent, Kind, Signal, Verdict, keep, record
from dataset.catalog.tables import images
from dataset.pictures.rights import Rights
from dataset.project import Project


class RunConsent:
    """Of one run of one source. Not for use by two threads at once."""

    def __init__(self, project: Project, now: datetime) -> None:
        self._project = project
        self._now = now
        self._preferences: dict[str, str] = {}  # by the address of a picture
        self._told: set[str] = set()  # addresses of pictures whose answer is recorded

    def record(self, signal: Signal) -> None:
        """Keep what a host or a page said."""
        with self._project.catalog.write() as connection:
            record(connection, [signal], self._now)

    def prefer(self, image_url: str, preference: str) -> None:
        """Remember what is said of the use of a picture: train-ai=y, train-ai=n, or empty for nothing."""
        if preference:
            self._preferences[image_url] = max(preference, self._preferences.get(image_url, ""), key=_strictness)

    def seen(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Nobody objects to pictures that were seen. rows: of the table `sightings`."""
        new = {row["image_url"]: row["sha256"] for row in rows if row["image_url"] not in self._told}
        self._told.update(new)
        signals, consents = [], []
        for image_url, sha256 in new.items():
            preference = self._preferences.get(image_url, "")
            verdict = {"": Verdict.SILENT, "train-ai=y": Verdict.ALLOWS}.get(preference, Verdict.NOTED)
            signals.append(Signal(image_url, image_url, Kind.PICTURE, preference, verdict, sha256))
            consents.append(Consent(sha256, image_url, "", preference))
        record(connection, signals, self._now)
        keep(connection, consents, self._now)

    def refused(self, connection: Connection, image_url: str, reason: str, stored: str | None) -> None:
        """Somebody objects. reason: of the outcome. stored: SHA-256 of the picture that came from there before."""
        if not reason.startswith(OPT_OUT):
            return
        evidence = reason.removeprefix(OPT_OUT)
        if image_url not in self._told:
            self._told.add(image_url)
            signal = Signal(image_url, image_url, Kind.PICTURE, evidence, Verdict.OBJECTS, stored)
            record(connection, [signal], self._now)
        if stored:
            keep(connection, [Consent(stored, image_url, evidence, "train-ai=n")], self._now)

    def read(self, connection: Connection, image_url: str, sha256: str | None, rights: Rights) -> None:
        """What the bytes of a picture say. sha256: None where they are not stored."""
        said = [rights.objection or rights.permission, rights.copyright_notice, rights.usage_terms, rights.licence_url]
        verdict = Verdict.OBJECTS if rights.objection else Verdict.ALLOWS if rights.permission else Verdict.SILENT
        if any(said):
            text = "; ".join(filter(None, said))
            record(connection, [Signal(image_url, image_url, Kind.BYTES, text, verdict, sha256)], self._now)
        if sha256 and rights.copyright_notice:
            is_old = (images.c.sha256 == sha256) & (images.c.copyright_notice == "")
            connection.execute(update(images).where(is_old).values(copyright_notice=rights.copyright_notice))
        if rights.permission:
            self.prefer(image_url, "train-ai=y")


def _strictness(preference: str) -> int:
    return ("", "train-ai=y", "train-ai=n").index(preference)
