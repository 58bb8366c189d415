"""The fourth stage: an immutable version of what is known now, or nothing where nothing changed."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from dataset.catalog.tables import digests
from dataset.catalog.tables import versions as versions_table
from dataset.catalog.writes import insert_new, upsert
from dataset.labels import audit, label_ledger
from dataset.pictures.decoding import DERIVED_RECIPE
from dataset.project import Project
from dataset.publishing.choose_rows import assemble
from dataset.publishing.croissant import croissant
from dataset.publishing.dataset_card import card
from dataset.publishing.gates import gates_passed
from dataset.publishing.rows_on_disk import Spool
from dataset.publishing.shortcut_measures import PICTURES_LOOKED_AT, shortcuts_of
from dataset.publishing.totals import Census, census
from dataset.versions import manifest, merkle, published
from dataset.versions.manifest import Row
from foundation.errors import StageError
from foundation.files import link_or_copy, storage_errors
from foundation.locks import exclusive

THREADS = 4
LINKED_AT_ONCE = 200  # pictures that one thread links in a go
ROWS_AT_ONCE = 5000  # held in memory
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
    folder = project.home / "versions"
    name = _next_name(published.names(project.home), now)
    building = folder / f".building-{name}"
    with storage_errors(folder):
        published.clear_unfinished(project.home)
        with closing(Spool(building / "rows.db")) as rows:
            with project.catalog.write() as connection:
                label_ledger.settle(connection, now)
                left_out = assemble(connection, project.settings.project.labels, now, rows)
                audited = audit.residual(connection)
            if not len(rows):
                why = "no image has one of the project's labels; run `isitcake collect` first"
                raise StageError(f"nothing to publish: {why}")
            content = _content(rows)
            last = published.newest(project.home)
            if last is not None and last.content == content:
                report = PublishReport(None, last.name, last.images, last.counts)
            else:
                report = _build(project, building, name, rows, left_out, audited, last, content, now, tell, force)
        if report.version is None:
            published.clear_unfinished(project.home)
            return report
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
        for version in published.listing(project.home)
        if version.name not in known
    ]
    if rows:
        with project.catalog.write() as connection:
            insert_new(connection, versions_table, rows)


def _build(
    project: Project,
    building: Path,
    name: str,
    rows: Spool,
    left_out: dict[str, int],
    audited: audit.Residual | None,
    last: published.Version | None,
    content: str,
    now: datetime,
    tell: Progress,
    force: bool,
) -> PublishReport:
    """Write the whole directory."""
    shortcuts = shortcuts_of(project, rows.sample(PICTURES_LOOKED_AT))
    found = census(rows, rows.doubled())
    gates = gates_passed(project, shortcuts["after"], audited, found, now, force)
    salt = hashlib.sha256(f"{last.id if last else ''}\n{content}".encode()).hexdigest()[:32]
    labels = project.settings.project.labels
    leaves = _write_rows(project, building, rows, found, salt, tell)
    facts: dict[str, Any] = {
        "name": name,
        "id": merkle.root(leaves),
        "parent": last.name if last else None,
        "created": now.isoformat(timespec="seconds"),
        "labels": labels,
        "recipe": DERIVED_RECIPE,
        "counts": found.counts(),
        "gates": gates,
        "audit": asdict(audited) if audited else None,
        "shortcuts": {when: [asdict(shortcut) for shortcut in board] for when, board in shortcuts.items()},
        "salt": salt,
        "content": content,
    }
    (building / published.LEAVES).write_bytes(b"".join(bytes.fromhex(leaf) for leaf in leaves))
    (building / "version.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    title = project.settings.project.name
    (building / "README.md").write_text(card(title, labels, found, facts, left_out), encoding="utf-8")
    digest = published.file_digest(building / manifest.NAME)
    url = project.settings.project.contact or "https://example.org"
    (building / "croissant.json").write_text(croissant(title, facts, digest, url), encoding="utf-8")
    changes = manifest.changes(last.path / manifest.NAME if last else None, building / manifest.NAME)
    manifest.write_table(building / "diff.parquet", changes)
    for path in [*building.glob("*"), *building.glob("data/*/*")]:
        if path.is_file() and path != rows.path:
            _flush(path)
    kinds = Counter(changes["change"].to_pylist())
    return PublishReport(
        name, name, found.images, facts["counts"], kinds["added"], kinds["removed"], kinds["relabelled"]
    )


def _write_rows(project: Project, building: Path, rows: Spool, found: Census, salt: str, tell: Progress) -> list[str]:
    """Pictures, manifest and each split's metadata, some rows at a time. Returns the rows' leaves, in order."""
    labels = project.settings.project.labels
    for split, label in found.by_split:
        (building / "data" / split / label).mkdir(parents=True)
    leaves: list[str] = []
    with ExitStack() as open_files, ThreadPoolExecutor(THREADS) as pool:
        whole = open_files.enter_context(manifest.Writer(building / manifest.NAME, manifest.SCHEMA))
        schema = _metadata_schema(labels)
        parts = {
            split: open_files.enter_context(manifest.Writer(building / "data" / split / "metadata.parquet", schema))
            for split in dict.fromkeys(split for split, _ in found.by_split)
        }
        numbers = {label: number for number, label in enumerate(labels)}
        order = iter(rows)
        while block := list(islice(order, ROWS_AT_ONCE)):
            for row, digest in zip(block, _link(project, building, block, pool), strict=True):
                leaves.append(merkle.leaf(salt, row.canonical(), digest))
                whole.add(vars(row))
                name = row.file.removeprefix(f"data/{row.split}/")
                parts[row.split].add({**vars(row), "file_name": name, "label": numbers[row.label]})
            tell("pictures", len(leaves), found.images)
    return leaves


def _link(project: Project, building: Path, rows: list[Row], pool: Executor) -> list[str]:
    """Hard links to the normalised pictures. Returns their SHA-256 in order."""
    names = [row.sha256 for row in rows]
    with project.catalog.read() as connection:
        known = {
            row.sha256: (row.digest, row.size_bytes)
            for row in connection.execute(
                select(digests).where(digests.c.recipe == DERIVED_RECIPE, digests.c.sha256.in_(names))
            )
        }
    new: list[dict[str, Any]] = []

    root, target = str(project.normalised.root), str(building)

    def one(row: Row) -> str:
        source, place_at = f"{root}/{row.sha256[:2]}/{row.sha256}.jpg", f"{target}/{row.file}"
        try:
            os.link(source, place_at)
        except OSError:  # not made yet, or no links here
            link_or_copy(project.normalised.make(row.sha256, row.format), Path(place_at))
        digest, size = known.get(row.sha256, ("", -1))
        if os.stat(source).st_size != size:  # noqa: PTH116  # a path object for each of a million costs more
            content = Path(source).read_bytes()
            digest, size = hashlib.sha256(content).hexdigest(), len(content)
            new.append({"sha256": row.sha256, "recipe": DERIVED_RECIPE, "digest": digest, "size_bytes": size})
        return str(digest)

    parts = [rows[start : start + LINKED_AT_ONCE] for start in range(0, len(rows), LINKED_AT_ONCE)]
    found = [digest for part in pool.map(lambda some: [one(row) for row in some], parts) for digest in part]
    if new:
        with project.catalog.write() as connection:
            upsert(connection, digests, new)
    return found


def _metadata_schema(labels: Sequence[str]) -> Any:
    """Of metadata.parquet, by which Hugging Face's ImageFolder knows labels and columns."""
    texts = ("sha256", "source_label", "label_origin", "site", "licence", "creator")
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(labels), "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in texts},
        "error_probability": {"dtype": "float32", "_type": "Value"},
    }
    return pa.schema(
        [
            ("file_name", pa.string()),
            ("label", pa.int64()),
            *[(name, pa.string()) for name in texts],
            ("error_probability", pa.float32()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _content(rows: Iterable[Row]) -> str:
    """Digest of what a new version would be for: not of estimates that move by themselves."""
    digest = hashlib.sha256(f"[{json.dumps(DERIVED_RECIPE)}, [".encode())
    for number, row in enumerate(rows):
        told = [row.sha256, row.label, row.split, row.source_label, row.label_origin, row.sources, row.licence]
        digest.update(f"{', ' if number else ''}{json.dumps(told, ensure_ascii=False)}".encode())
    digest.update(b"]]")
    return digest.hexdigest()


def _next_name(known: Sequence[str], now: datetime) -> str:
    """2026.11.0, then .1; never before a version that exists."""
    month = (now.year, now.month)
    newest = published.order(known[-1]) if known else (0, 0, 0)
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
