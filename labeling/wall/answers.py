"""Answers on walls: taps, confirmations, and taking them back. All are rows of the ledger of judgements.

A browser may send an answer twice, late, or after it was closed and opened again: an answer is known by wall, place and
time, so that a repetition changes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from dataset.catalog.tables import judgements, wall_pictures, walls
from dataset.catalog.writes import insert_new
from dataset.labels import judgement_ledger
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin, Purpose
from dataset.labels.wall_ledger import external_id, wall_and_slot
from dataset.project import Project
from foundation.errors import UsageError
from foundation.settings import NOT_LABELS
from labeling.wall.walls import ALONE, LEASE, Wall, find_wall, is_undo, load, renew, tapped_on

LONGEST_S = 3600.0  # that one wall takes; a longer time contains a pause


@dataclass(frozen=True)
class Finished:
    """How a reviewer leaves a wall. odd: answers by place. unseen: places that were never on the screen: they get no
    answer. All others are confirmed. seconds: that the wall took.
    """

    odd: Mapping[int, str] = field(default_factory=dict)
    unseen: Collection[int] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Confirmed:
    """What came of a wall. confirmed, odd: pictures. hidden: known odd pictures that were on it; found: of them."""

    confirmed: int
    odd: int
    hidden: int
    found: int


class NoSuchWall(UsageError):
    """A wall of somebody else, one that has ended, a picture that is not on it, or an answer that nobody can give."""


def tap(project: Project, reviewer: str, place: tuple[str, int], answer: str, at_ms: int, now: datetime) -> None:
    """Keep the answer about one picture of a wall. answer: WITHDRAWN takes the tap back. at_ms: Unix time.

    place: the wall and the picture's place on it. Raises NoSuchWall.
    """
    wall_id, slot = place
    _require_answer(project, answer, may_withdraw=True)
    with project.catalog.write() as connection:
        row = _open(connection, wall_id, reviewer)
        wall = load(connection, row)
        if slot not in wall.pictures:
            raise NoSuchWall("this picture is not on the wall any more")
        moment = _moment(at_ms, row.made_at, now)
        if answer == WITHDRAWN:
            rows = [_undo_row(connection, wall, slot, (moment, now), at_ms)]
        else:
            rows = [_as_row(wall, slot, answer, JudgementOrigin.WALL, (moment, now), str(at_ms))]
        insert_new(connection, judgements, rows)
        renew(connection, wall.id, now)


def confirm(project: Project, reviewer: str, wall_id: str, finished: Finished, now: datetime) -> Confirmed:
    """End a wall. Of pictures that are asked about alone, only `odd` counts.

    Raises NoSuchWall, also for a wall that ended unconfirmed; one that was confirmed already changes nothing.
    """
    for answer in finished.odd.values():
        _require_answer(project, answer)
    with project.catalog.write() as connection:
        row = find_wall(connection, wall_id, reviewer)
        if row is None:
            raise NoSuchWall("this wall is not yours")
        if row.ended_at is not None and row.confirmed_at is None:
            raise NoSuchWall("this wall had ended: nobody worked on it for a while, and others have its pictures now")
        wall = load(connection, row)
        if row.ended_at is None:
            each_s = min(LONGEST_S, max(0.0, finished.seconds)) / max(1, len(wall.pictures))
            rows = _final_rows(connection, wall, finished, now)
            insert_new(connection, judgements, [{**one, "seconds": round(each_s, 3) or None} for one in rows])
            connection.execute(
                update(walls).where(walls.c.id == wall.id).values(confirmed_at=now, ended_at=now, leased_until=now)
            )
        return _summary(connection, wall)


def reopen(project: Project, reviewer: str, wall_id: str, now: datetime) -> None:
    """Take the confirmation of the reviewer's last wall back; its taps stay. Raises NoSuchWall."""
    with project.catalog.write() as connection:
        row = find_wall(connection, wall_id, reviewer)
        newest = select(walls.c.id).where(walls.c.reviewer == reviewer, walls.c.confirmed_at.is_not(None))
        last = connection.execute(newest.order_by(walls.c.confirmed_at.desc()).limit(1)).scalar()
        if row is None or last != wall_id:
            raise NoSuchWall("only your last wall can be opened again")
        # A wall that was begun since waits until this one is confirmed again.
        wall = load(connection, row)
        stamp = f"{int(now.timestamp() * 1000)}-undo"
        rows = [
            _as_row(wall, slot, WITHDRAWN, JudgementOrigin.CONFIRMED, (now, now), stamp)
            for slot in wall.pictures
            if slot not in wall.tapped
        ]
        insert_new(connection, judgements, rows)
        connection.execute(
            update(walls)
            .where(walls.c.id == wall_id)
            .values(confirmed_at=None, ended_at=None, made_at=now, leased_until=now + LEASE)
        )


