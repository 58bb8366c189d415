"""Choose the images of the next version, with their splits and labels: from the catalog, block by block."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from more_itertools import chunked
from sqlalchemy import ColumnElement, Connection, func, select

from dataset.catalog.claims import standing
from dataset.catalog.cluster_ranges import CLUSTERS_PER_BLOCK, blocks, within
from dataset.catalog.tables import (
    clusters,
    fingerprints,
    images,
    judgements,
    quarantined,
    queue,
    site_splits,
    tombstones,
)
from dataset.catalog.tables import splits as splits_table
from dataset.catalog.writes import insert_new
from dataset.labels import decisions, label_ledger
from dataset.objections import NOT_ASKED, Said, said_in
from dataset.pictures.decoding import normalised_size
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.splits import assignment
from dataset.splits.split_leaks import joined_clusters
from dataset.versions.manifest import Row

KEPT_BLOCKS = 10  # in memory: 50,000 clusters
SPLITS_PER_INSERT = 10_000  # rows of the ledger of splits
IN_TWO_SPLITS = "one picture with an image in another split"  # why clusters stay out that could leak
HELD_OUT_TOO = "on a held-out site, after it was in another split"
NOT_HELD_OUT = "one picture with an image on a held-out site"
EXCLUDED_AUTOMATICALLY = "excluded automatically"  # why clusters stay out; the others: by their label

GONE = "gone from their sources"
OBJECTING = "whose owner objects to training"


class _Sighting(NamedTuple):
    """What a source says of an image. The fields of a database row take ten times as long to read."""

    sha256: str
    source: str
    source_label: str
    site: str
    image_url: str
    page_url: str
    licence: str
    creator: str


class _Image(NamedTuple):
    """The original's facts."""

    sha256: str
    format: str
    width: int
    height: int
    first_seen: datetime
    copyright_notice: str
    phash: str


@dataclass
class _Block:
    """Some clusters. members: images by cluster. representative: by cluster. seen: sightings by image, in the order of
    their sources and addresses: the first represents the image, in whatever order they were collected.
    decided: decision by image. split_of: split by image, where it has one. label_of: label by published cluster.
    said: what owners say of an image.
    """

    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    representative: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[_Sighting]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[str, decisions.Decision] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    label_of: dict[str, str] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)

    def sightings_of(self, cluster: str) -> list[_Sighting]:
        members = self.members[cluster]
        if len(members) == 1:
            return self.seen.get(members[0], [])
        return [row for member in members for row in self.seen.get(member, ())]


@dataclass(frozen=True)
class _Assigned:
    """Splits are assigned. held_out: sites. split_of: split of each cluster that is one picture with other clusters.

    kept: the first blocks, at most KEPT_BLOCKS, so that a small catalog is read once.
    """

    held_out: frozenset[str]
    split_of: Mapping[str, str]
    kept: Sequence[_Block]


def choose_rows(
    connection: Connection,
    labels: Sequence[str],
    now: datetime,
    rows: RowsOnDisk,
    clusters_per_block: int = CLUSTERS_PER_BLOCK,
    settling: label_ledger.Settling | None = None,
) -> dict[str, int]:
    """Add the version's rows to `rows`, and new splits to the ledger. Returns how many clusters stay out, by reason.

    settling: brings the ledger of labels up to date on the way; None: it is.
    """
    left_out: Counter[str] = Counter()
    kept = KEPT_BLOCKS * clusters_per_block
    read = (
        _read_block(connection, where, labels, left_out, settling)
        for where in blocks(connection, clusters_per_block, kept)
    )
    assigned = _assign_splits(connection, read, now)
    for number, where in enumerate(blocks(connection, clusters_per_block, kept)):
        is_kept = number < len(assigned.kept)
        block = assigned.kept[number] if is_kept else _read_block(connection, where, labels, Counter())
        rows.add(_rows(connection, where, block, assigned, left_out))
    return {reason: n for reason, n in sorted(left_out.items()) if n}


