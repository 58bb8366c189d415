"""How far each table was when triage read it, so that the next triage knows what came since."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from more_itertools import chunked
from sqlalchemy import Connection, Table, func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import (
    audit,
    claims,
    clusters,
    erasures,
    findings,
    judgements,
    names,
    pairs,
    plays,
    queue,
    sightings,
    wall_pictures,
    walls,
)
from dataset.suspicion.evidence import NAMES_PER_QUERY, Pictures, measured_names, pairs_of

LARGEST_PART = 0.1  # of the images; if more are new, all are judged anew
GROWN = 0.1  # by which the images may grow before triage learns anew

Partners = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Marks:
    """sightings, claims, audit: how many rows there were. last_sighting, last_claim: the newest ids. answers: digest of
    what people said; if it changes, triage learns anew. derived: how many rows each table had that triage writes.
    pairs: how many there were of images that it judged.
    """

    sightings: int
    last_sighting: int
    claims: int
    last_claim: int
    answers: str
    audit: int = 0
    derived: tuple[int, ...] = ()
    pairs: int = 0

    @classmethod
    def read(cls, connection: Connection) -> "Marks":
        """As the catalog is before triage reads it, without what triage writes."""
        n_sightings, last_sighting = _end(connection, sightings)
        n_claims, last_claim = _end(connection, claims)
        return cls(n_sightings, last_sighting, n_claims, last_claim, answers_digest(connection))


def answers_digest(connection: Connection) -> str:
    """What changes when people answer, play, confirm a wall, erase or rename."""
    by_reviewer = select(judgements.c.reviewer, func.count()).group_by(judgements.c.reviewer)
    said = [
        _end(connection, judgements),
        [list(row) for row in connection.execute(by_reviewer.order_by(judgements.c.reviewer))],
        _end(connection, plays),
        [count_of(connection, table) for table in (wall_pictures, erasures)],
        connection.execute(select(func.count(walls.c.confirmed_at))).scalar_one(),
        [list(row) for row in connection.execute(select(names).order_by(names.c.kind, names.c.name))],
    ]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


def state_digest(connection: Connection, backbone_name: str) -> str:
    """What a part is chosen from, but for what sources show: the images, the pairs and the answers."""
    digest = hashlib.sha256(answers_digest(connection).encode())
    for name in measured_names(connection, backbone_name):
        digest.update(name.encode())
    for a, b in sorted(pairs_of(connection)):
        digest.update(f"{a}{b}".encode())
    return digest.hexdigest()


def rows_of_triage(connection: Connection) -> tuple[int, ...]:
    """How many rows the tables have that triage writes."""
    return tuple(count_of(connection, table) for table in (clusters, findings, queue))


def judged_pairs(connection: Connection) -> int:
    """How many pairs there are of images that triage judged."""
    first, second = clusters.alias("first"), clusters.alias("second")
    both = pairs.join(first, first.c.sha256 == pairs.c.a).join(second, second.c.sha256 == pairs.c.b)
    return int(connection.execute(select(func.count()).select_from(both)).scalar_one())


def new_part(connection: Connection, backbone_name: str, marks: Marks, fitted_to: int) -> Pictures | None:
    """The images that are new or that sources showed again since, with all that pairs connect with them.

    None: all images must be judged anew, because triage would learn something else, or too many came. fitted_to: how
    many images there were when triage learned.
    """
    is_same = (marks.answers, marks.audit, tuple(marks.derived)) == (
        answers_digest(connection), count_of(connection, audit), rows_of_triage(connection)
    )  # fmt: skip
    shown = _since(connection, sightings, marks.sightings, marks.last_sighting)
    claimed = _since(connection, claims, marks.claims, marks.last_claim)
    if not is_same or shown is None or claimed is None or marks.pairs != judged_pairs(connection):
        return None
    judged = set(connection.execute(select(clusters.c.sha256)).scalars())
    measured = set(measured_names(connection, backbone_name))
    new = measured - judged
    if len(measured) > (1 + GROWN) * fitted_to or not judged <= measured or claimed & judged:
        return None
    known = pairs_of(connection)
    partners = _partners(known)
    wanted = measured & _connected(new | (shown & measured), partners)
    if len(wanted) > LARGEST_PART * len(measured) or _has_another_label(connection, marks, shown & judged):
        return None
    if _regroups_answers(connection, new, judged, partners):
        return None
    return Pictures(tuple(sorted(wanted)), frozenset((a, b) for a, b in known if a in wanted and b in wanted))


def _has_another_label(connection: Connection, marks: Marks, names_shown: Collection[str]) -> bool:
    """Whether a source claims another label for an image that triage may have learned from."""
    is_later = standing.c.id > marks.last_sighting
    for few in chunked(sorted(names_shown), NAMES_PER_QUERY):
        labels: dict[tuple[str, bool], set[str]] = defaultdict(set)
        shown = select(standing.c.sha256, standing.c.source_label, is_later.label("is_later"))
        for row in connection.execute(shown.where(standing.c.sha256.in_(few))):
            labels[row.sha256, bool(row.is_later)].add(row.source_label)
        if any(labels[name, True] - labels[name, False] for name in few):
            return True
    return False


def _regroups_answers(
    connection: Connection, new: Collection[str], judged: Collection[str], partners: Partners
) -> bool:
    """Whether new images may change which clusters answers are about, and with it what reviewers are trusted with."""
    paired = [name for name in new if name in partners]
    components = [_connected([name], partners) for name in paired]
    concerned = {*new, *(name for component in components for name in component)}
    answered: set[str] = set()
    for few in chunked(sorted(concerned), NAMES_PER_QUERY):
        answered.update(connection.execute(select(judgements.c.sha256).where(judgements.c.sha256.in_(few))).scalars())
    return bool(answered.intersection(new)) or any(
        component & answered and sum(name in judged for name in component) > 1 for component in components
    )


def _since(connection: Connection, table: Table, count: int, last: int) -> set[str] | None:
    """The images of the rows that came after `last`; None if earlier rows are gone."""
    earlier = select(func.count()).select_from(table).where(table.c.id <= last)
    if connection.execute(earlier).scalar_one() != count:
        return None
    return set(connection.execute(select(table.c.sha256).where(table.c.id > last)).scalars())


def _partners(known: Iterable[tuple[str, str]]) -> Partners:
    """The images that each image is paired with."""
    partners: dict[str, list[str]] = defaultdict(list)
    for a, b in known:
        partners[a].append(b)
        partners[b].append(a)
    return dict(partners)


def _connected(start: Collection[str], partners: Partners) -> set[str]:
    """The images that chains of pairs connect with these."""
    found, waiting = set(start), list(start)
    while waiting:
        for other in partners.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _end(connection: Connection, table: Table) -> tuple[int, int]:
    """How many rows there are, and the newest id."""
    count, last = connection.execute(select(func.count(), func.max(table.c.id)).select_from(table)).one()
    return count, last or 0


def count_of(connection: Connection, table: Table) -> int:
    """How many rows there are."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
