"""Take pictures down, everywhere: bytes, derivatives, rows of every version, catalog, reports.

What is left are hashes (tombstones), so that nothing erased is collected again, and the erased rows' leaves, so that
every version keeps its id and still verifies. A journal makes it whole: killed anywhere, the next command
that opens the project finishes it.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Connection, Text, cast, delete, or_, select, update

from dataset.catalog.tables import (
    asked,
    audit,
    clusters,
    compared,
    decisions,
    digests,
    erasures,
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
    queue,
    rounds,
    seen,
    sightings,
    splits,
)
from dataset.catalog.writes import insert_new
from dataset.erasure.tombstones import bury
from dataset.project import Project
from dataset.publishing.dataset_card import with_credits
from dataset.publishing.totals import census
from dataset.versions import manifest, merkle, published
from foundation.errors import UsageError
from foundation.files import replace_file, storage_errors
from foundation.locks import exclusive

BY_SHA256 = (
    fingerprints, features, seen, compared, clusters, findings, queue, judgements, decisions, digests, looks, plays,
    splits, audit, sightings, outcomes, fetches, images,
)  # fmt: skip
PER_STATEMENT = 500


@dataclass(frozen=True)
class EraseReport:
    """images: erased, copies of what was asked for included. versions: that had any of them. models: trained on one.
    tasks: questions in Label Studio that `review push` and `review pull` will withdraw.
    """

    images: int
    versions: list[str]
    models: list[str]
    tasks: int
    note: str = ""

    def line(self) -> str:
        """What happened, in one line."""
        told = f"{self.images} images erased from {len(self.versions)} versions"
        if self.models:
            told += f"; trained on them: {', '.join(self.models)}"
        return f"{told}; {self.note}" if self.note else told


def selected(
    connection: Connection, *, sha256: str = "", url: str = "", source: str = "", site: str = "", creator: str = ""
) -> list[str]:
    """SHA-256s of the images that are meant, with every copy of them that we know."""
    chosen = []
    if sha256:
        chosen.append(sightings.c.sha256 == sha256.lower())
    if url:
        chosen.append(or_(sightings.c.image_url == url, sightings.c.page_url == url))
    if source:
        chosen.append(sightings.c.source == source)
    if site:
        chosen.append(sightings.c.site == site)
    if creator:
        chosen.append(sightings.c.creator == creator)
    meant = set(connection.execute(select(sightings.c.sha256).where(*chosen)).scalars()) if chosen else set()
    if sha256:
        meant |= set(connection.execute(select(images.c.sha256).where(images.c.sha256 == sha256.lower())).scalars())
    if url:
        meant |= set(connection.execute(select(fetches.c.sha256).where(fetches.c.image_url == url)).scalars())
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    wanted = {cluster_of[name] for name in meant if name in cluster_of}
    return sorted(meant | {name for name, cluster in cluster_of.items() if cluster in wanted})


def erase(
    project: Project,
    reason: str,
    *,
    sha256: str = "",
    url: str = "",
    source: str = "",
    site: str = "",
    creator: str = "",
    dry_run: bool = False,
) -> EraseReport:
    """Erase what is meant, with every copy of it. Raises UsageError where nothing, or no reason, is given."""
    given = [value for value in (sha256, url, source, site, creator) if value]
    if len(given) != 1:
        raise UsageError("name what to erase: one of --sha256, --url, --source, --site, --creator")
    if not reason.strip():
        raise UsageError("say why with --reason: who asked, or what is wrong with it")
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        names = selected(connection, sha256=sha256, url=url, source=source, site=site, creator=creator)
        if not dry_run:
            if url:  # not collected again even where it never was
                bury(connection, now, reason, url=url)
            if sha256 and not names:
                bury(connection, now, reason, sha256=sha256.lower())
            _bury(connection, names, reason, now)
    if dry_run:
        with project.catalog.read() as connection:
            tasks = len(_tasks(connection, names))
        return EraseReport(
            len(names), _versions_with(project, names), _models_on(project, _versions_with(project, names)), tasks,
            "nothing was done",
        )  # fmt: skip
    return finish(project)


def finish(project: Project) -> EraseReport:
    """Carry out what the journal says was begun."""
    if not _begun(project):
        return EraseReport(0, [], [], 0)
    with exclusive(project.versions_lock):
        return _finish(project, _begun(project))


def _begun(project: Project) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_(None))).scalars())


def _finish(project: Project, begun: list[str]) -> EraseReport:
    affected = _versions_with(project, begun)
    models = _models_on(project, affected)
    with storage_errors(project.home):
        for path in models:
            replace_file(project.home / "models" / path / published.TAINTED, _tainted(project, path))
        for name in affected:
            _from_version(published.load(project.home, name), set(begun))
        _from_files(project, begun)  # last: rows are counted by the files they name
    with project.catalog.write() as connection:
        tasks = len(_tasks(connection, begun))
        _from_catalog(connection, begun)
        for part in _parts(begun):
            connection.execute(update(erasures).where(erasures.c.sha256.in_(part)).values(done_at=datetime.now(UTC)))
    project.catalog.forget()
    return EraseReport(len(begun), affected, models, tasks)


def _bury(connection: Connection, names: Sequence[str], reason: str, now: datetime) -> None:
    """Tombstones and the journal, in one transaction."""
    for name in names:
        looks = connection.execute(select(fingerprints.c.phash16).where(fingerprints.c.sha256 == name)).scalar()
        bury(connection, now, reason, sha256=name, phash16=looks or "")
        addresses = set(
            connection.execute(select(sightings.c.image_url).where(sightings.c.sha256 == name)).scalars()
        ) | set(connection.execute(select(fetches.c.fetched_url).where(fetches.c.sha256 == name)).scalars())
        for address in addresses:
            bury(connection, now, reason, url=address)
    insert_new(connection, erasures, [{"sha256": n, "reason": reason, "begun_at": now} for n in names])


def _from_version(version: published.Version, names: set[str]) -> None:
    """Take rows and files out of a published version, keeping its id. Each step may be repeated."""
    rows = version.rows()
    leaving = [row for row in rows if row.sha256 in names]
    noted = published.erased(version.path)
    if leaving:
        leaves = {
            row.sha256: merkle.leaf(version.salt, row.canonical(), _digest(version.path / row.file)) for row in leaving
        }
        # A row that is here and noted already: we were killed between the two.
        settled = [entry for entry in noted if entry["leaf"] not in set(leaves.values())]
        places = published.places(len(rows), settled)
        noted = settled + [
            {"place": places[i], "leaf": leaves[row.sha256], "split": row.split, "label": row.label}
            for i, row in enumerate(rows)
            if row.sha256 in leaves
        ]
        text = json.dumps(sorted(noted, key=lambda entry: entry["place"]), indent=1) + "\n"
        replace_file(version.path / published.ERASED, text.encode())
        for split in {row.split for row in leaving}:
            metadata = version.path / "data" / split / "metadata.parquet"
            if metadata.is_file():
                manifest.drop_rows(metadata, "sha256", names)
    if (version.path / "diff.parquet").is_file():
        manifest.drop_rows(version.path / "diff.parquet", "sha256", names)
    if leaving:
        manifest.drop_rows(version.path / "manifest.parquet", "sha256", names)
    readme = version.path / "README.md"
    if readme.is_file():  # names who made them
        told = readme.read_text(encoding="utf-8")
        left = with_credits(told, census(manifest.each(version.path / manifest.NAME)).credits)
        if left != told:
            replace_file(readme, left.encode())
    croissant = version.path / "croissant.json"
    if croissant.is_file():  # says the manifest's hash
        content = json.loads(croissant.read_text(encoding="utf-8"))
        content["distribution"][0]["sha256"] = _digest(version.path / "manifest.parquet")
        replace_file(croissant, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _from_files(project: Project, names: Sequence[str]) -> None:
    """Bytes, derivatives, half a version, frozen features, what models said, and every report: they show thumbnails."""
    published.clear_unfinished(project.home)
    for name in names:
        project.blobs.discard(name)
        for path in (project.home / "derived").glob(f"*/{name[:2]}/{name}.*"):
            path.unlink(missing_ok=True)
    for name in published.names(project.home):
        folder = project.home / "versions" / name
        for part in (path for path in folder.glob("data/*/*") if path.is_dir()):
            for gone in names:
                (part / f"{gone[:16]}.jpg").unlink(missing_ok=True)
    for path in [*(project.home / "reports").glob("*"), *(project.home / "cache" / "features").glob("*")]:
        if path.is_file():
            path.unlink()
    for path in (project.home / "models").glob("*/*/predictions.parquet"):
        manifest.drop_rows(path, "sha256", set(names))
    for log in project.home.glob("*.log"):  # addresses stand in them
        log.write_bytes(b"")


def _from_catalog(connection: Connection, names: Sequence[str]) -> None:
    for part in _parts(names):
        gone = select(sightings.c.image_url).where(sightings.c.sha256.in_(part))
        addresses = list(connection.execute(gone).scalars())
        for few in _parts(addresses):
            connection.execute(delete(outcomes).where(outcomes.c.image_url.in_(few)))
            connection.execute(delete(fetches).where(fetches.c.image_url.in_(few)))
        for table in BY_SHA256:
            connection.execute(delete(table).where(table.c.sha256.in_(part)))
        for name in part:
            connection.execute(delete(rounds).where(cast(rounds.c.pictures, Text).contains(name)))
        connection.execute(delete(pairs).where(or_(pairs.c.a.in_(part), pairs.c.b.in_(part))))
        # What was never sent to Label Studio need not be withdrawn there.
        connection.execute(delete(asked).where(asked.c.sha256.in_(part), asked.c.task_id.is_(None)))
        # A cluster that loses its name or its best picture is made anew by the next curate.
        left = list(connection.execute(select(clusters.c.sha256).where(clusters.c.representative.in_(part))).scalars())
        for few in _parts(left):
            connection.execute(delete(clusters).where(clusters.c.sha256.in_(few)))


def _tasks(connection: Connection, names: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    for part in _parts(names):
        found += connection.execute(select(asked).where(asked.c.sha256.in_(part), asked.c.task_id.is_not(None))).all()
    return found


def _versions_with(project: Project, names: Sequence[str]) -> list[str]:
    wanted = set(names)
    found = []
    for name in published.names(project.home):
        path = project.home / "versions" / name
        columns = [path / "manifest.parquet", path / "diff.parquet"]
        there = {
            value
            for file in columns
            if file.is_file()
            for value in pq.read_table(file, columns=["sha256"])["sha256"].to_pylist()
        }
        if wanted & there:
            found.append(name)
    return found


def _models_on(project: Project, affected: Sequence[str]) -> list[str]:
    """Models that were trained on one of these versions, as `name/version`."""
    folder = project.home / "models"
    return sorted(
        f"{path.parent.name}/{path.name}" for name in affected for path in folder.glob(f"*/{name}") if path.is_dir()
    )


def _tainted(project: Project, model: str) -> bytes:
    path = project.home / "models" / model / published.TAINTED
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError, ValueError, KeyError):
        since = json.loads(path.read_text(encoding="utf-8"))["since"]
    return (json.dumps({"since": since, "why": "images it was trained on were erased"}) + "\n").encode()


def _digest(path: Path) -> str:
    return published.file_digest(path)


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + PER_STATEMENT] for start in range(0, len(names), PER_STATEMENT)]
