"""Estimate how many labels are wrong, from a simple random sample that people answer.

Every picture has a permanent random number, its ticket. The sample is the pictures with the lowest tickets, so the
next version reuses it and nobody can choose it. A picture counts with the label that it had when it was drawn; if
reviewers had answered it before, that is the label that they settled. See docs/decisions/0011.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from dataset.catalog.tables import asked, audit, clusters, judgements, queue, sightings, wall_pictures
from dataset.catalog.writes import insert_new
from dataset.labels import label_ledger
from dataset.labels.vocabulary import NOT_CALIBRATED, UNSURE, Purpose
from foundation.intervals import exact_interval

AMONG = 5  # answers before and after one, in the order of time, that tell whether it was asked about as the sample
NOT_RANDOM = (Purpose.RISK, Purpose.CHOSEN, Purpose.CERTIFY)  # asked about because of how they look
MIN_SAMPLED = 30  # answered pictures of the sample that calibrate the error probabilities of the queue


@dataclass(frozen=True)
class Residual:
    """The share of wrong labels in the audit sample.

    images: answered pictures of the sample, without those that people could not tell. wrong: how many of them had
    another label. low, high: 95 % interval of the share. by_label, by_source: (images, wrong) of each.
    """

    images: int
    wrong: int
    low: float
    high: float
    by_label: dict[str, tuple[int, int]] = field(default_factory=dict)
    by_source: dict[str, tuple[int, int]] = field(default_factory=dict)


def ticket(sha256: str) -> str:
    """The permanent random number of a picture, 16 hex digits."""
    return hashlib.sha256(b"isitcake audit\0" + bytes.fromhex(sha256)).hexdigest()[:16]


def draw(connection: Connection, labels: list[str], waiting: int, now: datetime) -> int:
    """Draw pictures into the sample until `waiting` of them are unanswered. Returns how many were drawn.

    Only pictures that would be published, with one of `labels`, are drawn.
    """
    decided = label_ledger.latest(connection)
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    answered = {
        cluster
        for cluster, answers in label_ledger.newest_answers(connection).items()
        if not all(answer.is_confirmed for answer in answers)
    }
    drawn = set(connection.execute(select(audit.c.sha256)).scalars())
    drawn_clusters = {cluster_of[sha256] for sha256 in drawn if sha256 in cluster_of}
    representatives = connection.execute(select(clusters.c.representative).distinct()).scalars()
    publishable = [sha256 for sha256 in representatives if sha256 in decided and decided[sha256].label in labels]
    n_unanswered = sum(cluster not in answered for cluster in drawn_clusters)
    rows = []
    for sha256 in sorted(publishable, key=ticket):
        cluster = cluster_of[sha256]
        if cluster in drawn_clusters:
            continue
        if cluster not in answered:
            if n_unanswered >= waiting:
                break
            n_unanswered += 1
        rows.append({"sha256": sha256, "ticket": ticket(sha256), "label": decided[sha256].label, "drawn_at": now})
    return insert_new(connection, audit, rows) if rows else 0


def residual(connection: Connection) -> Residual | None:
    """The error of the labels in the sample; None while its first picture has no answer.

    Pictures count in the order of their tickets up to the first that is not settled: if fast answers counted alone,
    easy pictures would count more. A picture that was only confirmed on a wall waits for an answer about it alone.
    """
    drawn = connection.execute(select(audit).order_by(audit.c.ticket)).all()
    opinions = label_ledger.opinions_of(connection) if drawn else {}
    if not opinions:
        return None
    cluster_of = label_ledger.clusters_by_image(connection)
    source_of: dict[str, str] = {}  # the first by name: not the first that was collected
    for row in connection.execute(select(sightings.c.sha256, sightings.c.source)).all():
        source_of[row.sha256] = min(row.source, source_of.get(row.sha256, row.source))
    counts: Counter[tuple[str, str, bool]] = Counter()  # by label, source and whether it is wrong
    for row in drawn:
        opinion = opinions.get(cluster_of.get(row.sha256, row.sha256))
        if opinion is None or not opinion.is_settled_alone:
            break
        if opinion.label != UNSURE:
            counts[row.label, source_of.get(row.sha256, ""), opinion.label != row.label] += 1
    images, wrong = sum(counts.values()), sum(n for (_, _, is_wrong), n in counts.items() if is_wrong)
    if not images:
        return None

    def by(part: int) -> dict[str, tuple[int, int]]:
        names = sorted({key[part] for key in counts})
        return {
            str(name): (
                sum(n for key, n in counts.items() if key[part] == name),
                sum(n for key, n in counts.items() if key[part] == name and key[2]),
            )
            for name in names
        }

    return Residual(images, wrong, *exact_interval(wrong, images), by(0), by(1))


def sampled_answers(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> frozenset[str]:
    """Clusters of the sample that count in `residual`: random ones, unlike those that the queue asks about.

    cluster_of: as in label_ledger.newest_answers. Of the sample too, the queue asks about the most suspicious pictures
    first: so only pictures before the first without an answer count, in the order of their tickets.
    """
    known = label_ledger.clusters_by_image(connection) if cluster_of is None else cluster_of
    opinions = label_ledger.opinions_of(connection, known)
    counted = set()
    for sha256 in connection.execute(select(audit.c.sha256).order_by(audit.c.ticket)).scalars():
        cluster = known.get(sha256, sha256)
        opinion = opinions.get(cluster)
        if opinion is None or not opinion.is_settled_alone:
            break
        if opinion.label != UNSURE:
            counted.add(cluster)
    return frozenset(counted)


def not_reached(connection: Connection, cluster_of: Mapping[str, str] | None = None) -> frozenset[str]:
    """Those clusters of `sampled_answers` that were asked about as the sample, not because they look suspicious.

    These alone stand for what the queue has not reached. Label Studio's questions have a purpose. Answers from a file
    have none: there, they are the ones that were answered among others of the sample. cluster_of: as in
    label_ledger.newest_answers.
    """
    known = label_ledger.clusters_by_image(connection) if cluster_of is None else cluster_of

    def each_cluster(column: ColumnElement[str], *more: ColumnElement[Any]) -> list[Any]:
        return [known.get(name, name) for name in connection.execute(select(column).where(*more)).scalars()]

    drawn = set(each_cluster(audit.c.sha256))
    suspected = set(each_cluster(asked.c.sha256, asked.c.purpose.in_(NOT_RANDOM)))
    suspected |= set(each_cluster(wall_pictures.c.sha256, wall_pictures.c.purpose.in_(NOT_RANDOM)))
    as_sample = set(each_cluster(asked.c.sha256, asked.c.purpose == Purpose.AUDIT))
    as_sample |= set(each_cluster(wall_pictures.c.sha256, wall_pictures.c.purpose == Purpose.AUDIT))
    by_time = connection.execute(select(judgements.c.sha256).order_by(judgements.c.id)).scalars()
    order = list(dict.fromkeys(known.get(sha256, sha256) for sha256 in by_time))
    among = [cluster in drawn for cluster in order]
    for place, cluster in enumerate(order):
        near = among[max(0, place - AMONG) : place + AMONG + 1]
        if 2 * sum(near) > len(near) and cluster not in suspected:
            as_sample.add(cluster)
    return sampled_answers(connection, known) & (as_sample - suspected)


def is_estimate_calibrated(connection: Connection) -> bool:
    """Whether the error probabilities of the queue say how many labels are wrong, or only order it."""
    uncalibrated = select(queue.c.sha256).where(queue.c.calibrated_by == NOT_CALIBRATED).limit(1)
    return connection.execute(uncalibrated).first() is None
