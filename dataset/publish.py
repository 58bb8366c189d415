"""The fourth stage: an immutable version of what is known now, or nothing where nothing changed."""

import hashlib
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from dataset import audit, decisions, manifest, merkle, splits, versions
from dataset.atomic import exclusive, storage_errors
from dataset.card import card, croissant
from dataset.catalog import insert_new, upsert
from dataset.decoding import DERIVED_RECIPE
from dataset.derived import derived
from dataset.files import place
from dataset.gates import gates_passed, shortcuts_of
from dataset.manifest import Row
from dataset.project import Project
from dataset.tables import clusters, fingerprints, images, judgements, queue, sightings, site_splits
from dataset.tables import digests as digests_table
from dataset.tables import splits as splits_table
from dataset.tables import versions as versions_table
from isitcake.errors import StageError

THREADS = 4
LINKED_AT_ONCE = 200  # pictures that one thread links in a go
DIFF_SCHEMA = pa.schema([(name, pa.string()) for name in ("change", "sha256", "label", "was", "reason")])
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PublishReport:
    """version: the new version's name; None where nothing changed, and then newest is the last one."""

    version: str | None
    newest: str
    images: int
    counts: dict[str, dict[str, int]]
    added: int = 0
    removed: int = 0
    relabelled: int = 0

    def line(self) -> str:
        """What happened, in one line."""
        if self.version is None:
            return f"nothing changed since {self.newest}, nothing published"
        change = f"{self.added} added, {self.removed} removed, {self.relabelled} relabelled"
        return f"version {self.version}: {self.images} images ({change})"


def publish(
    project: Project, now: datetime | None = None, progress: Progress | None = None, force: bool = False
) -> PublishReport:
    """Publish what the decisions say now.

    The directory is written beside and renamed, so it appears whole or not at all; killed anywhere and
    run again, the same version appears. force: publish though a gate refuses; the card says so.
    Raises StageError where nothing is publishable or a gate refuses.
    """
    with exclusive(project.versions_lock):  # the second of two sees what the first did
        return _publish(project, now or datetime.now(UTC), progress or _silent, force)


def _publish(project: Project, now: datetime, tell: Progress, force: bool) -> PublishReport:
    _adopt(project)
    with project.catalog.write() as connection:
        decisions.settle(connection, now)
        rows, left_out = _rows(connection, project.settings.project.labels, now)
        audited = audit.residual(connection)
    if not rows:
        raise StageError("nothing to publish: no image has one of the project's labels; run `isitcake collect` first")
    content = _content(rows)
    last = versions.newest(project.home)
    if last is not None and last.content == content:
        return PublishReport(None, last.name, last.images, last.counts)
    name = _next_name(versions.names(project.home), now)
    folder = project.home / "versions"
    building = folder / f".building-{name}"
    with storage_errors(folder):
        for leftover in folder.glob(".building-*"):
            shutil.rmtree(leftover)
        report = _build(project, building, name, rows, left_out, audited, last, content, now, tell, force)
        building.rename(folder / name)
        _flush(folder)
    _adopt(project)
    return report


def _adopt(project: Project) -> None:
    """Enter into the ledger what stands on disk: all of it, after a crash between the two."""
    with project.catalog.read() as connection:
        known = set(connection.execute(select(versions_table.c.name)).scalars())
    rows = [
        {
            "name": version.name,
            "id": version.id,
            "parent": version.parent,
            "content": version.content,
            "created_at": datetime.fromisoformat(version.created),
            "counts": version.counts,
        }
        for version in versions.listing(project.home)
        if version.name not in known
    ]
    if rows:
        with project.catalog.write() as connection:
            insert_new(connection, versions_table, rows)


