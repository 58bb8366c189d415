"""Count what the project holds: images, labels, sources, review, versions, models."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from crawlers.ledger.reports import last_reports
from dataset.catalog.tables import clusters, images
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.publishing.checked_pictures import damaged_originals
from dataset.versions import published
from dataset.versions.today import today
from isitcake.tables import Grid
from labeling import queue
from training import models

MOST_DAMAGED = 20  # originals in the table; --json has all that were found


def describe(project: Project) -> dict[str, Any]:
    """All counts, as data for JSON."""
    with project.catalog.read() as connection:
        total = connection.execute(select(func.count()).select_from(images)).scalar_one()
        different = connection.execute(select(func.count(clusters.c.cluster.distinct()))).scalar_one()
        labels: dict[str, int] = {}
        for decision in label_ledger.latest(connection).values():
            if not decision.is_exclusion:
                labels[decision.label] = labels.get(decision.label, 0) + 1
        excluded = len(label_ledger.excluded(connection))
    return {
        "project": project.settings.project.name,
        "images": total,
        "clusters": different,
        "labels": dict(sorted(labels.items())),
        "excluded": excluded,
        "sources": [asdict(report) for report in last_reports(project)],
        "review": asdict(queue.status(project)),
        "versions": [{"name": v.name, "images": v.images, "id": v.id} for v in published.listing(project.home)],
        "damaged_versions": published.damaged(project.home),
        "damaged_originals": damaged_originals(project),
        "models": [{"name": m.name, "version": m.version} for m in models.listing(project.home)],
        "default_model": _default_model(project),
    }


def _default_model(project: Project) -> dict[str, Any] | None:
    """The default model's name and version, whether it is outdated, and what to know about it; None without one."""
    model = models.default_model(project.home)
    if model is None:
        return None
    from training.comparison import OUTDATED_SHARE, changed_share, notes_of

    with project.catalog.read() as connection:
        now = today(connection, project.home)
    changed = changed_share(model, now) if now else 0.0
    notes = notes_of(model, changed)
    return {"name": model.name, "version": model.version, "outdated": changed > OUTDATED_SHARE, "notes": notes}


def grids(state: dict[str, Any]) -> list[Grid]:
    """The same counts as tables."""
    totals = [("images", state["images"])]
    totals += [("different pictures", state["clusters"])] if state["clusters"] else []  # not known before `curate`
    totals += [(label.replace("_", " "), count) for label, count in state["labels"].items()]
    totals += [("excluded automatically", state["excluded"])]
    totals += [
        ("waiting for review", state["review"]["queued"]),
        ("answers of reviewers", state["review"]["judgements"]),
    ]
    tables = [Grid([state["project"], "count"], totals)]
    if state["sources"]:
        rows = [(s["source"], s["status"], s["candidates"], "; ".join(s["notes"])) for s in state["sources"]]
        tables.append(Grid(["source", "state", "candidates", "notes"], rows))
    if state["versions"]:
        versions = [(v["name"], v["images"], v["id"][:16]) for v in state["versions"]]
        tables.append(Grid(["version", "images", "id"], versions))
    if state["models"]:
        tables.append(Grid(["", "model", "version", "note"], [_model_row(m, state) for m in state["models"]]))
    damage = [(f"version {name}", reason) for name, reason in state["damaged_versions"].items()]
    damage += [("original", text) for text in state["damaged_originals"][:MOST_DAMAGED]]
    if damage:
        more = len(state["damaged_originals"]) - MOST_DAMAGED
        note = "restore them from a backup, or erase the images" + (f"; {more} more originals" if more > 0 else "")
        tables.append(Grid(["damaged", "what is wrong"], damage, note))
    return tables


def _model_row(model: dict[str, str], state: dict[str, Any]) -> tuple[str, ...]:
    default = state["default_model"] or {}
    is_default = all(model[key] == default.get(key) for key in ("name", "version"))
    return "*" if is_default else "", model["name"], model["version"], "; ".join(default["notes"]) if is_default else ""
