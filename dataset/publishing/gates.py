"""What a version must pass before it is published, and what is measured for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from dataset.catalog.tables import runs
from dataset.labels.audit import Residual
from dataset.project import Project
from dataset.publishing.shortcuts import Shortcut
from dataset.publishing.totals import Census
from foundation.errors import StageError


@dataclass(frozen=True)
class Gate:
    """What is asked of a version, and how it did. refusal: why it may not be published; empty where it may."""

    gate: str
    limit: float
    value: float
    of: str
    refusal: str = ""


def gates_passed(
    project: Project,
    shortcuts: list[Shortcut],
    audited: Residual | None,
    found: Census | None = None,
    now: datetime | None = None,
    force: bool = False,
) -> list[dict[str, Any]]:
    """What was asked of the version, and how it did. Raises StageError with the first refusal, unless forced.

    found: what its rows add up to.
    """
    asked = [
        gate
        for gate in (
            _label_error(project, audited),
            _shortcut(project, shortcuts),
            _leakage(found),
            *_counts(project, found),
            _freshness(project, found, now),
        )
        if gate
    ]
    refused = [gate.refusal for gate in asked if gate.refusal]
    if refused and not force:
        raise StageError(f"nothing published: {refused[0]}")
    return [
        {"gate": g.gate, "limit": g.limit, "value": g.value, "of": g.of, **({"forced": g.refusal} if g.refusal else {})}
        for g in asked
    ]


def _label_error(project: Project, audited: Residual | None) -> Gate | None:
    limit = project.settings.publish.max_label_error
    if audited is None:
        if limit >= 1:
            return None
        return Gate(
            "label error", limit, 1.0, "not audited",
            "[publish] max_label_error needs an audit, and nobody answered its pictures yet; "
            "run `isitcake review push`, or `isitcake review next --audit`",
        )  # fmt: skip
    refusal = (
        f"the labels may be wrong by {audited.high:.1%} ({audited.wrong} of {audited.images} audited), over "
        f"[publish] max_label_error {limit:.1%}; review more, or audit more to know better"
    )
    return Gate("label error", limit, audited.high, "upper bound", refusal if audited.high > limit else "")


def _shortcut(project: Project, shortcuts: list[Shortcut]) -> Gate | None:
    limit = project.settings.publish.max_shortcut
    worst = next((shortcut for shortcut in shortcuts if shortcut.score is not None), None)
    if worst is None or worst.score is None:
        return None
    refusal = (
        f"{worst.feature} alone predicts the label with balanced accuracy {worst.score:.2f}, over [publish] "
        f"max_shortcut {limit:.2f}; {worst.advice or 'collect both classes alike'}"
    )
    return Gate("shortcut", limit, worst.score, worst.feature, refusal if worst.score > limit else "")


def _leakage(found: Census | None) -> Gate | None:
    """No picture twice, in any of its copies, so none on both sides of a split."""
    if found is None:
        return None
    refusal = f"{found.doubled} pictures stand in it twice; that is a fault of ours, please report it"
    return Gate("leakage", 0, found.doubled, "pictures in it twice", refusal if found.doubled else "")


def _counts(project: Project, found: Census | None) -> list[Gate]:
    limit = project.settings.publish.min_images
    if found is None or not limit:
        return []
    return [
        Gate("images", limit, found.labels[label], label,
             f"{found.labels[label]} images are {label}, under [publish] min_images {limit}; collect more"
             if found.labels[label] < limit else "")
        for label in project.settings.project.labels
    ]  # fmt: skip


def _freshness(project: Project, found: Census | None, now: datetime | None) -> Gate | None:
    """Whether every source in the version was collected from lately."""
    limit = project.settings.publish.max_age_days
    if found is None or not limit or now is None:
        return None
    names = found.sources
    with project.catalog.read() as connection:
        last = {
            row.source: row.last
            for row in connection.execute(
                select(runs.c.source, func.max(runs.c.finished_at).label("last"))
                .where(runs.c.status == "done")
                .group_by(runs.c.source)
            )
        }
    if not all(last.get(name) for name in names):
        oldest, days = min(name for name in names if not last.get(name)), float("inf")
    else:
        oldest = min(names, key=lambda name: (last[name], name))
        days = (now - last[oldest]).total_seconds() / 86_400
    told = "never" if days == float("inf") else f"{days:.0f} days ago"
    refusal = (
        f"{oldest} was collected from {told}, over [publish] max_age_days {limit}; run `isitcake collect {oldest}`"
    )
    value = -1.0 if days == float("inf") else round(days, 2)  # JSON knows no infinity
    return Gate("freshness", limit, value, oldest, refusal if days > limit else "")
