"""Remove images from the catalog."""

from collections.abc import Collection, Sequence
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, Text, cast, delete, or_, select

from dataset.catalog.tables import (
    asked,
    audit,
    certificate_pictures,
    claims,
    clusters,
    compared,
    consents,
    decisions,
    digests,
    features,
    fetches,
    findings,
    fingerprints,
    images,
    judgements,
    looks,
    outcomes,
    pairs,
    plays,
    positions,
    quarantined,
    queue,
    rounds,
    runs,
    seen,
    sightings,
    signals,
    splits,
    triage,
    wall_pictures,
)
from dataset.certificates.ledger import forget

BY_SHA256 = (
    fingerprints, features, seen, compared, clusters, findings, queue, judgements, decisions, digests, looks, positions,
    plays, splits, audit, wall_pictures, quarantined, claims, consents, signals, sightings,
    outcomes, fetches, images,
)  # fmt: skip
AFFECTED = (
    *BY_SHA256,
    pairs,
    rounds,
    asked,
    runs,
    certificate_pictures,
    triage,
)  # tables that may have held something about an image
NAMES_PER_STATEMENT = 500  # below SQLite's limit on bound values


def remove_from_catalog(connection: Connection, names: Sequence[str], labels: Sequence[str]) -> None:
    """Delete every row about the images, but for tombstones, and for questions that Label Studio still has.

    labels: of the project. What people found about a picture of a certificate's design stays, without its name.
    """
    forget(connection, labels, names)
    connection.execute(delete(triage))  # it has learned from them, and may name them
    for part in chunked(names, NAMES_PER_STATEMENT):
        seen_at = select(sightings.c.image_url, sightings.c.page_url).where(sightings.c.sha256.in_(part))
        records = connection.execute(seen_at).all()
        addresses, pages = {record.image_url for record in records}, {record.page_url for record in records}
        for few in chunked(addresses, NAMES_PER_STATEMENT):
            connection.execute(delete(outcomes).where(outcomes.c.image_url.in_(few)))
            connection.execute(delete(fetches).where(fetches.c.image_url.in_(few)))
            connection.execute(delete(signals).where(or_(signals.c.about.in_(few), signals.c.address.in_(few))))
        for table in BY_SHA256:
            connection.execute(delete(table).where(table.c.sha256.in_(part)))
        _remove_signals_of_pages(connection, pages)
        for name in part:
            connection.execute(delete(rounds).where(cast(rounds.c.pictures, Text).contains(name)))
        connection.execute(delete(pairs).where(or_(pairs.c.a.in_(part), pairs.c.b.in_(part))))
        # A question that was never sent to Label Studio need not be withdrawn there.
        connection.execute(delete(asked).where(asked.c.sha256.in_(part), asked.c.task_id.is_(None)))
        # The next curate builds a cluster anew that loses its representative.
        left = list(connection.execute(select(clusters.c.sha256).where(clusters.c.representative.in_(part))).scalars())
        for few in chunked(left, NAMES_PER_STATEMENT):
            connection.execute(delete(clusters).where(clusters.c.sha256.in_(few)))


def _remove_signals_of_pages(connection: Connection, pages: Collection[str]) -> None:
    """Delete what pages said on which no picture of the library is left."""
    for few in chunked(pages, NAMES_PER_STATEMENT):
        left = connection.execute(select(sightings.c.page_url).where(sightings.c.page_url.in_(few)).distinct())
        gone = set(few) - set(left.scalars())
        connection.execute(delete(signals).where(signals.c.about.in_(gone)))


def tasks(connection: Connection, names: Sequence[str]) -> int:
    """How many questions about the images are in Label Studio."""
    records: list[Any] = []
    for part in chunked(names, NAMES_PER_STATEMENT):
        records += connection.execute(select(asked).where(asked.c.sha256.in_(part), asked.c.task_id.is_not(None))).all()
    return len(records)
