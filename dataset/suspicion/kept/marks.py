"""How far each table was when triage read it, so that the next triage knows what came since."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Table, func, select

from dataset.catalog.tables import (
    audit,
    claims,
    clusters,
    erasures,
    judgements,
    names,
    plays,
    sightings,
    wall_pictures,
)
from dataset.suspicion.evidence import Part, Pictures, measured_names, pairs_of

LARGEST_PART = 0.1  # of the images; if more are new, all are judged anew
GROWN = 0.1  # by which the images may grow before triage learns anew


@dataclass(frozen=True)
class Marks:
    """clusters, sightings, claims, pairs: how many rows there were. last_sighting, last_claim: the newest ids.
    answers: digest of what people said; if it changes, triage learns anew.
    """

    clusters: int
    sightings: int
    last_sighting: int
    claims: int
    last_claim: int
    pairs: int
    answers: str

    @classmethod
    def read(cls, connection: Connection) -> "Marks":
        """As the catalog is now."""
        n_sightings, last_sighting = _end(connection, sightings)
        n_claims, last_claim = _end(connection, claims)
        return cls(
            clusters=_count(connection, clusters),
            sightings=n_sightings,
            last_sighting=last_sighting,
            claims=n_claims,
            last_claim=last_claim,
            pairs=len(pairs_of(connection)),
            answers=answers_digest(connection),
        )


def answers_digest(connection: Connection) -> str:
    """What changes when people answer, play, erase or rename, or when the audit sample grows."""
    said = [
        _end(connection, judgements),
        _end(connection, plays),
        [_count(connection, table) for table in (audit, wall_pictures, erasures)],
        [list(row) for row in connection.execute(select(names).order_by(names.c.kind, names.c.name))],
    ]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


def new_part(connection: Connection, backbone_name: str, marks: Marks, fitted_to: int) -> Part | None:
    """The images that are new or that sources showed again since, with all that pairs connect with them.

    None: all images must be judged anew, because others changed, or too many came. fitted_to: how many images there
    were when triage learned.
    """
    if answers_digest(connection) != marks.answers:
        return None
    judged = set(connection.execute(select(clusters.c.sha256)).scalars())
    measured = set(measured_names(connection, backbone_name))
    new = measured - judged
    too_many = len(measured) > (1 + GROWN) * fitted_to
    if too_many or len(judged) != marks.clusters or not judged <= measured:
        return None
    shown_again = _since(connection, sightings, marks.sightings, marks.last_sighting)
    claimed_again = _since(connection, claims, marks.claims, marks.last_claim)
    if shown_again is None or claimed_again is None:
        return None
    pairs = pairs_of(connection)
    if sum(a not in new and b not in new for a, b in pairs) != marks.pairs:
        return None
    wanted, among = _connected(new | (measured & (shown_again | claimed_again)), pairs)
    wanted &= measured
    if len(wanted) > LARGEST_PART * len(measured):
        return None
    return Part(Pictures(tuple(sorted(wanted)), among), frozenset(wanted & judged))


def _since(connection: Connection, table: Table, count: int, last: int) -> set[str] | None:
    """The images of the rows that came after `last`; None if earlier rows are gone."""
    earlier = select(func.count()).select_from(table).where(table.c.id <= last)
    if connection.execute(earlier).scalar_one() != count:
        return None
    return set(connection.execute(select(table.c.sha256).where(table.c.id > last)).scalars())


def _connected(start: Collection[str], pairs: Iterable[tuple[str, str]]) -> tuple[set[str], frozenset[tuple[str, str]]]:
    """The images that chains of pairs connect with these, and the pairs among them."""
    partners: Mapping[str, list[str]] = defaultdict(list)
    for a, b in pairs:
        partners[a].append(b)
        partners[b].append(a)
    found, waiting = set(start), [name for name in start if name in partners]
    while waiting:
        for other in partners[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found, frozenset((a, b) for a, b in pairs if a in found and b in found)


def _end(connection: Connection, table: Table) -> tuple[int, int]:
    """How many rows there are, and the newest id."""
    count, last = connection.execute(select(func.count(), func.max(table.c.id)).select_from(table)).one()
    return count, last or 0


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
