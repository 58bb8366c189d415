"""Which images are in the version to be, in which split, under which label: from the catalog, block by block."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from dataset.catalog.cluster_ranges import blocks, within
from dataset.catalog.tables import clusters, fingerprints, images, judgements, queue, sightings, site_splits
from dataset.catalog.tables import splits as splits_table
from dataset.catalog.writes import insert_new
from dataset.labels import decisions, label_ledger
from dataset.publishing.rows_on_disk import Spool
from dataset.versions import splits
from dataset.versions.manifest import Row

ROWS_AT_ONCE = 10_000  # of the ledger, written together


@dataclass
class _Block:
    """What is known of some clusters. groups: their images. chosen: the label of those that are published."""

    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    best: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    decided: dict[str, decisions.Decision] = field(default_factory=dict)
    ledger: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)


def assemble(connection: Connection, labels: Sequence[str], now: datetime, spool: Spool) -> dict[str, int]:
    """Put the version's rows into the spool. Returns how many clusters stay out, by why.

    Splits that are assigned for it go into the ledger.
    """
    _assign(connection, labels, now)
    left_out: Counter[str] = Counter()
    for where in blocks(connection):
        block = _block(connection, where, labels, left_out)
        spool.add(_rows(connection, where, block))
    return {why: n for why, n in sorted(left_out.items()) if n}


def _block(connection: Connection, where: ColumnElement[bool], labels: Sequence[str], left_out: Counter[str]) -> _Block:
    block = _Block()
    for row in connection.execute(select(clusters).where(where).order_by(clusters.c.sha256)):
        block.groups[row.cluster].append(row.sha256)
        block.best[row.cluster] = row.representative
    columns = select(
        sightings.c.id, sightings.c.sha256, sightings.c.source, sightings.c.source_label, sightings.c.site,
        sightings.c.image_url, sightings.c.page_url, sightings.c.licence, sightings.c.creator,
    )  # fmt: skip
    in_time = within(columns, sightings, where).order_by(sightings.c.seen_at, sightings.c.id)
    for row in connection.execute(in_time):
        block.seen[row.sha256].append(row)
    block.decided = label_ledger.latest(connection, where)
    assigned = within(select(splits_table.c.sha256, splits_table.c.split), splits_table, where)
    block.ledger = {row.sha256: row.split for row in connection.execute(assigned)}
    for cluster, members in block.groups.items():
        if not any(member in block.seen for member in members):
            continue
        decision = block.decided.get(block.best[cluster])
        if decision and decision.label in labels:
            block.chosen[cluster] = decision.label
        elif decision:
            left_out[decision.label.replace("_", " ")] += 1
        left_out["near-duplicates"] += len(members) - 1
    return block


def _assign(connection: Connection, labels: Sequence[str], now: datetime) -> None:
    """Give every image that is published for the first time its split; the ledger keeps it."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    filled: dict[str, Counter[str]] = defaultdict(Counter)
    new: list[splits.Group] = []
    ledger: dict[str, str] = {}
    sites_of: dict[frozenset[str], frozenset[str]] = {}  # few sets, of many clusters
    for where in blocks(connection):
        block = _block(connection, where, labels, Counter())
        for cluster, label in block.chosen.items():
            members = block.groups[cluster]
            found = [row for member in members for row in block.seen.get(member, ())]
            sites = frozenset(row.site for row in found)
            for row in {row.site: row for row in found}.values():
                sizes[row.source_label][row.site] += 1
            known = {member: block.ledger[member] for member in members if member in block.ledger}
            if len(known) == len(members):
                filled[label][splits.published_split(members, known)] += 1
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
    assigned = splits.assign(new, ledger, held_out, filled)
    rows = (
        {"sha256": sha256, "split": split, "assigned_at": now}
        for sha256, split in assigned.items()
        if sha256 not in ledger
    )
    while part := list(islice(rows, ROWS_AT_ONCE)):
        insert_new(connection, splits_table, part)


def _rows(connection: Connection, where: ColumnElement[bool], block: _Block) -> Iterator[Row]:
    columns = select(
        images.c.sha256, images.c.format, images.c.width, images.c.height, images.c.first_seen, fingerprints.c.phash
    ).join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
    facts = {row.sha256: row for row in connection.execute(within(columns, images, where))}
    counted = within(select(judgements.c.sha256, func.count().label("n")), judgements, where)
    answers = {row.sha256: row.n for row in connection.execute(counted.group_by(judgements.c.sha256))}
    doubted = within(select(queue.c.sha256, queue.c.error_probability), queue, where)
    doubts = {row.sha256: row.error_probability for row in connection.execute(doubted)}
    for cluster, label in block.chosen.items():
        members, sha256 = block.groups[cluster], block.best[cluster]
        split = splits.published_split(members, block.ledger)
        if block.ledger.get(sha256) != split:  # no file moves: the copy that belongs to this split stands for it
            there = [member for member in members if block.ledger.get(member) == split and member in facts]
            sha256 = max(there, key=lambda name: (facts[name].width * facts[name].height, name))
        fact, judged = facts[sha256], sum(answers.get(member, 0) for member in members)
        first = _first(block.seen.get(sha256, ())) or _first(
            sorted((row for member in members for row in block.seen.get(member, ())), key=lambda row: row.id)
        )
        yield Row(
            sha256=sha256,
            file=f"data/{split}/{label}/{sha256[:16]}.jpg",
            label=label,
            split=split,
            source_label=first.source_label,
            label_origin=block.decided[sha256].origin,
            sources=sorted({row.source for member in members for row in block.seen.get(member, ())}),
            site=first.site,
            page_url=first.page_url,
            image_url=first.image_url,
            licence=first.licence,
            creator=first.creator,
            first_seen=min(facts[member].first_seen for member in members if member in facts),
            width=fact.width,
            height=fact.height,
            format=fact.format,
            phash=fact.phash,
            cluster=cluster,
            judgements=judged,
            error_probability=0.0 if judged else doubts.get(sha256, 0.0),
        )


def _first(rows: Iterable[Any]) -> Any:
    return next(iter(rows), None)
