"""The ledger of labels: decisions are appended, and an image's newest decision holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from more_itertools import chunked
from sqlalchemy import ColumnElement, Connection, exists, func, select

from dataset.catalog.claims import standing
from dataset.catalog.cluster_ranges import blocks, within
from dataset.catalog.engine import Catalog
from dataset.catalog.tables import clusters, decisions, findings, judgements, queue, wall_pictures
from dataset.catalog.tables import images as images_table
from dataset.catalog.writes import append
from dataset.labels import judgement_ledger
from dataset.labels.decisions import Answer, Decision, Opinion, decide, fit_consensus, opine
from dataset.labels.vocabulary import (
    CALIBRATED_BY_PACK,
    CERTAIN,
    EXCLUDED,
    EXPLICIT,
    FINAL_ORIGINS,
    KEPT_OUT,
    WITHDRAWN,
    DecisionOrigin,
    JudgementOrigin,
    Purpose,
)
from dataset.quarantine import is_whole

if TYPE_CHECKING:
    from dataset.labels.consensus import Consensus
    from dataset.labels.wall_rates import WallRates

TRIES_WITHOUT_LOCK = 3
NAMES_PER_QUERY = 500
DECISIONS_REMEMBERED = 1000  # most images have one of few decisions


def fitted(connection: Connection) -> "Consensus":
    """The consensus model of all answers; its items are clusters."""
    cluster_of = clusters_by_image(connection)
    answers = newest_answers(connection, cluster_of)
    return fit_consensus(answers, rates_on_walls(connection, cluster_of, answers))


def settle(connection: Connection, now: datetime, names: Collection[str] | None = None) -> int:
    """Append a decision for every image whose decision changed. Returns the number of new decisions.

    names: only of these clusters.
    """
    opinions = opinions_of(connection)
    if names is None:
        return sum(_settle_block(connection, now, block, opinions) for block in blocks(connection))
    few = chunked(sorted(names), NAMES_PER_QUERY)
    return sum(_settle_block(connection, now, clusters.c.cluster.in_(part), opinions) for part in few)


def settle_answers(catalog: Catalog, now: datetime) -> int:
    """Like `settle`, for clusters that people answered; only the inserts hold the lock.

    If somebody writes meanwhile, it starts again; the last try holds the lock.
    """
    n_written = 0
    for _ in range(TRIES_WITHOUT_LOCK):
        with catalog.read() as connection:
            seen, cluster_of = _last_ids(connection), clusters_by_image(connection)
            rows = _answered_rows(connection, cluster_of, now)
        n_written += (n_new := _append_if_same(catalog, rows, seen, cluster_of))
        if n_new == len(rows):
            return n_written
    with catalog.write() as connection:
        rows = _answered_rows(connection, clusters_by_image(connection), now)
        append(connection, decisions, rows)
        return n_written + len(rows)


def _append_if_same(
    catalog: Catalog, rows: Sequence[dict[str, Any]], seen: tuple[int | None, ...], cluster_of: Mapping[str, str]
) -> int:
    """Append decisions in parts, until somebody else wrote. Returns how many.

    seen, cluster_of: what the decisions were made from.
    """
    n_written = 0
    for part in judgement_ledger.parts(rows):
        with catalog.write() as connection:
            if _last_ids(connection) != seen or (not n_written and clusters_by_image(connection) != cluster_of):
                break
            append(connection, decisions, part)
            seen = _last_ids(connection)
        n_written += len(part)
    return n_written


def _last_ids(connection: Connection) -> tuple[int | None, ...]:
    return tuple(connection.execute(select(func.max(table.c.id))).scalar() for table in (judgements, decisions))


def _answered_rows(connection: Connection, cluster_of: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
    """New decisions for the images of clusters with an answer."""
    answers = newest_answers(connection, cluster_of)
    opinions = opine(answers, rates_on_walls(connection, cluster_of, answers))
    decided = {c: decide(opinion, frozenset(), 0.0) for c, opinion in opinions.items() if not opinion.is_weak}
    before = latest(connection)
    return [
        {
            "sha256": image,
            "decided_at": now,
            "label": decision.label,
            "origin": str(decision.origin),
            "reason": decision.reason,
        }
        for image, cluster in sorted(cluster_of.items())
        if (decision := decided.get(cluster)) and before.get(image) != decision
    ]


def _settle_block(
    connection: Connection, now: datetime, block: ColumnElement[bool], opinions: Mapping[str, Opinion]
) -> int:
    members: dict[str, list[str]] = defaultdict(list)
    for sha256, cluster in connection.execute(select(clusters.c.sha256, clusters.c.cluster).where(block)).all():
        members[cluster].append(sha256)
    labels: dict[str, set[str]] = defaultdict(set)
    claimed = within(select(standing.c.sha256, standing.c.source_label), standing, block)
    for sha256, label in connection.execute(claimed).all():
        labels[sha256].add(label)
    return Settling(connection, now, opinions).settle(block, members, labels)[1]


@dataclass(frozen=True)
class Settling:
    """Settles the ledger block by block, for a caller that reads the clusters and claims of each block anyway.

    opinions: of the reviewers, by cluster.
    """

    connection: Connection
    now: datetime
    opinions: Mapping[str, Opinion]

    @classmethod
    def begin(cls, connection: Connection, now: datetime) -> "Settling":
        """Read what the reviewers say."""
        return cls(connection, now, opinions_of(connection))

    def settle(
        self, block: ColumnElement[bool], members: Mapping[str, Sequence[str]], labels: Mapping[str, Iterable[str]]
    ) -> tuple[dict[str, Decision], int]:
        """Append what changed. Returns the decision that holds for each image of the block, and how many are new.

        members: all images of each cluster. labels: what sources claim about an image.
        """
        connection = self.connection
        queued = (
            select(clusters.c.cluster, queue.c.error_probability)
            .join(queue, queue.c.sha256 == clusters.c.sha256)
            .where(queue.c.calibrated_by == CALIBRATED_BY_PACK, block)
        )
        error_probabilities = dict(connection.execute(queued).all())
        certain = (
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.representative)
            .where(findings.c.detector == CERTAIN, block)
        )
        certain_reasons = dict(connection.execute(certain).all())
        explicit = (
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.sha256)
            .where(findings.c.detector == EXPLICIT, block)
        )
        withheld = {
            row.cluster: row.evidence for row in connection.execute(explicit.order_by(findings.c.sha256.desc()))
        }
        holds = latest(connection, block)
        rows = []
        for cluster, images in members.items():
            decision = decide(
                self.opinions.get(cluster),
                frozenset(label for image in images for label in labels.get(image, ())),
                error_probabilities.get(cluster, 0.0),
                certain_reasons.get(cluster, ""),
                withheld.get(cluster, ""),
            )
            changed = [image for image in images if holds.get(image) != decision]
            if changed:
                values = {"label": decision.label, "origin": str(decision.origin), "reason": decision.reason}
                rows += [{"sha256": image, "decided_at": self.now, **values} for image in changed]
                holds.update(dict.fromkeys(changed, decision))
        append(connection, decisions, rows)
        return holds, len(rows)


def latest(connection: Connection, block: ColumnElement[bool] | None = None) -> dict[str, Decision]:
    """The decision that holds for each image. block: only images of these clusters."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    if block is not None:
        newest = within(newest, decisions, block)
    rows = connection.execute(
        select(decisions.c.sha256, decisions.c.label, decisions.c.origin, decisions.c.reason).where(
            decisions.c.id.in_(newest)
        )
    ).all()
    return {sha256: _decision(label, origin, reason) for sha256, label, origin, reason in rows}


