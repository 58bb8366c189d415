"""Walls of pictures that a reviewer chose on the map.

They are no random sample, and the map shows what the program suspects: nothing on them counts as the audit. So pictures
of the audit sample that wait for their answer are left out, and the purpose of the others says that they were chosen.
"""

import random
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from more_itertools import chunked
from sqlalchemy import Connection, select

from dataset.catalog.tables import clusters, queue
from dataset.labels import label_ledger
from dataset.labels.vocabulary import UNSURE, DecisionOrigin, Purpose
from dataset.project import Project
from labeling.wall.choose import LEAST_ODD, Candidate, Material, Picked, Sizes, believed, choose
from labeling.wall.material import NAMES_PER_QUERY, Ledger, claims_of, known_pictures, waiting_audit
from labeling.wall.walls import MOST_PICTURES, in_order, leased, store

BY_PEOPLE = (DecisionOrigin.HUMAN, DecisionOrigin.CONSENSUS)
STEP = timedelta(milliseconds=1)  # between walls made together: the newest is shown first


@dataclass(frozen=True)
class Chosen:
    """What became of pictures that were chosen. walls: how many were made, one for each label. pictures: on them.

    waiting: left out, because the audit sample asks about them at random. taken: on the wall of somebody else.
    missing: not in the catalog any more, without a usable original, or nobody believes in a label.
    """

    walls: int = 0
    pictures: int = 0
    waiting: int = 0
    taken: int = 0
    missing: int = 0


def walls_of(project: Project, reviewer: str, names: Sequence[str], now: datetime) -> Chosen:
    """Make walls of the pictures, at most MOST_PICTURES of them: one for each label that they are believed to have.

    Only this reviewer gets them; the largest comes first. Of copies, the representative is asked about. names: SHA-256.
    """
    rng = random.Random(secrets.randbits(64))  # noqa: S311  not a secret: it shuffles
    with project.catalog.read() as connection:
        ledger = Ledger(connection, project.settings)
        chosen = names[:MOST_PICTURES]
        representative_of = _representatives(connection, chosen)
        asked = list(dict.fromkeys(representative_of[name] for name in chosen if name in representative_of))
        sound = [sha256 for sha256 in asked if sha256 not in ledger.broken]
        taken = leased(connection, now, without=reviewer) & set(sound)
        sample = {ledger.cluster_of.get(name, name) for name in waiting_audit(connection, ledger, set())}
        waiting = {sha256 for sha256 in sound if ledger.cluster_of.get(sha256) in sample} - taken
        free = [sha256 for sha256 in sound if sha256 not in taken | waiting]
        by_label = _by_label(connection, free)
        known = known_pictures(connection, ledger)
        picked = []
        for candidates in sorted(by_label.values(), key=len):
            share = project.settings.review.gold_share
            size = len(candidates) + max(LEAST_ODD, round(len(candidates) * share))
            wall = choose(Material(candidates, [], known), Sizes(size, 0.0, share), rng)
            if wall is not None:
                picks = [replace(p, purpose=Purpose.CHOSEN) if p.purpose == Purpose.RISK else p for p in wall.picks]
                picked.append(Picked(wall.label, in_order(connection, project, picks)))
    n_walls = n_pictures = 0
    for number, wall in enumerate(picked):
        with project.catalog.write() as connection:
            stored = store(connection, reviewer, wall.label, wall.picks, now + number * STEP)
        if stored is not None:
            n_walls += 1
            n_pictures += sum(
                pick.purpose == Purpose.CHOSEN for pick in wall.picks if pick.sha256 in stored.pictures.values()
            )
    shown = {pick.sha256 for wall in picked for pick in wall.picks}
    missing = len(set(chosen) - representative_of.keys()) + len(asked) - len(sound) + len(set(free) - shown)
    return Chosen(n_walls, n_pictures, len(waiting), len(taken), missing)


def _representatives(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """The representative of each picture that the catalog has."""
    found: dict[str, str] = {}
    for part in chunked(names, NAMES_PER_QUERY):
        rows = connection.execute(select(clusters).where(clusters.c.sha256.in_(part))).all()
        found |= {row.sha256: row.representative for row in rows}
    return found


def _by_label(connection: Connection, names: Sequence[str]) -> Mapping[str, Sequence[Candidate]]:
    """The pictures by the label that they are believed to have: what people decided, else sources and suspicion."""
    decided = label_ledger.latest_of(connection, names)
    claims = claims_of(connection, names)
    suspected = {
        row.sha256: row
        for part in chunked(names, NAMES_PER_QUERY)
        for row in connection.execute(select(queue).where(queue.c.sha256.in_(part))).all()
    }
    found: dict[str, list[Candidate]] = defaultdict(list)
    for sha256 in names:
        decision, row, claimed = decided.get(sha256), suspected.get(sha256), claims.get(sha256, "")
        if decision is not None and decision.origin in BY_PEOPLE:
            label = decision.label
        else:
            label = believed(claimed, row.suggested_label, row.error_probability) if row else claimed
        if label == UNSURE:
            label = claimed
        if label:
            found[label].append(Candidate(sha256, label))
    return found
