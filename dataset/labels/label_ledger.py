"""The ledger of labels: decisions are appended, and the newest of an image holds."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from dataset.catalog.cluster_ranges import blocks, within
from dataset.catalog.tables import clusters, decisions, findings, judgements, queue, sightings
from dataset.catalog.writes import append
from dataset.labels.consensus import Consensus
from dataset.labels.decisions import FINAL, WITHDRAWN, Answer, Decision, Opinion, _fit, decide, opine
from dataset.labels.vocabulary import CERTAIN


def fitted(connection: Connection) -> Consensus:
    """The consensus model of all answers: items are clusters."""
    return _fit(newest_answers(connection))


def settle(connection: Connection, now: datetime) -> int:
    """Append a decision for every image whose label changed. Returns how many."""
    opinions = opinions_of(connection)
    return sum(_settle(connection, now, where, opinions) for where in blocks(connection))


def _settle(connection: Connection, now: datetime, where: ColumnElement[bool], opinions: Mapping[str, Opinion]) -> int:
    members: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster).where(where)):
        members[row.cluster].append(row.sha256)
    labels: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(within(select(sightings.c.sha256, sightings.c.source_label), sightings, where)):
        labels[row.sha256].add(row.source_label)
    doubted = within(select(clusters.c.cluster, queue.c.error_probability).select_from(queue), queue, where)
    doubts = {row.cluster: row.error_probability for row in connection.execute(doubted)}
    certain = {
        row.cluster: row.evidence
        for row in connection.execute(
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.representative)
            .where(findings.c.detector == CERTAIN, where)
        )
    }
    last = latest(connection, where)
    rows = []
    for cluster, images in members.items():
        said = frozenset(label for image in images for label in labels[image])
        decision = decide(opinions.get(cluster), said, doubts.get(cluster, 0.0), certain.get(cluster, ""))
        rows += [
            {"sha256": image, "decided_at": now, **decision.__dict__} for image in images if last.get(image) != decision
        ]
    append(connection, decisions, rows)
    return len(rows)


def latest(connection: Connection, where: ColumnElement[bool] | None = None) -> dict[str, Decision]:
    """The decision that holds for each image now. where: of these clusters only."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    if where is not None:
        newest = within(newest, decisions, where)
    rows = connection.execute(
        select(decisions.c.sha256, decisions.c.label, decisions.c.origin, decisions.c.reason).where(
            decisions.c.id.in_(newest)
        )
    )
    return {row.sha256: Decision(row.label, row.origin, row.reason) for row in rows}


def opinions_of(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, Opinion]:
    """What people say of each cluster that somebody answered for. cluster_of: as in `newest_answers`."""
    return opine(newest_answers(connection, cluster_of))


def newest_answers(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, list[Answer]]:
    """For each cluster judged, the newest answer of every reviewer, in the order of their names.

    An answer that was taken back counts no more. cluster_of: name of the cluster of each image;
    by default as the catalog has it.
    """
    if cluster_of is None:
        cluster_of = clusters_by_image(connection)
    found: dict[str, dict[str, Answer]] = defaultdict(dict)
    rows = connection.execute(
        select(judgements.c.sha256, judgements.c.reviewer, judgements.c.answer, judgements.c.origin).order_by(
            judgements.c.answered_at, judgements.c.id
        )
    )
    for row in rows:
        given = found[cluster_of.get(row.sha256, row.sha256)]
        if row.answer == WITHDRAWN:
            given.pop(row.reviewer, None)
        else:
            given[row.reviewer] = Answer(row.reviewer, row.answer, row.origin in FINAL)
    return {cluster: [by[name] for name in sorted(by)] for cluster, by in found.items() if by}


def clusters_by_image(connection: Connection) -> dict[str, str]:
    """Name of the cluster of each image, by SHA-256."""
    return {row.sha256: row.cluster for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster))}
