"""The certificate of a version that is about to be written: from the open design, its answers, and the rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from dataset.certificates.certificate import Look
from dataset.certificates.ledger import Present, open_design, units_of
from dataset.certificates.shown import certify, groups_of
from dataset.splits.assignment import UNSEEN
from dataset.versions.certificate_file import BEFORE, Entry, Published, image_of
from dataset.versions.manifest import Row


@dataclass(frozen=True)
class Certified:
    """published: what the version says. entries: of its certificate.parquet, from which it can be recomputed."""

    published: Published
    entries: list[Entry]


def certificate_for(connection: Connection, labels: list[str], rows: Iterable[Row]) -> Certified | None:
    """The certificate of a version with these rows; None where no design is open, or it shows nothing yet."""
    design = open_design(connection)
    if design is None:
        return None
    present = Present(connection, labels)
    units = units_of(connection, design, present)
    row_of = {row.cluster: row for row in rows}
    images = list(row_of.values())
    entries = []
    for unit in units:
        # A second picture of a cluster stands for no image, and neither does an erased one.
        row = row_of.pop(present.cluster_of[unit.sha256], None) if unit.sha256 else None
        entries.append(
            Entry(unit.sha256, row.sha256 if row else "", unit.label, _site(row) if row else unit.site, unit.stratum,
                  unit.ticket, unit.look)
        )  # fmt: skip
    settled = (row for cluster, row in row_of.items() if present.known(cluster))
    entries += [Entry(row.sha256, row.sha256, row.label, _site(row), BEFORE, 0.0, Look.RIGHT) for row in settled]
    entry_of = {entry.image: entry for entry in entries if entry.image}
    drawn = [entry.unit() for entry in entries if entry.stratum != BEFORE]
    covered = [image_of(row, entry_of.get(row.sha256)) for row in images]
    certificate = certify(design.terms, drawn, covered, groups_of(drawn))
    is_empty = not certificate.looks and not certificate.holds
    published = Published(certificate, design.terms, design.seed, design.number)
    return None if is_empty else Certified(published, entries)


def _site(row: Row) -> str:
    """The site of an image where it is held out; empty otherwise."""
    return row.site if row.split == UNSEEN else ""
