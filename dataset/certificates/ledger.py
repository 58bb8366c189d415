"""Designs in the catalog: made once, then looked through; and what their looks show now."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from more_itertools import chunked
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from dataset.catalog.claims import standing
from dataset.catalog.tables import certificate_pictures, certificates, clusters, queue, site_splits
from dataset.catalog.writes import ROWS_PER_STATEMENT, append, erased_among
from dataset.certificates.certificate import ALL, FIRST, Certificate, Cover, Group, Image, Look, Terms, Unit
from dataset.certificates.design import Plan, aimed, choose_plan, drawn_order, ticket
from dataset.certificates.shown import certify, groups_of
from dataset.labels import label_ledger
from dataset.labels.decisions import Opinion
from dataset.project import Project
from dataset.quarantine import in_quarantine
from foundation.errors import StageError, UsageError

NO_PLAN = Plan(0, 0.0, (), (), ())  # of a design without pictures: people settled all
UNKNOWN_PROBABILITY = 0.05  # that a label is wrong, where no detector says anything


@dataclass(frozen=True)
class Design:
    """Which pictures are looked at, and in which order. allowed: so many wrong labels may be left.

    number: of the project's designs, from 1 on. Whoever throws designs away shows it.
    """

    id: str
    seed: str
    error: float
    confidence: float
    allowed: int
    plan: Plan
    made_at: datetime
    number: int = 1

    @property
    def terms(self) -> Terms:
        """What was fixed before the first look."""
        plan = self.plan
        return Terms(
            self.error, self.confidence, self.allowed, plan.weight, plan.expected, plan.first_expected, plan.looks
        )


@dataclass(frozen=True)
class Picture:
    """A picture that would be published now. is_known: people settled its label, each looking at it alone."""

    sha256: str
    cluster: str
    label: str
    is_known: bool


class Present:
    """What the catalog says now, read once: clusters, opinions, and the pictures that would be published."""

    def __init__(self, connection: Connection, labels: Sequence[str]) -> None:
        rows = connection.execute(select(clusters.c.sha256, clusters.c.cluster, clusters.c.representative)).all()
        broken = in_quarantine(connection)
        self.cluster_of = {row.sha256: row.cluster for row in rows if row.sha256 not in broken}
        self.representative_of = {row.cluster: row.representative for row in rows}
        self.opinions = label_ledger.opinions_of(connection, self.cluster_of)
        decided = label_ledger.latest(connection)
        labelled = (
            Picture(sha256, cluster, known.label if known else decided[sha256].label, known is not None)
            for cluster, sha256 in sorted(self.representative_of.items())
            if sha256 in decided and sha256 not in broken
            for known in (self.known(cluster),)
        )
        self.pictures = [picture for picture in labelled if picture.label in set(labels)]

    def known(self, cluster: str) -> Opinion | None:
        """What people settled about a cluster, each looking at it alone; None where they did not."""
        opinion = self.opinions.get(cluster)
        return opinion if opinion is not None and opinion.is_settled_alone else None

    def look(self, sha256: str, label: str) -> Look:
        """What people found about a picture that had this label."""
        known = self.known(self.cluster_of.get(sha256, ""))
        if known is None:
            return Look.NONE
        return Look.RIGHT if known.label == label else Look.WRONG

    def cover(self, cluster: str, label: str, unit: Unit | None) -> Cover:
        """What is known about an image with this label. unit: the picture of the design that it stands for."""
        if known := self.known(cluster):
            return Cover.KNOWN if known.label == label else Cover.NONE
        return Cover.DRAWN if unit is not None and unit.label == label else Cover.NONE

    def units_by_cluster(self, units: Sequence[Unit]) -> dict[str, Unit]:
        """The picture of a design that stands for each cluster: the first in the order of looks."""
        found: dict[str, Unit] = {}
        for unit in units:
            if unit.sha256:
                found.setdefault(self.cluster_of[unit.sha256], unit)
        return found


def begin(project: Project, error: float, confidence: float, now: datetime) -> Design:
    """Make a design about the pictures whose labels nobody settled yet, and end the one before.

    One that was ended goes on where its pictures are still the same: whoever begins anew until the answers please
    proves nothing. Raises StageError where there are no pictures, or the open design still has all of them; UsageError
    where the design that goes on has another confidence.
    """
    labels = project.settings.project.labels
    with project.catalog.read() as connection:
        present = Present(connection, labels)
        before = _newest(connection)
        is_same = before is not None and not _certificate(connection, before, present).uncovered
        unknown = [picture for picture in present.pictures if not picture.is_known]
        probabilities = _probabilities(connection, unknown)
    if not present.pictures:
        raise StageError("nothing to certify: no image has one of the project's labels; run `isitcake curate` first")
    if before is not None and is_same:
        return _go_on(project, before, error, confidence)
    allowed = int(error * len(present.pictures))
    ranked = sorted(range(len(unknown)), key=lambda i: (-probabilities[i], unknown[i].sha256))
    plan = choose_plan(np.array([probabilities[i] for i in ranked]), allowed, confidence) if ranked else NO_PLAN
    design = Design(secrets.token_hex(8), secrets.token_hex(16), error, confidence, allowed, plan, now)
    units = [Unit(unknown[i].sha256, unknown[i].label, plan.stratum_of(k)) for k, i in enumerate(ranked)]
    _store(project, design, in_order(units, design))
    return design


def _go_on(project: Project, design: Design, error: float, confidence: float) -> Design:
    """Open a design that was ended, and aim it."""
    aim_at = _aimed(project, design, error, confidence)
    with project.catalog.write() as connection:
        opened = update(certificates).where(certificates.c.id == design.id, certificates.c.ended_at.is_not(None))
        if not connection.execute(opened.values(ended_at=None, **aim_at)).rowcount:
            raise StageError("the open design has all pictures, with their labels: go on with that one")
    return design


def in_order(units: Sequence[Unit], design: Design) -> list[Unit]:
    """The pictures of a design in the order of looks. units: the riskiest first."""
    first = [unit for unit in units if unit.stratum == FIRST]
    others = sorted((unit for unit in units if unit.stratum != FIRST), key=lambda unit: unit.sha256)
    tickets = [ticket(design.seed, unit.sha256) for unit in others]
    order = drawn_order(tickets, [design.plan.weight[unit.stratum] for unit in others])
    return [*first, *(others[index] for index in order)]


def _store(project: Project, design: Design, units: Sequence[Unit]) -> None:
    row = {"id": design.id, "seed": design.seed, "error": design.error, "confidence": design.confidence,
           "allowed": design.allowed, "plan": asdict(design.plan), "made_at": design.made_at}  # fmt: skip
    with project.catalog.write() as connection:
        gone = erased_among(connection, {unit.sha256 for unit in units})  # while the plan was made
        _end(connection, design.made_at)
        append(connection, certificates, [row])
        append(connection, certificate_pictures, [
            {"certificate": design.id, "place": place, "sha256": unit.sha256, "label": unit.label,
             "stratum": unit.stratum}
            for place, unit in enumerate(units) if unit.sha256 not in gone
        ])  # fmt: skip


def _end(connection: Connection, now: datetime) -> None:
    connection.execute(update(certificates).where(certificates.c.ended_at.is_(None)).values(ended_at=now))


def stop(project: Project, now: datetime) -> bool:
    """End the open design: nobody is asked for it, and no version says what it shows. False where there is none."""
    with project.catalog.write() as connection:
        is_open = open_design(connection) is not None
        _end(connection, now)
    return is_open


def has_open_design(project: Project) -> bool:
    """Whether a design is being looked through."""
    with project.catalog.read() as connection:
        return open_design(connection) is not None


def aim(project: Project, error: float | None, confidence: float | None = None) -> None:
    """Let the open design show another share of wrong labels. Its bounds hold for any, so it need not be made anew.

    confidence: as asked for. Raises UsageError where it is not the design's: it is fixed with the design.
    """
    with project.catalog.read() as connection:
        design = open_design(connection)
    if design is not None and (values := _aimed(project, design, error, confidence)):
        with project.catalog.write() as connection:
            connection.execute(update(certificates).where(certificates.c.id == design.id).values(**values))


def _aimed(project: Project, design: Design, error: float | None, confidence: float | None) -> dict[str, Any]:
    """What changes of the row of a design that is to show this share: also how many looks that is expected to need."""
    if confidence not in (None, design.confidence):
        raise UsageError(f"the design has {design.confidence:.0%} confidence, which cannot be changed any more")
    if error is None or error == design.error:
        return {}
    with project.catalog.read() as connection:
        n_pictures = len(Present(connection, project.settings.project.labels).pictures)
    return {"error": error, "plan": asdict(aimed(design.plan, int(error * n_pictures), design.confidence))}


def open_design(connection: Connection) -> Design | None:
    """The design that is being looked through."""
    return _newest(connection, certificates.c.ended_at.is_(None))


def _newest(connection: Connection, *only: ColumnElement[bool]) -> Design | None:
    """The design that was made last, ended or not."""
    newest = select(certificates).where(*only).order_by(certificates.c.made_at.desc(), certificates.c.id)
    row = connection.execute(newest.limit(1)).first()
    if row is None:
        return None
    number = connection.execute(select(func.count()).select_from(certificates)).scalar_one()
    return Design(row.id, row.seed, row.error, row.confidence, row.allowed, _plan(row.plan), row.made_at, number)


def _plan(record: Mapping[str, Any]) -> Plan:
    lists = {key: tuple(record[key]) for key in ("edges", "weight", "expected")}
    return Plan(
        record["first"], record["first_expected"], **lists, looks=record["looks"], most_looks=record["most_looks"]
    )


def units_of(connection: Connection, design: Design, present: Present) -> list[Unit]:
    """The pictures of a design, in the order of looks, with what people found.

    One that was erased keeps its look, without its name: who erases may well have seen that its label is wrong. Those
    that nobody had looked at, or that are damaged, left for reasons that have nothing to do with the order.
    """
    pictures = certificate_pictures.c
    rows = connection.execute(
        select(certificate_pictures).where(pictures.certificate == design.id).order_by(pictures.place)
    ).all()
    site_of = _held_out_sites(connection)
    return [
        Unit(row.sha256, row.label, row.stratum, site_of.get(row.sha256, ""), present.look(row.sha256, row.label),
             ticket(design.seed, row.sha256))
        if row.sha256
        else Unit("", row.label, row.stratum, row.site, Look(row.look), row.ticket)
        for row in rows
        if not row.sha256 or row.sha256 in present.cluster_of
    ]  # fmt: skip


def forget(connection: Connection, labels: Sequence[str], names: Collection[str]) -> None:
    """Take the names of pictures that are being erased out of all designs; what people found about them stays.

    names: SHA-256s, whose answers are still there.
    """
    pictures = certificate_pictures.c
    rows = [
        row
        for part in chunked(names, ROWS_PER_STATEMENT)
        for row in connection.execute(select(certificate_pictures).where(pictures.sha256.in_(part))).all()
    ]
    if not rows:
        return
    seeds = dict(connection.execute(select(certificates.c.id, certificates.c.seed)).all())
    present, site_of = Present(connection, labels), _held_out_sites(connection)
    for row in rows:
        this = pictures.certificate == row.certificate, pictures.place == row.place
        look = present.look(row.sha256, row.label)
        if look == Look.NONE:
            connection.execute(delete(certificate_pictures).where(*this))
        else:
            kept = {"look": look.value, "ticket": ticket(seeds[row.certificate], row.sha256)}
            values = {**kept, "site": site_of.get(row.sha256, ""), "sha256": ""}
            connection.execute(update(certificate_pictures).where(*this).values(values))


def _held_out_sites(connection: Connection) -> dict[str, str]:
    """The held-out site of each picture that has one, by SHA-256."""
    held_out = select(site_splits.c.site).where(site_splits.c.held_out == 1)
    rows = connection.execute(
        select(standing.c.sha256, standing.c.site).where(standing.c.site.in_(held_out)).distinct()
    ).all()
    found: dict[str, str] = {}
    for row in rows:
        found[row.sha256] = min(row.site, found.get(row.sha256, row.site))
    return found


def _probabilities(connection: Connection, pictures: Sequence[Picture]) -> list[float]:
    rows = dict(connection.execute(select(queue.c.sha256, queue.c.error_probability)).all())
    return [float(rows.get(picture.sha256, UNKNOWN_PROBABILITY)) for picture in pictures]


def _certificate(connection: Connection, design: Design, present: Present) -> Certificate:
    units = units_of(connection, design, present)
    return _of_present(design, units, present, groups_of(units))


def _of_present(design: Design, units: Sequence[Unit], present: Present, groups: Sequence[Group]) -> Certificate:
    """What the looks show about the pictures that would be published now."""
    drawn = present.units_by_cluster(units)
    images = [
        Image(
            picture.label,
            drawn[picture.cluster].site if picture.cluster in drawn else "",
            present.cover(picture.cluster, picture.label, drawn.get(picture.cluster)),
        )
        for picture in present.pictures
    ]
    return certify(design.terms, units, images, groups)


def present_certificate(project: Project) -> tuple[Design, Certificate]:
    """The open design, and what its looks show about the pictures that would be published now. Raises StageError."""
    with project.catalog.read() as connection:
        design = open_design(connection)
        if design is None:
            raise StageError("no design is open; run `isitcake certify`")
        return design, _certificate(connection, design, Present(connection, project.settings.project.labels))


def next_looks(connection: Connection, labels: Sequence[str], limit: int, taken: Collection[str]) -> list[str]:
    """The next pictures that people look at for the open design, by their SHA-256; none once it shows what it should.

    taken: pictures that somebody looks at.
    """
    design = open_design(connection)
    if design is None:
        return []
    present = Present(connection, labels)
    units = units_of(connection, design, present)
    waiting = [unit for unit in units if unit.look == Look.NONE]
    if not waiting or _of_present(design, units, present, (ALL,)).holds:
        return []
    names = (present.representative_of[present.cluster_of[unit.sha256]] for unit in waiting)
    free = [name for name in dict.fromkeys(names) if name not in taken]
    return free[:limit]
