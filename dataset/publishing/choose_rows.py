"""Choose the images of the next version, with their splits and labels: from the catalog, block by block."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from more_itertools import chunked, first
from sqlalchemy import ColumnElement, Connection, func, select

from dataset.catalog.cluster_ranges import CLUSTERS_PER_BLOCK, blocks, within
from dataset.catalog.tables import clusters, fingerprints, images, judgements, queue, sightings, site_splits, tombstones
from dataset.catalog.tables import splits as splits_table
from dataset.catalog.writes import insert_new
from dataset.labels import decisions, label_ledger
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.versions import splits
from dataset.versions.manifest import Row

SPLITS_PER_INSERT = 10_000  # rows of the ledger of splits
EXCLUDED_AUTOMATICALLY = "excluded automatically"  # why clusters stay out; the others: by their label


@dataclass
class _Block:
    """Some clusters. members: images by cluster. representative: by cluster. seen: sightings by image, oldest first.
    decided: decision by image. split_of: split by image, where it has one. label_of: label by published cluster.
    """

    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    representative: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[str, decisions.Decision] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    label_of: dict[str, str] = field(default_factory=dict)

    def sightings_of(self, cluster: str) -> list[Any]:
        return [row for member in self.members[cluster] for row in self.seen.get(member, ())]


def choose_rows(
    connection: Connection,
    labels: Sequence[str],
    now: datetime,
    rows: RowsOnDisk,
    clusters_per_block: int = CLUSTERS_PER_BLOCK,
) -> dict[str, int]:
    """Add the version's rows to `rows`, and new splits to the ledger. Returns how many clusters stay out, by reason."""
    _assign_splits(connection, labels, now, clusters_per_block)
    left_out: Counter[str] = Counter()
    for where in blocks(connection, clusters_per_block):
        block = _read_block(connection, where, labels, left_out)
        rows.add(_rows(connection, where, block))
    return {reason: n for reason, n in sorted(left_out.items()) if n}


def _read_block(
    connection: Connection, where: ColumnElement[bool], labels: Sequence[str], left_out: Counter[str]
) -> _Block:
    block = _Block()
    erased = _clusters_being_erased(connection, where)
    for row in connection.execute(select(clusters).where(where).order_by(clusters.c.sha256)):
        if row.cluster in erased:
            continue
        block.members[row.cluster].append(row.sha256)
        block.representative[row.cluster] = row.representative
    columns = select(
        sightings.c.id, sightings.c.sha256, sightings.c.source, sightings.c.source_label, sightings.c.site,
        sightings.c.image_url, sightings.c.page_url, sightings.c.licence, sightings.c.creator,
    )  # fmt: skip
    in_time = within(columns, sightings, where).order_by(sightings.c.seen_at, sightings.c.id)
    for row in connection.execute(in_time):
        block.seen[row.sha256].append(row)
    block.decided = label_ledger.latest(connection, where)
    assigned = within(select(splits_table.c.sha256, splits_table.c.split), splits_table, where)
    block.split_of = {row.sha256: row.split for row in connection.execute(assigned)}
    for cluster, members in block.members.items():
        if not any(member in block.seen for member in members):
            continue
        decision = block.decided.get(block.representative[cluster])
        if decision and decision.label in labels:
            block.label_of[cluster] = decision.label
        elif decision:
            reason = EXCLUDED_AUTOMATICALLY if decision.is_exclusion else decision.label.replace("_", " ")
            left_out[reason] += 1
        left_out["near-duplicates"] += len(members) - 1
    return block


def _clusters_being_erased(connection: Connection, where: ColumnElement[bool]) -> set[str]:
    """Clusters with a tombstone whose erasure waits until this publish ends, or was interrupted."""
    is_erased = (tombstones.c.value == clusters.c.sha256) & (tombstones.c.kind == "sha256")
    return set(connection.execute(select(clusters.c.cluster).join(tombstones, is_erased).where(where)).scalars())


def _assign_splits(connection: Connection, labels: Sequence[str], now: datetime, clusters_per_block: int) -> None:
    """Give a split to every image that is published for the first time. The ledger keeps it for ever."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    assigned: dict[str, Counter[str]] = defaultdict(Counter)
    new: list[splits.Group] = []
    ledger: dict[str, str] = {}
    sites_of: dict[frozenset[str], frozenset[str]] = {}  # many clusters share one set of sites
    for where in blocks(connection, clusters_per_block):
        block = _read_block(connection, where, labels, Counter())
        for cluster, label in block.label_of.items():
            members, seen = block.members[cluster], block.sightings_of(cluster)
            sites = frozenset(row.site for row in seen)
            for row in {row.site: row for row in seen}.values():
                sizes[row.source_label][row.site] += 1
            known = {member: block.split_of[member] for member in members if member in block.split_of}
            if len(known) == len(members):
                assigned[label][splits.published_split(members, known)] += 1
            else:
                new.append(splits.Group(cluster, label, sites_of.setdefault(sites, sites), tuple(members)))
                ledger |= known
    decided = {row.site: bool(row.held_out) for row in connection.execute(select(site_splits))}
    held_out = splits.hold_out(sizes, decided)
    insert_new(
        connection,
        site_splits,
        [{"site": site, "held_out": int(held), "assigned_at": now} for site, held in held_out.items()],
    )
    split_of = splits.assign(new, ledger, held_out, assigned)
    added = (
        {"sha256": sha256, "split": split, "assigned_at": now}
        for sha256, split in split_of.items()
        if sha256 not in ledger
    )
    for part in chunked(added, SPLITS_PER_INSERT):
        insert_new(connection, splits_table, part)


def _rows(connection: Connection, where: ColumnElement[bool], block: _Block) -> Iterator[Row]:
    columns = select(
        images.c.sha256, images.c.format, images.c.width, images.c.height, images.c.first_seen, fingerprints.c.phash
    ).join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
    facts = {row.sha256: row for row in connection.execute(within(columns, images, where))}
    counted = within(select(judgements.c.sha256, func.count().label("n")), judgements, where)
    answers = {row.sha256: row.n for row in connection.execute(counted.group_by(judgements.c.sha256))}
    queued = within(select(queue.c.sha256, queue.c.error_probability), queue, where)
    error_probability = {row.sha256: row.error_probability for row in connection.execute(queued)}
    for cluster, label in block.label_of.items():
        members, sha256 = block.members[cluster], block.representative[cluster]
        split = splits.published_split(members, block.split_of)
        if block.split_of.get(sha256) != split:
            # No image moves to another split: the largest copy that is in this split represents the cluster.
            copies = [member for member in members if block.split_of.get(member) == split and member in facts]
            sha256 = max(copies, key=lambda name: (facts[name].width * facts[name].height, name))
        image, judged = facts[sha256], sum(answers.get(member, 0) for member in members)
        seen = block.sightings_of(cluster)
        sighting = first(block.seen.get(sha256, ()), None) or min(seen, key=lambda row: row.id)
        yield Row(
            sha256=sha256,
            file=f"data/{split}/{label}/{sha256[:16]}.jpg",
            label=label,
            split=split,
            source_label=sighting.source_label,
            label_origin=block.decided[sha256].origin,
            sources=sorted({row.source for row in seen}),
            site=sighting.site,
            page_url=sighting.page_url,
            image_url=sighting.image_url,
            licence=sighting.licence,
            creator=sighting.creator,
            first_seen=min(facts[member].first_seen for member in members if member in facts),
            width=image.width,
            height=image.height,
            format=image.format,
            phash=image.phash,
            cluster=cluster,
            judgements=judged,
            error_probability=0.0 if judged else error_probability.get(sha256, 0.0),
        )
