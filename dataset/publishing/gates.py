"""Checks that a version must pass before it is published. Their limits are in [publish] of isitcake.toml."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from dataset.catalog.tables import runs
from dataset.certificates.certificate import Certificate
from dataset.project import Project
from dataset.publishing.totals import Totals
from dataset.versions.facts import Audit, ForcedGate, Gate, Shortcut
from foundation.errors import StageError

NO_LIMIT = 1.0  # of max_label_error: labels may be as wrong as they like
NEVER_DAYS = -1.0  # since a source was collected, where it never was: JSON has no infinity


@dataclass(frozen=True)
class _Check:
    """refusal: why the version may not be published; empty where it may."""

    gate: Gate
    refusal: str = ""


@dataclass(frozen=True)
class Measured:
    """What the checks look at. shortcuts: of the published pictures, the worst first. totals: without them, only
    labels and shortcuts are checked.
    """

    shortcuts: Sequence[Shortcut]
    audit: Audit | None
    totals: Totals | None = None
    certificate: Certificate | None = None


def gates_passed(project: Project, measured: Measured, now: datetime | None = None, force: bool = False) -> list[Gate]:
    """Check the version. Returns what was checked, with limits and measured values.

    force: return failed checks as ForcedGate. Raises StageError with the first refusal otherwise.
    """
    totals = measured.totals
    checks = [
        check
        for check in (
            _label_error(project, measured.audit),
            _certificate(project, measured.certificate),
            _shortcut(project, measured.shortcuts),
            _leakage(totals),
            *_counts(project, totals),
            *_one_sided(totals),
            _freshness(project, totals, now),
        )
        if check
    ]
    refused = [check.refusal for check in checks if check.refusal]
    if refused and not force:
        raise StageError(f"nothing published: {refused[0]}")
    return [ForcedGate(**vars(check.gate), forced=check.refusal) if check.refusal else check.gate for check in checks]


def _label_error(project: Project, audit: Audit | None) -> _Check | None:
    limit = project.settings.publish.max_label_error
    if audit is None:
        if limit >= NO_LIMIT:
            return None
        return _Check(
            Gate("label error", limit, 1.0, "not audited"),
            "[publish] max_label_error needs an audit, and nobody answered its pictures yet; "
            "run `isitcake review push`, or `isitcake review next --audit`",
        )
    refusal = (
        f"up to {audit.high:.1%} of the labels may be wrong ({audit.wrong} of {audit.images} audited), over "
        f"[publish] max_label_error {limit:.1%}; review more images, or answer more of the audit sample"
    )
    return _Check(Gate("label error", limit, audit.high, "upper bound"), refusal if audit.high > limit else "")


def _certificate(project: Project, certificate: Certificate | None) -> _Check | None:
    """A certificate shows that few enough labels are wrong."""
    limit = project.settings.publish.certify
    if not limit:
        return None
    if certificate is None:
        return _Check(
            Gate("certificate", limit, 1.0, "no certificate"),
            f"[publish] certify {limit:.2%} needs a certificate, and nobody looked at a picture for one yet; "
            "run `isitcake certify`",
        )
    refusal = f"{certificate.line()}, over [publish] certify {limit:.2%}; look at more pictures: see `isitcake certify`"
    return _Check(
        Gate("certificate", limit, round(certificate.share, 4), f"{certificate.confidence:.0%} confidence"),
        refusal if certificate.wrong_at_most > limit * certificate.images else "",
    )


def _shortcut(project: Project, shortcuts: Sequence[Shortcut]) -> _Check | None:
    limit = project.settings.publish.max_shortcut
    worst = next((shortcut for shortcut in shortcuts if shortcut.score is not None), None)
    if worst is None or worst.score is None:
        return None
    refusal = (
        f"{worst.feature} alone predicts the label with balanced accuracy {worst.score:.2f}, over [publish] "
        f"max_shortcut {limit:.2f}; {worst.advice or 'collect all classes alike'}"
    )
    return _Check(Gate("shortcut", limit, worst.score, worst.feature), refusal if worst.score > limit else "")


def _leakage(totals: Totals | None) -> _Check | None:
    """No picture is in the version twice, in any of its copies, and none is in two splits."""
    if totals is None:
        return None
    twice, leaks = totals.repeated_clusters, totals.split_leaks
    counted = f"{twice} pictures are in the version twice" if twice else f"{leaks} pictures are in two splits"
    refusal = f"{counted}; this is a bug of isitcake, please report it"
    gate = Gate("leakage", 0, twice + leaks, "pictures in it twice, or in two splits")
    return _Check(gate, refusal if gate.value else "")


def _counts(project: Project, totals: Totals | None) -> list[_Check]:
    """There are enough images of each label."""
    limit = project.settings.publish.min_images
    if totals is None or not limit:
        return []
    checks = []
    for label in project.settings.project.labels:
        count = totals.labels[label]
        refusal = f"{count} images are {label}, under [publish] min_images {limit}; collect more"
        checks.append(_Check(Gate("images", limit, count, label), refusal if count < limit else ""))
    return checks


def _one_sided(totals: Totals | None) -> list[_Check]:
    """Only one label, or only one split, has images: recorded, and no reason to refuse."""
    if totals is None:
        return []
    kinds = {
        "classes": {label for (_, label), n in totals.by_split.items() if n},
        "splits": {split for (split, _), n in totals.by_split.items() if n},
    }
    return [_Check(Gate(gate, 2, 1, f"{gate} with images")) for gate, names in kinds.items() if len(names) == 1]


def _freshness(project: Project, totals: Totals | None, now: datetime | None) -> _Check | None:
    """Every source in the version was collected lately."""
    limit = project.settings.publish.max_age_days
    if totals is None or not limit or now is None:
        return None
    with project.catalog.read() as connection:
        last = {
            row.source: row.last
            for row in connection.execute(
                select(runs.c.source, func.max(runs.c.finished_at).label("last"))
                .where(runs.c.status == "done")
                .group_by(runs.c.source)
            )
        }
    if never := sorted(name for name in totals.sources if not last.get(name)):
        return _Check(
            Gate("freshness", limit, NEVER_DAYS, never[0]),
            f"{never[0]} was never collected, and [publish] max_age_days is {limit}; run `isitcake collect {never[0]}`",
        )
    oldest = min(totals.sources, key=lambda name: (last[name], name))
    days = (now - last[oldest]).total_seconds() / 86_400
    refusal = (
        f"{oldest} was collected {days:.0f} days ago, over [publish] max_age_days {limit}; "
        f"run `isitcake collect {oldest}`"
    )
    return _Check(Gate("freshness", limit, round(days, 2), oldest), refusal if days > limit else "")
