"""Files of a folder that an earlier run took in, and that are stored whole: they need not be decoded again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from crawlers.ledger.ledger import Ledger
from dataset.catalog.tables import fetches, images, quarantined
from dataset.pictures.decoding import Undecodable, examine_rights
from dataset.project import Project


@dataclass(frozen=True)
class KnownFiles:
    """formats: of the images that came from the source and are large enough for it, by SHA-256."""

    project: Project
    ledger: Ledger
    formats: Mapping[str, str]

    @classmethod
    def of(cls, project: Project, ledger: Ledger) -> "KnownFiles":
        """The files of the ledger's source."""
        side = ledger.source.min_side
        came = select(fetches.c.sha256).where(fetches.c.source == ledger.source.name)
        known = select(images.c.sha256, images.c.format).where(
            images.c.sha256.in_(came),
            images.c.sha256.not_in(select(quarantined.c.sha256)),
            images.c.width >= side,
            images.c.height >= side,
        )
        with project.catalog.read() as connection:
            return cls(project, ledger, dict(connection.execute(known).all()))

    def sha256_of(self, address: str, body: bytes) -> str | None:
        """SHA-256 of a file that is as it was; None where it has to be taken in. Any thread may call this.

        That is a new or changed file, one that was refused, one that was compared with other hash lists, one whose
        original or normalised picture is not there, and one that says something about its use.
        """
        last = self.ledger.last_fetch(address)
        if last is None or last.reason or last.lists != self.ledger.listed.lists.digest:
            return None
        image_format = self.formats.get(last.sha256)
        if image_format is None or hashlib.sha256(body).hexdigest() != last.sha256:
            return None
        if self.project.blobs.size(last.sha256, image_format) != len(body):
            return None
        if not self.project.normalised.path(last.sha256).is_file():
            return None
        try:
            rights = examine_rights(body)
        except Undecodable:
            return None
        return None if rights.is_stated or rights.objection or rights.permission else last.sha256
