"""The ledger of labels: decisions are appended, and an image's newest decision holds."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, func, select

from dataset.catalog.cluster_ranges import blocks, within
from dataset.catalog.tables import clusters, decisions, findings, judgements, queue, sightings
from dataset.catalog.writes import append
from dataset.labels.decisions import Answer, Decision, Opinion, decide, fit_consensus, opine
from dataset.labels.vocabulary import CALIBRATED_BY_PACK, CERTAIN, FINAL_ORIGINS, WITHDRAWN, DecisionOrigin

if TYPE_CHECKING:
    from dataset.labels.consensus import Consensus


def fitted(connection: Connection) -> "Consensus":
    """The consensus model of all answers; its items are clusters."""
    return fit_consensus(newest_answers(connection))


def settle(connection: Connection, now: datetime) -> int:
    """Append a decision for every image whose decision changed. Returns the number of new decisions."""
    opinions = opinions_of(connection)
    return sum(_settle_block(connection, now, block, opinions) for block in blocks(connection))


def _settle_block(
    connection: Connection, now: datetime, block: ColumnElement[bool], opinions: Mapping[str, Opinion]
) -> int:
    members: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster).where(block)):
        members[row.cluster].append(row.sha256)
    labels: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(within(select(sightings.c.sha256, sightings.c.source_label), sightings, block)):
        labels[row.sha256].add(row.source_label)
    queued = within(select(clusters.c.cluster, queue.c.error_probability).select_from(queue), queue, block)
    queued = queued.where(queue.c.calibrated_by == CALIBRATED_BY_PACK)
    error_probabilities = {row.cluster: row.error_probability for row in connection.execute(queued)}
    certain_reasons = {
        row.cluster: row.evidence
        for row in connection.execute(
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.representative)
            .where(findings.c.detector == CERTAIN, block)
        )
    }
    before = latest(connection, block)
    rows = []
    for cluster, images in members.items():
        decision = decide(
            opinions.get(cluster),
            frozenset(label for image in images for label in labels[image]),
            error_probabilities.get(cluster, 0.0),
            certain_reasons.get(cluster, ""),
        )
        values = {"label": decision.label, "origin": str(decision.origin), "reason": decision.reason}
        rows += [{"sha256": image, "decided_at": now, **values} for image in images if before.get(image) != decision]
    append(connection, decisions, rows)
    return len(rows)


def latest(connection: Connection, block: ColumnElement[bool] | None = None) -> dict[str, Decision]:
    """The decision that holds for each image. block: only images of these clusters."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    if block is not None:
        newest = within(newest, decisions, block)
    rows = connection.execute(
        select(decisions.c.sha256, decisions.c.label, decisions.c.origin, decisions.c.reason).where(
            decisions.c.id.in_(newest)
        )
    )
    return {row.sha256: Decision(row.label, DecisionOrigin(row.origin), row.reason) for row in rows}


def excluded(connection: Connection) -> dict[str, Decision]:
    """The pictures that are excluded automatically, with the reason. Every count of them comes from here.

    By SHA-256 of the representative: copies count once.
    """
    representatives = set(connection.execute(select(clusters.c.representative).distinct()).scalars())
    decided = latest(connection).items()
    return {sha256: decision for sha256, decision in decided if decision.is_exclusion and sha256 in representatives}


def opinions_of(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, Opinion]:
    """The reviewers' opinion about each cluster with an answer. cluster_of: as in `newest_answers`."""
    return opine(newest_answers(connection, cluster_of))


def newest_answers(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> dict[str, list[Answer]]:
    """For each cluster with an answer: the newest answer of every reviewer, sorted by the reviewers' names.

    Withdrawn answers are left out. cluster_of: name of the cluster of each image; by default as the catalog has it.
    """
    if cluster_of is None:
        cluster_of = clusters_by_image(connection)
    answers: dict[str, dict[str, Answer]] = defaultdict(dict)  # by cluster and reviewer
    rows = connection.execute(
        select(judgements.c.sha256, judgements.c.reviewer, judgements.c.answer, judgements.c.origin).order_by(
            judgements.c.answered_at, judgements.c.id
        )
    )
    for row in rows:
        by_reviewer = answers[cluster_of.get(row.sha256, row.sha256)]
        if row.answer == WITHDRAWN:
            by_reviewer.pop(row.reviewer, None)
        else:
            by_reviewer[row.reviewer] = Answer(row.reviewer, row.answer, row.origin in FINAL_ORIGINS)
    return {
        cluster: [by_reviewer[name] for name in sorted(by_reviewer)]
        for cluster, by_reviewer in answers.items()
        if by_reviewer
    }


def clusters_by_image(connection: Connection) -> dict[str, str]:
    """Name of the cluster of each image, by SHA-256."""
    return {row.sha256: row.cluster for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster))}