def _rows(connection: Connection, labels: Sequence[str], now: datetime) -> tuple[list[Row], dict[str, int]]:
    """Rows of the version in the order of their files, and how many clusters stay out, by why."""
    decided = decisions.latest(connection)
    groups: dict[str, list[str]] = defaultdict(list)
    best: dict[str, str] = {}
    for row in connection.execute(select(clusters).order_by(clusters.c.sha256)):
        groups[row.cluster].append(row.sha256)
        best[row.cluster] = row.representative
    seen: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(sightings).order_by(sightings.c.seen_at, sightings.c.id)):
        seen[row.sha256].append(row)
    left_out: Counter[str] = Counter()
    chosen: dict[str, str] = {}  # cluster → label
    for cluster, members in groups.items():
        if not any(seen[member] for member in members):
            continue
        decision = decided.get(best[cluster])
        if decision and decision.label in labels:
            chosen[cluster] = decision.label
        elif decision:
            left_out[decision.label.replace("_", " ")] += 1
        left_out["near-duplicates"] += len(members) - 1
    split_of, ledger = _splits(connection, chosen, groups, seen, now)
    facts = {
        row.sha256: row
        for row in connection.execute(
            select(images, fingerprints.c.phash).join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        )
    }
    answers = Counter(connection.execute(select(judgements.c.sha256)).scalars())
    doubts = {row.sha256: row.error_probability for row in connection.execute(select(queue))}
    rows = []
    for cluster, label in chosen.items():
        members, split = groups[cluster], split_of[cluster]
        sha256 = best[cluster]
        if ledger.get(sha256) != split:  # no file moves: the copy that belongs to this split stands for the picture
            there = [member for member in members if ledger.get(member) == split and member in facts]
            sha256 = max(there, key=lambda name: (facts[name].width * facts[name].height, name))
        fact = facts[sha256]
        first = next((row for row in seen[sha256]), None) or min(
            (row for member in members for row in seen[member]), key=lambda row: row.id
        )
        judged = sum(answers[member] for member in members)
        rows.append(
            Row(
                sha256=sha256,
                file=f"data/{split}/{label}/{sha256[:16]}.jpg",
                label=label,
                split=split,
                source_label=first.source_label,
                label_origin=decided[sha256].origin,
                sources=sorted({row.source for member in members for row in seen[member]}),
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
        )
    return sorted(rows, key=lambda row: row.file), {why: n for why, n in sorted(left_out.items()) if n}


def _splits(
    connection: Connection,
    chosen: dict[str, str],
    groups: dict[str, list[str]],
    seen: dict[str, list[Any]],
    now: datetime,
) -> tuple[dict[str, str], dict[str, str]]:
    """Split of every chosen cluster, and of every image; new assignments go into the ledger."""
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    parts = []
    for cluster, label in chosen.items():
        found = [row for member in groups[cluster] for row in seen[member]]
        sites = frozenset(row.site for row in found)
        for row in {row.site: row for row in found}.values():
            sizes[row.source_label][row.site] += 1
        parts.append(splits.Group(cluster, label, sites, tuple(groups[cluster])))
    known = {row.site: bool(row.held_out) for row in connection.execute(select(site_splits))}
    held_out = splits.hold_out(sizes, known)
    insert_new(
        connection,
        site_splits,
        [{"site": site, "held_out": int(held), "assigned_at": now} for site, held in held_out.items()],
    )
    ledger = {row.sha256: row.split for row in connection.execute(select(splits_table))}
    assigned = splits.assign(parts, ledger, held_out)
    insert_new(
        connection,
        splits_table,
        [{"sha256": sha, "split": split, "assigned_at": now} for sha, split in assigned.items() if sha not in ledger],
    )
    whole = {**assigned, **ledger}
    return {group.cluster: splits.published_split(group.members, whole) for group in parts}, whole


def _build(
    project: Project,
    building: Path,
    name: str,
    rows: list[Row],
    left_out: dict[str, int],
    audited: audit.Residual | None,
    last: versions.Version | None,
    content: str,
    now: datetime,
    tell: Progress,
    force: bool,
) -> PublishReport:
    """Write the whole directory."""
    shortcuts = shortcuts_of(project, rows)
    gates = gates_passed(project, shortcuts["after"], audited, rows, now, force)
    salt = hashlib.sha256(f"{last.id if last else ''}\n{content}".encode()).hexdigest()[:32]
    digests = _link(project, building, rows, tell)
    labels = project.settings.project.labels
    leaves = [merkle.leaf(salt, row.canonical(), digest) for row, digest in zip(rows, digests, strict=True)]
    facts: dict[str, Any] = {
        "name": name,
        "id": merkle.root(leaves),
        "parent": last.name if last else None,
        "created": now.isoformat(timespec="seconds"),
        "labels": labels,
        "recipe": DERIVED_RECIPE,
        "counts": versions.counts(rows),
        "gates": gates,
        "audit": asdict(audited) if audited else None,
        "shortcuts": {when: [asdict(shortcut) for shortcut in found] for when, found in shortcuts.items()},
        "salt": salt,
        "content": content,
    }
    (building / versions.LEAVES).write_bytes(b"".join(bytes.fromhex(leaf) for leaf in leaves))
    manifest.write(building / "manifest.parquet", rows)
    for split in splits.SPLITS:
        _metadata(building, split, [row for row in rows if row.split == split], labels)
    (building / "version.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    title = project.settings.project.name
    (building / "README.md").write_text(card(title, labels, rows, facts, left_out), encoding="utf-8")
    digest = hashlib.sha256((building / "manifest.parquet").read_bytes()).hexdigest()
    url = project.settings.project.contact or "https://example.org"
    (building / "croissant.json").write_text(croissant(title, facts, digest, url), encoding="utf-8")
    diff = versions.changes(last.rows() if last else [], rows, last.name if last else "", name)
    kinds = {"added": diff.added, "removed": diff.removed, "relabelled": diff.relabelled}
    table = [{"change": kind, **change} for kind, found in kinds.items() for change in found]
    manifest.write_table(building / "diff.parquet", table, DIFF_SCHEMA)
    for path in building.rglob("*"):
        if path.is_file() and path.parent.parent.parent.name != "data":
            _flush(path)
    return PublishReport(
        name, name, len(rows), facts["counts"], len(diff.added), len(diff.removed), len(diff.relabelled)
    )


def _link(project: Project, building: Path, rows: list[Row], tell: Progress) -> list[str]:
    """Hard links to the normalised pictures. Returns their SHA-256 in order."""
    for split in splits.SPLITS:
        for label in sorted({row.label for row in rows if row.split == split}):
            (building / "data" / split / label).mkdir(parents=True)

    with project.catalog.read() as connection:
        known = {
            row.sha256: (row.digest, row.size_bytes)
            for row in connection.execute(select(digests_table).where(digests_table.c.recipe == DERIVED_RECIPE))
        }
    new: list[dict[str, Any]] = []

    def one(row: Row) -> str:
        source = derived(project, row.sha256, row.format)
        place(source, building / row.file)
        digest, size = known.get(row.sha256, ("", -1))
        if source.stat().st_size != size:
            content = source.read_bytes()
            digest, size = hashlib.sha256(content).hexdigest(), len(content)
            new.append({"sha256": row.sha256, "recipe": DERIVED_RECIPE, "digest": digest, "size_bytes": size})
        return str(digest)

    found: list[str] = []
    parts = [rows[start : start + LINKED_AT_ONCE] for start in range(0, len(rows), LINKED_AT_ONCE)]
    with ThreadPoolExecutor(THREADS) as pool:
        for part in pool.map(lambda some: [one(row) for row in some], parts):
            found += part
            tell("pictures", len(found), len(rows))
    with project.catalog.write() as connection:
        upsert(connection, digests_table, new)
    return found


def _metadata(building: Path, split: str, rows: list[Row], labels: Sequence[str]) -> None:
    """metadata.parquet by which Hugging Face's ImageFolder knows labels and columns."""
    if not rows:
        return
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(labels), "_type": "ClassLabel"},
        **{
            name: {"dtype": kind, "_type": "Value"}
            for name, kind in (("sha256", "string"), ("source_label", "string"), ("label_origin", "string"),
                               ("site", "string"), ("licence", "string"), ("creator", "string"),
                               ("error_probability", "float32"))
        },
    }  # fmt: skip
    schema = pa.schema(
        [
            ("file_name", pa.string()),
            ("label", pa.int64()),
            *[(name, pa.string()) for name in ("sha256", "source_label", "label_origin", "site", "licence", "creator")],
            ("error_probability", pa.float32()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    table = [
        {
            **{name: getattr(row, name) for name in schema.names if name not in ("file_name", "label")},
            "file_name": row.file.removeprefix(f"data/{split}/"),
            "label": labels.index(row.label),
        }
        for row in rows
    ]
    manifest.write_table(building / "data" / split / "metadata.parquet", table, schema)


def _content(rows: list[Row]) -> str:
    """Digest of what a new version would be for: not of estimates that move by themselves."""
    told = [
        [row.sha256, row.label, row.split, row.source_label, row.label_origin, row.sources, row.licence] for row in rows
    ]
    return hashlib.sha256(json.dumps([DERIVED_RECIPE, told], ensure_ascii=False).encode()).hexdigest()


def _next_name(known: Sequence[str], now: datetime) -> str:
    """2026.11.0, then .1; never before a version that exists."""
    month = (now.year, now.month)
    newest = versions.order(known[-1]) if known else (0, 0, 0)
    if newest[:2] >= month:
        return f"{newest[0]}.{newest[1]}.{newest[2] + 1}"
    return f"{now.year}.{now.month}.0"


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _silent(_what: str, _done: int, _total: int) -> None: ...
