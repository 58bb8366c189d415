"""Walls in the catalog: each is leased to one reviewer, until it is confirmed or the lease ends."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select, update

from dataset.catalog.tables import judgements, wall_pictures, walls
from dataset.catalog.writes import append
from dataset.certificates.ledger import next_looks
from dataset.labels.audit import MIN_SAMPLED, sampled_answers
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin, Purpose
from dataset.labels.wall_ledger import wall_and_slot
from dataset.labels.withheld import representatives
from dataset.project import Project
from dataset.suspicion.variety import by_look, features_of
from labeling.plan_round import Pick
from labeling.wall.choose import Material, Picked, Sizes, choose, singles
from labeling.wall.material import Ledger, for_singles, material, second_look
from networks.backbone import backbone

LEASE = timedelta(minutes=30)  # after the reviewer's last action
MOST_PICTURES = 100
LEAST_PICTURES = 12
CERTIFYING = 20  # pictures of an open design that are asked about alone, one after the other
SINGLES_AT_THE_END = 4.0  # as many pictures alone as after so many walls, where no wall is left
MOST_WITHHELD = 10  # pictures that may be explicit, together with others that are asked about alone
ALONE = ""  # label of a wall whose pictures are asked about one by one
TRIES = 3  # to make a wall while others take its pictures


@dataclass(frozen=True)
class Wall:
    """A wall that a reviewer looks at. pictures: SHA-256 by place. tapped: answers given so far, by place."""

    id: str
    reviewer: str
    label: str
    pictures: Mapping[int, str]
    tapped: Mapping[int, str]

    @property
    def is_alone(self) -> bool:
        """Whether its pictures are asked about one by one."""
        return self.label == ALONE


def next_wall(
    project: Project, reviewer: str, now: datetime, most: int = MOST_PICTURES, *, is_second: bool = False
) -> Wall | None:
    """The reviewer's open wall, or a new one; None where nothing is left to ask.

    While a certificate is being made, its pictures come first, each alone. After each wall come a few pictures alone.
    is_second: look at what others confirmed.
    """
    size = min(MOST_PICTURES, max(LEAST_PICTURES, most))
    for _ in range(TRIES):
        with project.catalog.write() as connection:
            wall = _open_wall(connection, reviewer, now)
        if wall is not None:
            return wall
        with project.catalog.read() as connection:
            picked = _pick(connection, project, reviewer, now, size, is_second)
            if picked is None:
                return None
            picks = picked.picks if picked.label == ALONE else in_order(connection, project, picked.picks)
        with project.catalog.write() as connection:
            # A page that is opened twice at once: the other request may have made the reviewer's wall meanwhile.
            wall = _open_wall(connection, reviewer, now) or store(connection, reviewer, picked.label, picks, now)
        if wall is not None:
            return wall
    return None


def find_wall(connection: Connection, wall: str, reviewer: str) -> Any:
    """The row of a wall of this reviewer; None where there is none."""
    return connection.execute(select(walls).where(walls.c.id == wall, walls.c.reviewer == reviewer)).first()


def load(connection: Connection, row: Any) -> Wall:
    """A wall with its pictures, and what was answered on it. Erased pictures are missing."""
    pictures = connection.execute(select(wall_pictures).where(wall_pictures.c.wall == row.id)).all()
    return Wall(
        row.id, row.reviewer, row.label, {one.slot: one.sha256 for one in pictures}, tapped_on(connection, row.id)
    )


def tapped_on(connection: Connection, wall: str) -> dict[int, str]:
    """The answers that were chosen on a wall, by place."""
    columns = judgements.c.external_id, judgements.c.answer, judgements.c.answered_at, judgements.c.why
    rows = connection.execute(
        select(*columns)
        .where(
            judgements.c.origin == JudgementOrigin.WALL.value,
            judgements.c.external_id.startswith(f"{wall}/", autoescape=True),
        )
        .order_by(judgements.c.answered_at, judgements.c.id)
    ).all()
    last = {wall_and_slot(row.external_id)[1]: row for row in rows}
    return {slot: row.answer for slot, row in last.items() if row.answer != WITHDRAWN and not is_undo(row.external_id)}


def is_undo(external: str) -> bool:
    """Whether a row takes a tap back: it may state the answer that held before."""
    return external.endswith("-undo")


def renew(connection: Connection, wall: str, now: datetime) -> None:
    """The reviewer is still there."""
    connection.execute(update(walls).where(walls.c.id == wall).values(leased_until=now + LEASE))


def _open_wall(connection: Connection, reviewer: str, now: datetime) -> Wall | None:
    """The reviewer's newest wall that has no end. One whose lease is over ends here if others have its pictures now."""
    is_open = walls.c.reviewer == reviewer, walls.c.ended_at.is_(None)
    row = connection.execute(select(walls).where(*is_open).order_by(walls.c.made_at.desc()).limit(1)).first()
    if row is None:
        return None
    wall = load(connection, row)
    taken = leased(connection, now, without=reviewer)
    if not wall.pictures or (row.leased_until <= now and taken & set(wall.pictures.values())):
        connection.execute(update(walls).where(walls.c.id == row.id).values(ended_at=now))
        return None
    renew(connection, row.id, now)
    return wall


