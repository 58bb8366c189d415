"""Read from the catalog what walls can be made of."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from more_itertools import chunked
from sqlalchemy import Connection, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import audit, clusters, judgements, queue, wall_pictures, walls
from dataset.labels import label_ledger
from dataset.labels.decisions import Answer, Opinion, opine
from dataset.labels.vocabulary import UNSURE, JudgementOrigin
from dataset.labels.withheld import withheld
from dataset.quarantine import in_quarantine
from foundation.settings import Settings
from labeling.plan_round import KNOWN_FROM_REVIEWERS, may_be_asked, ranked
from labeling.wall.choose import Candidate, Known, Material, believed

READ_AHEAD = 4  # times as many rows of the queue as a wall has pictures: only one label is on it
NAMES_PER_QUERY = 500


class Ledger:
    """What people answered so far, read once. broken: pictures that cannot be shown. withheld: that may be explicit."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        columns = clusters.c.sha256, clusters.c.cluster, clusters.c.representative
        rows = connection.execute(select(*columns)).all()
        self.cluster_of = {sha256: cluster for sha256, cluster, _ in rows}
        self.representative_of = {cluster: representative for _, cluster, representative in rows}
        self.answers = label_ledger.newest_answers(connection, self.cluster_of)
        self.withheld = withheld(connection, settings)
        self.broken = in_quarantine(connection).keys() | self.withheld.keys()

    @cached_property
    def opinions(self) -> Mapping[str, Opinion]:
        """What reviewers together say about each cluster."""
        rates = label_ledger.rates_on_walls(self._connection, self.cluster_of, self.answers)
        return opine(self.answers, rates)

    def answered_alone(self, reviewer: str) -> set[str]:
        """Representatives of the clusters about which this reviewer answered, not by confirming a wall."""
        return {
            self.representative_of[cluster]
            for cluster, given in self.answers.items()
            if cluster in self.representative_of
            and any(answer.reviewer == reviewer and not answer.is_confirmed for answer in given)
        }

    def single(self, sha256: str) -> list[Answer]:
        """Answers about the picture, or one of its cluster, alone."""
        cluster = self.cluster_of.get(sha256, sha256)
        return [answer for answer in self.answers.get(cluster, ()) if not answer.is_confirmed]


def material(connection: Connection, ledger: Ledger, most: int, taken: set[str]) -> Material:
    """What a wall of `most` pictures can be made of. taken: pictures that others are looking at."""
    columns = queue.c.sha256, queue.c.suggested_label, queue.c.error_probability
    statement = (
        ranked(select(*columns)).where(may_be_asked()).limit(READ_AHEAD * most + len(taken) + len(ledger.withheld))
    )
    rows = [row for row in connection.execute(statement).all() if row.sha256 not in taken | ledger.withheld.keys()]
    waiting = waiting_audit(connection, ledger, taken)
    sampled = waiting[: READ_AHEAD * most]
    claims = claims_of(connection, [*(row.sha256 for row in rows), *sampled])
    suspicion = {row.sha256: row for row in rows}

    def candidate(sha256: str) -> Candidate:
        row = suspicion.get(sha256)
        claimed = claims.get(sha256, "")
        return Candidate(sha256, believed(claimed, row.suggested_label, row.error_probability) if row else claimed)

    risk = [one for row in rows if (one := candidate(row.sha256)).label not in ("", UNSURE)]
    confirmed = {sha256 for sha256 in sampled if ledger.answers.get(ledger.cluster_of.get(sha256, sha256))}
    return Material(
        risk=risk,
        audit=[one for sha256 in sampled if sha256 not in confirmed and (one := candidate(sha256)).label],
        known=known_pictures(connection, ledger),
    )


def known_pictures(connection: Connection, ledger: Ledger) -> list[Known]:
    """Pictures whose answer is known, the surest first."""
    known = _known(ledger)
    claims = claims_of(connection, list(known))
    return [Known(sha256, answer, claims.get(sha256, "")) for sha256, answer in known.items()]