def _read_block(
    connection: Connection,
    where: ColumnElement[bool],
    labels: Sequence[str],
    left_out: Counter[str],
    settling: label_ledger.Settling | None = None,
) -> _Block:
    """The clusters of a block. left_out: is counted up. settling: as in `choose_rows`."""
    block = _Block()
    everybody: dict[str, list[str]] = defaultdict(list)  # also who stays out: decisions are about all images
    erased = _clusters_being_erased(connection, where)
    broken = set(connection.execute(within(select(quarantined.c.sha256), quarantined, where)).scalars())
    block.said, objecting = said_in(connection, where)
    left_out[OBJECTING] += len(objecting - erased)
    columns = select(clusters.c.sha256, clusters.c.cluster, clusters.c.representative)
    for sha256, cluster, representative in connection.execute(columns.where(where).order_by(clusters.c.sha256)).all():
        everybody[cluster].append(sha256)
        if cluster in erased or cluster in objecting or sha256 in broken:
            continue
        block.members[cluster].append(sha256)
        if representative not in broken:
            block.representative[cluster] = representative
    for cluster, members in block.members.items():
        block.representative.setdefault(cluster, members[0])
    claimed = select(*(standing.c[name] for name in _Sighting._fields))
    for row in connection.execute(within(claimed, standing, where)).all():
        block.seen[row[0]].append(_Sighting._make(row))
    for seen in block.seen.values():
        if len(seen) > 1:
            seen.sort(key=_rank)
    if settling:
        claimed_labels = {sha256: [row.source_label for row in seen] for sha256, seen in block.seen.items()}
        block.decided, _ = settling.settle(where, everybody, claimed_labels)
    else:
        block.decided = label_ledger.latest(connection, where)
    assigned = within(select(splits_table.c.sha256, splits_table.c.split), splits_table, where)
    block.split_of = dict(connection.execute(assigned).all())
    for cluster, members in block.members.items():
        decision = block.decided.get(block.representative[cluster])
        if block.seen.keys().isdisjoint(members):
            left_out[GONE] += decision is not None
            continue
        if decision and decision.label in labels:
            block.label_of[cluster] = decision.label
        elif decision:
            reason = EXCLUDED_AUTOMATICALLY if decision.is_exclusion else decision.label.replace("_", " ")
            left_out[reason] += 1
        left_out["near-duplicates"] += len(members) - 1
    return block


def _rank(sighting: _Sighting) -> tuple[str, ...]:
    """Sort key of a sighting that does not depend on when, or after what, it was collected."""
    return (sighting.source, sighting.image_url, sighting.page_url, sighting.source_label, sighting.site)


def _clusters_being_erased(connection: Connection, where: ColumnElement[bool]) -> set[str]:
    """Clusters with a tombstone whose erasure waits until this publish ends, or was interrupted."""
    is_erased = (tombstones.c.value == clusters.c.sha256) & (tombstones.c.kind == "sha256")
    return set(connection.execute(select(clusters.c.cluster).join(tombstones, is_erased).where(where)).scalars())


def _assign_splits(connection: Connection, read: Iterable[_Block], now: datetime) -> _Assigned:
    """Give a split to every image that is published for the first time. The ledger keeps it for ever."""
    joined = joined_clusters(connection)
    kept: list[_Block] = []
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    assigned: dict[str, Counter[str]] = defaultdict(Counter)
    new: list[assignment.Group] = []
    parts: dict[str, list[assignment.Group]] = defaultdict(list)
    ledger: dict[str, str] = {}
    sites_of: dict[frozenset[str], frozenset[str]] = {}  # many clusters share one set of sites
    for block in read:
        if len(kept) < KEPT_BLOCKS:
            kept.append(block)
        for cluster, label in block.label_of.items():
            members, seen = block.members[cluster], block.sightings_of(cluster)
            claimed = {row.site: row.source_label for row in seen}
            sites = frozenset(claimed)
            for site, source_label in claimed.items():
                sizes[source_label][site] += 1
            known = {member: block.split_of[member] for member in members if member in block.split_of}
            group = assignment.Group(cluster, label, sites_of.setdefault(sites, sites), tuple(members))
            if cluster in joined:
                parts[joined[cluster]].append(group)
                ledger |= known
            elif len(known) == len(members):
                assigned[label][assignment.published_split(members, known)] += 1
            else:
                new.append(group)
                ledger |= known
    pictures = [_one_picture(groups) for groups in parts.values()]
    held_out = _hold_out(connection, sizes, now)
    split_of = assignment.assign([*new, *pictures], ledger, held_out, assigned)
    added = (
        {"sha256": sha256, "split": split, "assigned_at": now}
        for sha256, split in split_of.items()
        if sha256 not in ledger
    )
    for part in chunked(added, SPLITS_PER_INSERT):
        insert_new(connection, splits_table, part)
    for block in kept:
        block.split_of |= {name: split_of[name] for members in block.members.values() for name in members
                           if name in split_of and name not in block.split_of}  # fmt: skip
    return _Assigned(
        held_out=frozenset(site for site, held in held_out.items() if held),
        split_of={
            part.cluster: assignment.published_split(picture.members, split_of)
            for picture, groups in zip(pictures, parts.values(), strict=True)
            for part in groups
        },
        kept=kept,
    )


