"""What the ledger says about walls: which pictures each reviewer saw on them, and what became of each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from dataset.catalog.tables import judgements, walls
from dataset.labels.decisions import Answer, fit_consensus
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin
from dataset.labels.wall_rates import Seen, WallRates, odds, rates

WALL_ORIGINS = (JudgementOrigin.WALL, JudgementOrigin.CONFIRMED)
LEAST_ANSWERS = 4  # that a reviewer could give: with fewer in the ledger so far, chance hits the right one too often


def external_id(wall: str, slot: int, when: str) -> str:
    """How the ledger knows an answer on a wall. when: tells a later answer about the same picture from this one."""
    return f"{wall}/{slot}@{when}"


def wall_and_slot(external_id: str) -> tuple[str, int]:
    """The wall and the picture's place on it. Raises ValueError for an answer from elsewhere."""
    wall, _, slot = external_id.partition("@")[0].rpartition("/")
    return wall, int(slot)


def wall_rates(
    connection: Connection, cluster_of: Mapping[str, str], answers: Mapping[str, Sequence[Answer]]
) -> dict[str, WallRates]:
    """How often each reviewer misses an odd picture. Empty while nobody has confirmed a wall.

    answers: the current answers about each cluster.
    """
    seen = pictures_seen(connection, cluster_of, answers)
    return rates(seen) if seen else {}


def pictures_seen(
    connection: Connection, cluster_of: Mapping[str, str], answers: Mapping[str, Sequence[Answer]]
) -> list[Seen]:
    """Every picture that a reviewer saw on a confirmed wall, with what single answers say about it.

    The tap itself is not among these answers.
    """
    confirmed = {
        row.id: row.label
        for row in connection.execute(select(walls.c.id, walls.c.label).where(walls.c.confirmed_at.is_not(None)))
        if row.label
    }
    if not confirmed:
        return []
    single = {c: kept for c, given in answers.items() if (kept := [a for a in given if not a.is_confirmed])}
    model = fit_consensus(single)
    accuracy = {reviewer: model.accuracy(reviewer) for reviewer in model.confusion}
    k = max(LEAST_ANSWERS, len(model.answers))
    seen = []
    for (wall, _), row in _last_rows(connection).items():
        if row.answer == WITHDRAWN or wall not in confirmed:
            continue
        believed, is_tapped = confirmed[wall], row.origin == JudgementOrigin.WALL
        cluster = cluster_of.get(row.sha256, row.sha256)
        others = [a for a in single.get(cluster, ()) if not (is_tapped and a.reviewer == row.reviewer)]
        known = {a.answer for a in others if a.is_final}
        if known:
            ratio = 0.0 if known == {believed} else math.inf
        else:
            ratio = odds([(a.reviewer, a.answer) for a in others], believed, accuracy, k)
        seen.append(Seen(row.reviewer, is_tapped, ratio))
    return seen


def _last_rows(connection: Connection) -> dict[tuple[str, int], Any]:
    """The row that holds for each wall and place on it."""
    columns = (judgements.c[name] for name in ("sha256", "reviewer", "answer", "origin", "external_id"))
    rows = connection.execute(select(*columns).where(judgements.c.origin.in_(WALL_ORIGINS)).order_by(judgements.c.id))
    return {wall_and_slot(row.external_id): row for row in rows}