def second_look(connection: Connection, ledger: Ledger, reviewer: str, taken: set[str]) -> list[Candidate]:
    """Pictures that others confirmed on walls, and this reviewer did not see: for a second opinion."""
    rows = connection.execute(
        select(judgements.c.sha256, judgements.c.answer)
        .where(judgements.c.origin == JudgementOrigin.CONFIRMED.value, judgements.c.reviewer != reviewer)
        .order_by(judgements.c.id)
    ).all()
    found: dict[str, Candidate] = {}
    for row in rows:
        given = ledger.answers.get(ledger.cluster_of.get(row.sha256, row.sha256), ())
        is_seen = any(answer.reviewer == reviewer or not answer.is_confirmed for answer in given)
        if given and not is_seen and row.answer and row.sha256 not in taken | ledger.broken:
            found[row.sha256] = Candidate(row.sha256, row.answer)
    return list(found.values())


def for_singles(
    connection: Connection, ledger: Ledger, reviewer: str, taken: set[str]
) -> tuple[list[str], list[str], list[str]]:
    """Pictures that are not settled, that the audit waits for, and that the reviewer confirmed without a check yet."""
    disputed = [
        sha256
        for cluster, opinion in sorted(ledger.opinions.items())
        if opinion.is_open and (sha256 := ledger.representative_of.get(cluster, ""))
        if reviewer not in {answer.reviewer for answer in ledger.single(sha256)}
    ]
    confirmed = connection.execute(
        select(judgements.c.sha256)
        .join(wall_pictures, wall_pictures.c.sha256 == judgements.c.sha256)
        .join(walls, walls.c.id == wall_pictures.c.wall)
        .where(
            walls.c.reviewer == reviewer, walls.c.confirmed_at.is_not(None), judgements.c.reviewer == reviewer,
            judgements.c.origin == JudgementOrigin.CONFIRMED.value, judgements.c.answer != "",
        )
        .distinct()
    ).scalars()  # fmt: skip
    unchecked = [sha256 for sha256 in confirmed if not ledger.single(sha256)]

    def free(pictures: Iterable[str]) -> list[str]:
        return [sha256 for sha256 in pictures if sha256 not in taken and sha256 not in ledger.broken]

    return free(disputed), waiting_audit(connection, ledger, taken), free(unchecked)


def claims_of(connection: Connection, pictures: Sequence[str]) -> dict[str, str]:
    """The label that sources claim for each picture; of several, the first in the alphabet."""
    found: dict[str, str] = {}
    for part in chunked(dict.fromkeys(pictures), NAMES_PER_QUERY):
        rows = connection.execute(
            select(standing.c.sha256, standing.c.source_label).where(standing.c.sha256.in_(part))
        ).all()
        for row in rows:
            found[row.sha256] = min(row.source_label, found.get(row.sha256, row.source_label))
    return found


def waiting_audit(connection: Connection, ledger: Ledger, taken: set[str]) -> list[str]:
    """Pictures of the audit sample that nobody answered alone, in the order of their tickets."""
    sample = connection.execute(select(audit.c.sha256).order_by(audit.c.ticket)).scalars()
    return [
        sha256 for sha256 in sample if sha256 not in taken and sha256 not in ledger.broken and not ledger.single(sha256)
    ]


def _known(ledger: Ledger) -> dict[str, str]:
    """Answers that are known: final ones; else those of two reviewers who agree; else settled single answers.

    The surest come first; a later kind is used where there are none before it.
    """
    sure: dict[str, str] = {}
    likely: dict[str, str] = {}
    for cluster, given in ledger.answers.items():
        single = [answer for answer in given if not answer.is_confirmed]
        sha256 = ledger.representative_of.get(cluster, "")
        answers = {answer.answer for answer in single}
        if not sha256 or len(answers) != 1 or sha256 in ledger.broken or UNSURE in answers:
            continue
        is_sure = any(answer.is_final for answer in single) or len(single) >= KNOWN_FROM_REVIEWERS
        (sure if is_sure else likely)[sha256] = answers.pop()
    return sure | {sha256: answer for sha256, answer in likely.items() if sha256 not in sure}