def _pick(
    connection: Connection, project: Project, reviewer: str, now: datetime, size: int, is_second: bool
) -> Picked | None:
    ledger = Ledger(connection, project.settings)
    taken = leased(connection, now)
    rng = random.Random(secrets.randbits(64))  # noqa: S311  not a secret: it shuffles
    review = project.settings.review
    seen = ledger.answered_alone(reviewer)  # and not settled: somebody else is asked
    waiting = [
        Pick(Purpose.RISK, sha256)
        for sha256 in representatives(connection, project.settings)
        if sha256 not in taken | seen
    ][:MOST_WITHHELD]
    looks = [] if is_second else next_looks(connection, project.settings.project.labels, CERTIFYING, taken | seen)
    if looks:
        return Picked(ALONE, [Pick(Purpose.CERTIFY, sha256) for sha256 in looks])
    if is_second:
        found = Material(second_look(connection, ledger, reviewer, taken), [], [])
    else:
        newest = select(walls).where(walls.c.reviewer == reviewer).order_by(walls.c.made_at.desc()).limit(1)
        last = connection.execute(newest).first()
        if last is not None and last.label != ALONE:
            share = len(load(connection, last).pictures) / MOST_PICTURES
            alone = [*singles(*for_singles(connection, ledger, reviewer, taken), rng, share), *waiting]
            if alone:
                return Picked(ALONE, alone)
        found = material(connection, ledger, size, taken)
    picked = choose(found, Sizes(size, review.audit_share, review.gold_share), rng)
    if picked is None and not is_second:
        disputed, audit, _ = for_singles(connection, ledger, reviewer, taken)
        is_measured = len(sampled_answers(connection, ledger.cluster_of)) >= MIN_SAMPLED
        alone = [*singles(disputed, [] if is_measured else audit, [], rng, SINGLES_AT_THE_END), *waiting]
        return Picked(ALONE, alone) if alone else None
    return picked


def in_order(connection: Connection, project: Project, picks: Sequence[Pick]) -> list[Pick]:
    """The picks, sorted by look; those without features come last."""
    stored = features_of(connection, [pick.sha256 for pick in picks], backbone(project.settings.network).name)
    known = [pick for pick in picks if pick.sha256 in stored]
    if not known:
        return list(picks)
    return [known[i] for i in by_look(np.stack([stored[pick.sha256] for pick in known]))] + [
        pick for pick in picks if pick.sha256 not in stored
    ]


def store(connection: Connection, reviewer: str, label: str, picks: Sequence[Pick], now: datetime) -> Wall | None:
    """Lease the pictures that nobody took meanwhile; None where all are taken."""
    taken = leased(connection, now)
    free = [pick for pick in picks if pick.sha256 not in taken]
    if not free:
        return None
    wall = secrets.token_hex(8)
    append(connection, walls, [
        {"id": wall, "reviewer": reviewer, "label": label, "made_at": now, "leased_until": now + LEASE}
    ])  # fmt: skip
    append(connection, wall_pictures, [
        {"wall": wall, "slot": slot, "sha256": pick.sha256, "purpose": pick.purpose.value}
        for slot, pick in enumerate(free)
    ])  # fmt: skip
    return load(connection, find_wall(connection, wall, reviewer))


def leased(connection: Connection, now: datetime, without: str = "") -> set[str]:
    """Pictures on walls that somebody looks at. without: a reviewer whose walls do not count."""
    rows = connection.execute(
        select(wall_pictures.c.sha256)
        .join(walls, walls.c.id == wall_pictures.c.wall)
        .where(
            walls.c.ended_at.is_(None), walls.c.leased_until > now, walls.c.reviewer != without,
            wall_pictures.c.purpose != "gold",
        )
    )  # fmt: skip
    return set(rows.scalars())