def _one_picture(groups: Sequence[assignment.Group]) -> assignment.Group:
    members = tuple(member for group in groups for member in group.members)
    sites = frozenset[str]().union(*(group.sites for group in groups))
    return assignment.Group(groups[0].cluster, groups[0].label, sites, members)


def _hold_out(connection: Connection, sizes: Mapping[str, Mapping[str, int]], now: datetime) -> dict[str, bool]:
    """Decide for each site whether it is held out, and write what is new."""
    decided = {row.site: bool(row.held_out) for row in connection.execute(select(site_splits))}
    held_out = assignment.hold_out(sizes, decided)
    insert_new(
        connection,
        site_splits,
        [{"site": site, "held_out": int(held), "assigned_at": now} for site, held in held_out.items()],
    )
    return held_out


def _rows(
    connection: Connection, where: ColumnElement[bool], block: _Block, assigned: _Assigned, left_out: Counter[str]
) -> Iterator[Row]:
    of_images = select(
        images.c.sha256, images.c.format, images.c.width, images.c.height, images.c.first_seen,
        images.c.copyright_notice, fingerprints.c.phash,
    ).join(fingerprints, fingerprints.c.sha256 == images.c.sha256)  # fmt: skip
    facts = {row[0]: _Image._make(row) for row in connection.execute(within(of_images, images, where)).all()}
    counted = within(select(judgements.c.sha256, func.count(judgements.c.reviewer.distinct())), judgements, where)
    answers: dict[str, int] = dict(connection.execute(counted.group_by(judgements.c.sha256)).all())
    queued = within(select(queue.c.sha256, queue.c.error_probability), queue, where)
    error_probability: dict[str, float] = dict(connection.execute(queued).all())
    for cluster, label in block.label_of.items():
        members, sha256 = block.members[cluster], block.representative[cluster]
        split = assigned.split_of.get(cluster) or assignment.published_split(members, block.split_of)
        seen = block.sightings_of(cluster)
        on_held_out = [row for row in seen if row.site in assigned.held_out]
        copies = [member for member in members if block.split_of.get(member) == split and member in facts]
        if reason := _leak(split, bool(copies), bool(on_held_out)):
            left_out[reason] += 1
            continue
        if block.split_of.get(sha256) != split:
            # No image moves to another split: the largest copy that is in this split represents the cluster.
            sha256 = max(copies, key=lambda name: (facts[name].width * facts[name].height, name))
        image = facts[sha256]
        judged = sum(answers.get(member, 0) for member in members) if answers else 0
        shown = on_held_out or seen  # a row in UNSEEN is named with its held-out site
        sighting = shown[0] if len(shown) == 1 else _first(shown, sha256)
        said = block.said.get(sha256, NOT_ASKED)
        width, height = normalised_size(image.format, image.width, image.height)
        columns = {
            "sha256": sha256,
            "file": f"data/{split}/{label}/{sha256[:16]}.jpg",
            "label": label,
            "split": split,
            "source_label": sighting.source_label,
            "label_origin": block.decided[sha256].origin,
            "sources": [sighting.source] if len(seen) == 1 else sorted({row.source for row in seen}),
            "site": sighting.site,
            "page_url": sighting.page_url,
            "image_url": sighting.image_url,
            "licence": sighting.licence,
            "creator": sighting.creator,
            "first_seen": image.first_seen
            if len(members) == 1
            else min(facts[member].first_seen for member in members if member in facts),
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "phash": image.phash,
            "cluster": cluster,
            "judgements": judged,
            "error_probability": 0.0 if judged else error_probability.get(sha256, 0.0),
            "usage_preference": said.preference,
            "copyright_notice": image.copyright_notice,
            "checked_at": said.checked_at,
            "published_width": width,
            "published_height": height,
        }
        yield Row.from_columns(columns)


def _first(shown: Sequence[_Sighting], sha256: str) -> _Sighting:
    """The sighting that represents a cluster: one of its representative, where there is one."""
    own = [row for row in shown if row.sha256 == sha256]
    return min(own or shown, key=_rank)


def _leak(split: str, has_copies: bool, is_on_held_out: bool) -> str:
    """Why a cluster would leak from one split into another; empty where it does not. has_copies: in this split."""
    if not has_copies:
        return IN_TWO_SPLITS
    if is_on_held_out and split != assignment.UNSEEN:
        return HELD_OUT_TOO
    return NOT_HELD_OUT if split == assignment.UNSEEN and not is_on_held_out else ""
