"""Count what the project holds: images, labels, sources, review, versions, models."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from crawlers.ledger.reports import last_reports
from dataset.catalog.tables import clusters, images
from dataset.damage import damaged_originals
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.versions import published
from dataset.versions.today import today
from foundation.safe_text import counted
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
        "versions": [
            {"name": v.name, "images": v.images, "id": v.id, "note": v.erasure_note}
            for v in published.listing(project.home)
        ],
        "damaged_versions": published.damaged(project.home),
        "damaged_originals": damaged_originals(project),
        **_models(project),
    }


def _models(project: Project) -> dict[str, Any]:
    """Every model, with what to know about it; and the default model, None without one."""
    listed, default_id = models.listing(project.home), models.default_model_id(project.home)
    if not listed:
        return {"models": [], "default_model": None}
    from training.comparison import OUTDATED_SHARE, changed_share, notes_of

    with project.catalog.read() as connection:
        now = today(connection, project.home)
    found = []
    default = None
    for model in listed:
        changed = changed_share(model, now) if now else 0.0
        row = {"name": model.name, "version": model.version, "outdated": changed > OUTDATED_SHARE}
        found.append({**row, "trained_on_erased": model.is_tainted})
        if model.id == default_id:
            default = {**row, "notes": notes_of(model, changed)}
    return {"models": found, "default_model": default}


def grids(state: dict[str, Any]) -> list[Grid]:
    """The same counts as tables."""
    totals = [("images", state["images"])]
    totals += [("different pictures", state["clusters"])] if state["clusters"] else []  # not known before `curate`
    totals += [(label.replace("_", " "), count) for label, count in state["labels"].items()]
    totals += [("excluded automatically", state["excluded"])]
    totals += [
        ("waiting for review", state["review"]["queued"]),
        *([("need one more answer", one_more)] if (one_more := state["review"]["one_more"]) else []),
        ("answers of reviewers", state["review"]["judgements"]),
    ]
    tables = [Grid([state["project"], "count"], totals)]
    if state["sources"]:
        rows = [(s["source"], s["status"], s["candidates"], "; ".join(s["notes"])) for s in state["sources"]]
        tables.append(Grid(["source", "state", "candidates", "notes"], rows))
    if state["versions"]:
        versions = [(v["name"], v["images"], v["id"][:16], v["note"]) for v in state["versions"]]
        tables.append(Grid(["version", "images", "id", "note"], versions).without_empty(""))
    if state["models"]:
        marked = [_model_row(model, state) for model in state["models"]]
        tables.append(Grid(["", "model", "version", "note"], marked, _models_line(state["models"])))
    damage = [(f"version {name}", reason) for name, reason in state["damaged_versions"].items()]
    damage += [("original", text) for text in state["damaged_originals"][:MOST_DAMAGED]]
    if damage:
        more = len(state["damaged_originals"]) - MOST_DAMAGED
        note = "restore them from a backup, or erase the images" + (f"; {more} more originals" if more > 0 else "")
        tables.append(Grid(["damaged", "what is wrong"], damage, note))
    return tables


def _models_line(listed: list[dict[str, Any]]) -> str:
    """How many models learned from erased images, or are outdated; empty where none is."""
    erased, outdated = (sum(model[key] for model in listed) for key in ("trained_on_erased", "outdated"))
    parts = [
        f"{counted(erased, 'model')} learned from images that were erased: `isitcake models refit`" if erased else "",
        f"{counted(outdated, 'outdated model')}: `isitcake models list`" if outdated else "",
    ]
    return "; ".join(filter(None, parts))


def _model_row(model: dict[str, Any], state: dict[str, Any]) -> tuple[str, ...]:
    default = state["default_model"] or {}
    is_default = all(model[key] == default.get(key) for key in ("name", "version"))
    return "*" if is_default else "", model["name"], model["version"], "; ".join(default["notes"]) if is_default else ""
