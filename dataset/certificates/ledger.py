"""Designs in the catalog: made once, then looked through; and what their looks show now."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select, update

from dataset.catalog.claims import standing
from dataset.catalog.tables import certificate_pictures, certificates, clusters, queue, site_splits
from dataset.catalog.writes import append
from dataset.certificates.certificate import ALL, FIRST, Certificate, Cover, Group, Image, Look, Terms, Unit
from dataset.certificates.design import Plan, choose_plan, drawn_order, ticket
from dataset.certificates.shown import certify, groups_of
from dataset.labels import label_ledger
from dataset.labels.decisions import Opinion
from dataset.project import Project
from dataset.quarantine import in_quarantine
from foundation.errors import StageError, UsageError

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
        wanted = set(labels)
        self.pictures = [
            Picture(sha256, cluster, decided[sha256].label, is_known(self.opinions.get(cluster)))
            for cluster, sha256 in sorted(self.representative_of.items())
            if sha256 in decided and decided[sha256].label in wanted and sha256 not in broken
        ]

    def look(self, unit: Unit) -> Look:
        """What people found about a picture of a design."""
        opinion = self.opinions.get(self.cluster_of.get(unit.sha256, ""))
        if opinion is None or not is_known(opinion):
            return Look.NONE
        return Look.RIGHT if opinion.label == unit.label else Look.WRONG

    def cover(self, cluster: str, label: str, unit: Unit | None) -> Cover:
        """What is known about an image with this label. unit: the picture of the design that it stands for."""
        if is_known(self.opinions.get(cluster)):
            return Cover.KNOWN
        return Cover.DRAWN if unit is not None and unit.label == label else Cover.NONE


def is_known(opinion: Opinion | None) -> bool:
    """Whether answers about the picture alone settle it; what was only confirmed on a wall is not looked at alone."""
    return opinion is not None and opinion.has_single and not opinion.is_open


def begin(project: Project, error: float, confidence: float, now: datetime) -> Design:
    """Make a design about the pictures whose labels nobody settled yet, and end the one before.

    Raises StageError where there are no pictures, or a design is open and its pictures are still the same: whoever
    begins anew until the answers please proves nothing.
    """
    labels = project.settings.project.labels
    with project.catalog.read() as connection:
        present = Present(connection, labels)
        before = open_design(connection)
        if before is not None and not _certificate(connection, before, present).uncovered:
            raise StageError("the open design has all pictures, with their labels: go on with that one")
        unknown = [picture for picture in present.pictures if not picture.is_known]
        probabilities = _probabilities(connection, unknown)
    if not present.pictures:
        raise StageError("nothing to certify: no image has one of the project's labels; run `isitcake curate` first")
    allowed = int(error * len(present.pictures))
    ranked = sorted(range(len(unknown)), key=lambda i: (-probabilities[i], unknown[i].sha256))
    plan = (
        choose_plan(np.array([probabilities[i] for i in ranked]), allowed, confidence)
        if ranked
        else Plan(0, 0.0, (), (), ())
    )
    design = Design(secrets.token_hex(8), secrets.token_hex(16), error, confidence, allowed, plan, now)
    units = in_order(
        [Unit(unknown[i].sha256, unknown[i].label, plan.stratum_of(k)) for k, i in enumerate(ranked)], design
    )
    _store(project, design, units)
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
        _end(connection, design.made_at)
        append(connection, certificates, [row])
        append(connection, certificate_pictures, [
            {"certificate": design.id, "place": place, "sha256": unit.sha256, "label": unit.label,
             "stratum": unit.stratum}
            for place, unit in enumerate(units)
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
    with project.catalog.write() as connection:
        design = open_design(connection)
        if design is not None and confidence not in (None, design.confidence):
            raise UsageError(
                f"the open design has {design.confidence:.0%} confidence, which cannot be changed any more"
            )
        if design is not None and error is not None:
            connection.execute(update(certificates).where(certificates.c.id == design.id).values(error=error))


def open_design(connection: Connection) -> Design | None:
    """The design that is being looked through."""
    newest = select(certificates).where(certificates.c.ended_at.is_(None)).order_by(certificates.c.made_at.desc())
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
    """The pictures of a design that are still there, in the order of looks, with what people found.

    Pictures that were erased or damaged meanwhile left for reasons that have nothing to do with the order, so the
    others are still drawn as the design says.
    """
    columns = certificate_pictures.c.sha256, certificate_pictures.c.label, certificate_pictures.c.stratum
    rows = connection.execute(
        select(*columns).where(certificate_pictures.c.certificate == design.id).order_by(certificate_pictures.c.place)
    ).all()
    site_of = _held_out_sites(connection)
    units = [
        Unit(row.sha256, row.label, row.stratum, site_of.get(row.sha256, ""))
        for row in rows
        if row.sha256 in present.cluster_of
    ]
    return [Unit(unit.sha256, unit.label, unit.stratum, unit.site, present.look(unit)) for unit in units]


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
    drawn = {present.cluster_of[unit.sha256]: unit for unit in units}
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
