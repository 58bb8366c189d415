"""What a stage left in a project, but for numbers and times: equal after equal runs."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kills import DERIVED, dump
from sqlalchemy import select

from dataset.catalog.tables import asked, audit, fetches, images, judgements, metadata, outcomes, sightings
from dataset.project import Project
from dataset.versions import published
from dataset.versions.verify import verify
from labeling.label_studio import LabelStudio
from training import models

State = dict[str, Any]  # by what it is
NOT_COMPARED = (".log", ".db", ".db-wal", ".db-shm", ".lock", ".json", ".jsonl", ".md", ".csv")  # they hold times


def collected(project: Project) -> State:
    """A run that had ended counts as a run of its own, so outcomes are compared as a set."""
    with project.catalog.read() as connection:
        settled = {(row.source, row.image_url, row.sha256) for row in connection.execute(select(outcomes))}
    return {**derived(project, (images, sightings, fetches)), "outcomes": settled, "blobs": hashes(project, "blobs")}


def derived(project: Project, tables: Sequence[Any]) -> State:
    return dict(dump(project, *tables))


def published_versions(project: Project) -> State:
    """Every version: what its version.json says but for the time, its rows, its files."""
    versions = published.listing(project.home)
    facts = [
        {**asdict(version), "path": "", "created": "", "rows": sorted(map(str, version.rows()))} for version in versions
    ]
    names = sorted(path.name for path in (project.home / "versions").iterdir())
    problems = [problem for version in versions for problem in verify(project.home, version.name).problems]
    return {
        **derived(project, (*DERIVED, audit)), "versions": facts, "folders": names, "problems": problems,
        "pictures": hashes(project, "versions/*/data"), "leaves": hashes(project, "versions/*/leaves.bin"),
        "reports": sorted(path.name for path in (project.home / "reports").glob("*")),
    }  # fmt: skip


def trained(project: Project) -> State:
    """Metrics, predictions and the default model; not how long an answer took."""
    listed = models.listing(project.home)
    facts = [{**asdict(model), "path": "", "costs": sorted(model.costs)} for model in listed]
    predictions = {model.id: sorted(json.dumps(row, sort_keys=True) for row in model.predictions()) for model in listed}
    folders = sorted(path.name for path in (project.home / "models").glob("*/*"))
    default = models.default_model_id(project.home)
    return {"models": facts, "predictions": predictions, "folders": folders, "default model": default}


def exported(project: Project) -> State:
    return {"files": _hashes(project.settings.root, "out")}


def erased(project: Project) -> State:
    """All tables, all files but for logs, the catalog, and those whose content holds a time."""
    # `cursors` holds the hash of erased.jsonl, whose lines have times.
    tables = [table for table in metadata.sorted_tables if table.name not in ("runs", "cursors")]
    return {
        **derived(project, tables), **trained(project),
        "files": {
            name: content for name, content in hashes(project, ".").items()
            if not name.endswith(NOT_COMPARED)
        },
        "problems": published_versions(project)["problems"],
    }  # fmt: skip


def pushed(project: Project, token: str) -> State:
    """Every question, and what Label Studio has of it: each once."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(asked)).all()
    with LabelStudio(project.settings.review.label_studio_url, token) as studio:
        numbers = {int(row.project.rpartition("/")[2]) for row in rows}
        tasks = {key: task for number in numbers for key, task in studio.tasks(number).items()}
    return {
        **derived(project, (audit,)), "questions": sorted((row.sha256, row.purpose, row.round) for row in rows),
        "unknown to Label Studio": sorted(row.ask for row in rows if tasks.get(row.ask) != row.task_id),
        "only in Label Studio": sorted(set(tasks) - {row.ask for row in rows}),
    }  # fmt: skip


def pulled(project: Project) -> State:
    with project.catalog.read() as connection:
        rows = connection.execute(select(judgements)).all()
    return {"answers": sorted((row.sha256, row.answer, row.reviewer, row.origin) for row in rows)}


def hashes(project: Project, pattern: str) -> dict[str, str]:
    return _hashes(project.home, pattern)


def _hashes(root: Path, pattern: str) -> dict[str, str]:
    """SHA-256 of every file of the folders or files that the pattern names."""
    tops: Iterable[Path] = [root] if pattern == "." else root.glob(pattern)
    paths = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