def _final_rows(connection: Connection, wall: Wall, finished: Finished, now: datetime) -> list[dict[str, Any]]:
    """Taps that did not arrive, taps that were taken back without that arriving, and what is confirmed."""
    rows, stamp = [], str(int(now.timestamp() * 1000))
    for slot in wall.pictures:
        given, chosen = wall.tapped.get(slot, ""), finished.odd.get(slot, "")
        if chosen and chosen != given:
            rows.append(_as_row(wall, slot, chosen, JudgementOrigin.WALL, (now, now), stamp))
        elif given and not chosen:
            rows.append(_undo_row(connection, wall, slot, (now, now), int(stamp)))
        if not chosen and slot not in finished.unseen and wall.label != ALONE:
            rows.append(_as_row(wall, slot, wall.label, JudgementOrigin.CONFIRMED, (now, now), stamp))
    return rows


def _summary(connection: Connection, wall: Wall) -> Confirmed:
    odd = tapped_on(connection, wall.id)
    rows = connection.execute(
        select(wall_pictures).where(wall_pictures.c.wall == wall.id, wall_pictures.c.purpose == Purpose.GOLD.value)
    ).all()
    others = select(judgements.c.sha256).where(
        judgements.c.sha256.in_([row.sha256 for row in rows]),
        judgements.c.origin != JudgementOrigin.CONFIRMED.value,
        judgements.c.external_id.not_like(f"{wall.id}/%"),
        judgements.c.answer.not_in((WITHDRAWN, wall.label)),
    )
    known_odd = set(connection.execute(others).scalars())
    hidden = [row.slot for row in rows if row.sha256 in known_odd]
    seen = _confirmed_on(connection, wall.id)
    return Confirmed(len(seen - set(odd)), len(odd), len(hidden), sum(slot in odd for slot in hidden))


def _confirmed_on(connection: Connection, wall: str) -> set[int]:
    """Places of a wall whose newest confirmation holds: not those whose picture was never on the screen."""
    rows = connection.execute(
        select(judgements.c.external_id, judgements.c.answer)
        .where(
            judgements.c.origin == JudgementOrigin.CONFIRMED.value,
            judgements.c.external_id.startswith(f"{wall}/", autoescape=True),
        )
        .order_by(judgements.c.id)
    ).all()
    newest = {wall_and_slot(row.external_id)[1]: row.answer for row in rows}
    return {slot for slot, answer in newest.items() if answer != WITHDRAWN}


def _open(connection: Connection, wall_id: str, reviewer: str) -> Any:
    row = find_wall(connection, wall_id, reviewer)
    if row is None or row.ended_at is not None:
        raise NoSuchWall("this wall had ended, perhaps in another tab")
    return row


def _require_answer(project: Project, answer: str, *, may_withdraw: bool = False) -> None:
    allowed = (*project.settings.project.labels, *NOT_LABELS)
    if answer not in allowed and not (may_withdraw and answer == WITHDRAWN):
        raise NoSuchWall(f"{answer[:40]!r} is not an answer; load the page again")


def _undo_row(
    connection: Connection, wall: Wall, slot: int, times: tuple[datetime, datetime], at_ms: int
) -> dict[str, Any]:
    """A row that takes a tap back: it states the reviewer's answer from elsewhere, if there is one."""
    sha256 = wall.pictures[slot]
    rows = connection.execute(
        select(judgements)
        .where(
            judgements.c.sha256 == sha256, judgements.c.reviewer == wall.reviewer,
            judgements.c.origin != JudgementOrigin.CONFIRMED.value,
        )
        .order_by(judgements.c.id)
    ).all()  # fmt: skip
    elsewhere = [row for row in rows if not row.external_id.startswith(f"{wall.id}/") and not is_undo(row.external_id)]
    held = judgement_ledger.current(elsewhere).get((sha256, wall.reviewer))
    answer = held.answer if held else WITHDRAWN
    return _as_row(wall, slot, answer, JudgementOrigin.WALL, times, f"{at_ms}-undo")


def _as_row(
    wall: Wall, slot: int, answer: str, origin: JudgementOrigin, times: tuple[datetime, datetime], stamp: str
) -> dict[str, Any]:
    """A row of the ledger. times: when it was given, and when it came. stamp: tells it from other answers about the
    same picture of the wall, so that the same one is kept once.
    """
    return {
        "sha256": wall.pictures[slot],
        "reviewer": wall.reviewer,
        "answer": answer,
        "answered_at": times[0],
        "origin": origin.value,
        "external_id": external_id(wall.id, slot, stamp),
        "recorded_at": times[1],
        "seconds": None,
        "why": "",
    }


def _moment(at_ms: int, made_at: datetime, now: datetime) -> datetime:
    """When the answer was given: the browser's time, held between the making of the wall and now."""
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return now
    return min(now, max(made_at, moment))
