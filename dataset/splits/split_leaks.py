"""Pictures that several clusters show, and whether a version has one of them in two splits.

A cluster is an image with its partners (dataset/duplicates/clusters.py). A chain of confirmed pairs may connect several
clusters, for instance crops of crops: together they are one picture, and it belongs in one split.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from dataset.catalog.tables import clusters, pairs, sightings, site_splits
from dataset.splits.assignment import UNSEEN


def joined_clusters(connection: Connection) -> dict[str, str]:
    """The picture of each cluster that confirmed pairs connect with others: by cluster, the smallest name of these."""
    one, other = clusters.alias(), clusters.alias()
    between = (
        select(one.c.cluster, other.c.cluster)
        .select_from(pairs)
        .join(one, one.c.sha256 == pairs.c.a)
        .join(other, other.c.sha256 == pairs.c.b)
        .where(one.c.cluster != other.c.cluster)
    )
    parent: dict[str, str] = {}

    def root(cluster: str) -> str:
        while parent.setdefault(cluster, cluster) != cluster:
            parent[cluster] = cluster = parent[parent[cluster]]
        return cluster

    for a, b in connection.execute(between):
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {cluster: root(cluster) for cluster in list(parent)}


def split_leaks(connection: Connection, published: Iterable[tuple[str, str]]) -> int:
    """How many pictures of a version are in two splits, or in another split than UNSEEN and on a held-out site.

    published: cluster and split of each row.
    """
    joined = joined_clusters(connection)
    held_out = (
        select(clusters.c.cluster)
        .join(sightings, sightings.c.sha256 == clusters.c.sha256)
        .join(site_splits, site_splits.c.site == sightings.c.site)
        .where(site_splits.c.held_out == 1)
    )
    split_of: dict[str, str] = {}
    for cluster in connection.execute(held_out.distinct()).scalars():
        split_of[joined.get(cluster, cluster)] = UNSEEN
    in_two = set()
    for cluster, split in published:
        picture = joined.get(cluster, cluster)
        if split_of.setdefault(picture, split) != split:
            in_two.add(picture)
    return len(in_two)