def latest_of(connection: Connection, names: Sequence[str]) -> dict[str, Decision]:
    """The decision that holds for each of these images."""
    rows = [
        row
        for part in chunked(names, NAMES_PER_QUERY)
        for row in connection.execute(select(decisions).where(decisions.c.sha256.in_(part))).all()
    ]
    ordered = sorted(rows, key=lambda row: row.id)
    return {row.sha256: _decision(row.label, row.origin, row.reason) for row in ordered}


def kept_out(connection: Connection, labels: Sequence[str]) -> dict[str, str]:
    """Why images are in no version although nobody objects, by SHA-256: their label is none of `labels`."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    columns = decisions.c.sha256, decisions.c.label, decisions.c.origin, decisions.c.reason
    rows = connection.execute(select(*columns).where(decisions.c.label.not_in(labels), decisions.c.id.in_(newest)))
    return {
        row.sha256: f"{KEPT_OUT} {'excluded' if row.label == EXCLUDED else row.label}, by {row.origin}: {row.reason}"
        for row in rows
    }


@lru_cache(DECISIONS_REMEMBERED)
def _decision(label: str, origin: str, reason: str) -> Decision:
    return Decision(label, DecisionOrigin(origin), reason)


def excluded(connection: Connection) -> dict[str, Decision]:
    """The pictures that are excluded automatically, with the reason. Every count of them comes from here.

    By SHA-256 of the representative: copies count once.
    """
    representatives = set(connection.execute(select(clusters.c.representative).distinct()).scalars())
    decided = latest(connection).items()
    return {sha256: decision for sha256, decision in decided if decision.is_exclusion and sha256 in representatives}


def opinions_of(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, Opinion]:
    """The reviewers' opinion about each cluster with an answer. cluster_of: as in `newest_answers`."""
    known = clusters_by_image(connection) if cluster_of is None else cluster_of
    answers = newest_answers(connection, known)
    return opine(answers, rates_on_walls(connection, known, answers))


def rates_on_walls(
    connection: Connection, cluster_of: Mapping[str, str], answers: Mapping[str, Sequence[Answer]]
) -> "dict[str, WallRates]":
    """How often each reviewer misses an odd picture of a wall. Empty without confirmed walls."""
    if not any(answer.is_confirmed for given in answers.values() for answer in given):
        return {}
    from dataset.labels.wall_ledger import wall_rates  # imports numpy

    return wall_rates(connection, cluster_of, answers)


def newest_answers(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, list[Answer]]:
    """For each cluster with an answer: the newest answer of every reviewer, sorted by the reviewers' names.

    Withdrawn answers are left out. What a reviewer confirmed on a wall counts where the reviewer gave no answer about
    the picture alone. cluster_of: name of the cluster of each image; by default as the catalog has it.
    """
    if cluster_of is None:
        cluster_of = clusters_by_image(connection, clusters.c.sha256.in_(select(judgements.c.sha256)))
    names = "sha256", "reviewer", "answer", "origin", "answered_at", "recorded_at", "external_id"
    rows = connection.execute(select(*(judgements.c[name] for name in names)).order_by(judgements.c.id)).all()
    single = [row for row in rows if row.origin != JudgementOrigin.CONFIRMED]
    on_walls = _asked_on_walls(connection, [row for row in rows if row.origin == JudgementOrigin.CONFIRMED])
    held = judgement_ledger.current(single, cluster_of)
    for key, row in judgement_ledger.current(on_walls, cluster_of).items() if on_walls else ():
        if key not in held or held[key].answer == WITHDRAWN:
            held[key] = row
    answers: dict[str, list[Answer]] = defaultdict(list)
    for (cluster, reviewer), row in sorted(held.items(), key=lambda item: item[0]):
        if row.answer != WITHDRAWN:
            is_confirmed = row.origin == JudgementOrigin.CONFIRMED
            answers[cluster].append(Answer(reviewer, row.answer, row.origin in FINAL_ORIGINS, is_confirmed))
    return dict(answers)


def _asked_on_walls(connection: Connection, confirmed: Sequence[Any]) -> list[Any]:
    """The confirmed pictures that were questions. Known ones, hidden among them, test the reviewer, not the label."""
    if not confirmed:
        return []
    is_known = wall_pictures.c.purpose == Purpose.GOLD.value
    hidden = connection.execute(select(wall_pictures.c.wall, wall_pictures.c.slot).where(is_known)).all()
    known = {f"{wall}/{slot}" for wall, slot in hidden}
    return [row for row in confirmed if row.external_id.partition("@")[0] not in known]


def n_uncurated(connection: Connection) -> int:
    """How many whole images were collected and not curated: they have no cluster yet."""
    is_waiting = ~exists().where(clusters.c.sha256 == images_table.c.sha256)
    waiting = select(func.count()).select_from(images_table).where(is_waiting, is_whole(images_table.c.sha256))
    return int(connection.execute(waiting).scalar_one())


def clusters_by_image(connection: Connection, which: ColumnElement[bool] | None = None) -> dict[str, str]:
    """Name of the cluster of each image, by SHA-256. which: condition on the table `clusters`; all by default."""
    columns = select(clusters.c.sha256, clusters.c.cluster)
    rows = connection.execute(columns if which is None else columns.where(which)).all()
    return dict(rows)
