"""What the demo prints at the end: labels and models before and after review, compared with the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from dataset.catalog.tables import clusters, sightings
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.versions import published, today
from foundation.errors import StageError
from isitcake.output import print_grid, say, step
from isitcake.tables import Grid
from labeling import queue
from simulator.world import World
from training import models
from training.attempts import THE_TALKS
from training.comparison import Standing, standings
from training.train import untrained

COMPARED = "balanced"  # the model that is trained before and after review
Standings = Mapping[tuple[str, str], Standing]  # by name and version of the model


def print_summary(project: Project, world: World, seconds: float, kind: str) -> dict[str, Any]:
    """Print the results of the loop, compared with the truth: labels, models, the talk's attempts, what review changed.

    kind: of the pictures, "drawn" or "photos". Returns the main results, for JSON: each pair is before and after.
    """
    listed = published.listing(project.home)
    first, last = listed[0], listed[-1]
    truth = world.truth()
    say()
    print_grid(Grid(["", "count"], _label_rows(project)))
    say()
    with step("Testing the models from before and after review on the same pictures"):
        found = _standings(project, (first, last))
    before, after = found[COMPARED, first.name], found[COMPARED, last.name]
    print_grid(Grid(["on the same pictures, with reviewed labels", "before", "after"], _model_rows(before, after)))
    say()
    print_grid(
        Grid(["the talk's attempts, mean recall over groups", "before", "after"], _talk_rows(found, first, last))
    )
    for line in untrained_lines(project, last):
        say(line)
    right = [_agreement(version, truth) for version in (first, last)]
    labels = [f"{share:.1%} of {version.images}" for share, version in zip(right, (first, last), strict=True)]
    say(f"\n{_verdict(before, after, labels, models.default_model_id(project.home))}")
    say(f"\nThe loop took {seconds:.0f} s on {'real photos' if kind == 'photos' else 'drawn pictures'}.")
    return {
        "pictures": kind, "seconds": round(seconds, 1), "versions": [first.name, last.name], "labels_right": right,
        "headline": [before.headline, after.headline], "measured_on": after.measured_on,
        "default_model": models.default_model_id(project.home),
    }  # fmt: skip


def _standings(project: Project, versions: Sequence[published.Version]) -> Standings:
    """The compared model and the talk's attempts of these versions, on the common tests."""
    with project.catalog.read() as connection:
        now = today.today(connection, project.home)
    if now is None:
        raise StageError("nothing is published; the demo cannot compare models")
    names = {version.name for version in versions}
    asked = [m for m in models.listing(project.home) if m.version in names and m.name in (COMPARED, *THE_TALKS)]
    return {(one.model.name, one.model.version): one for one in standings(project.home, now, asked)}


def _talk_rows(found: Standings, first: published.Version, last: published.Version) -> list[tuple[str, str, str]]:
    """The headlines of the talk's attempts that were trained."""
    return [
        (name, *(_number(one.headline if (one := found.get((name, v.name))) else None) for v in (first, last)))  # type: ignore[misc]
        for name in THE_TALKS
        if (name, last.name) in found
    ]


def untrained_lines(project: Project, version: published.Version) -> list[str]:
    """A line for each of the talk's attempts that has no model, with the command that brings what it needs."""
    settings = project.settings
    folder = settings.root.relative_to(Path.cwd()) if settings.root.is_relative_to(Path.cwd()) else settings.root
    fetch = "isitcake models fetch"  # the demo's isitcake.toml is not in the folder where the demo was started
    lines = [
        f"not trained: {name} {why.replace(fetch, f'{fetch} --config {folder}')}"
        for name, why in untrained(settings, version).items()
        if name in THE_TALKS
    ]
    return [*lines, "Then run the demo again; it trains them."] if lines else []


def _model_rows(before: Standing, after: Standing) -> list[tuple[str, str, str]]:
    """The headline, the recall of each group, and balanced accuracy on both tests."""
    sides = (before.measured, after.measured)
    title = f"mean recall over groups, {after.measured.images} pictures of {after.measured_on}"
    rows = [(title, [_number(m.headline) for m in sides])]
    rows.append(("  95 % interval", ["{:.3f} to {:.3f}".format(*(m.headline_interval or (0, 1))) for m in sides]))
    rows += [(f"  {name}", [_number(m.groups.get(name)) for m in sides]) for name in after.measured.groups]
    for split in ("test", "test_unseen_sites"):
        pair = [one.metrics[split].balanced_accuracy for one in (before, after)]
        rows.append((f"balanced accuracy, {split}", [_number(value) for value in pair]))
    return [(name, old, new) for name, (old, new) in rows]


def _verdict(before: Standing, after: Standing, labels: list[str], default_id: str) -> str:
    """What review changed, in three lines. labels: how many labels were right before and after."""
    old, new = before.headline or 0.0, after.headline or 0.0
    if default_id == after.model.id:
        default = f"{default_id} is the default model; it was trained on the reviewed labels"
    else:
        default = f"{default_id or 'No model'} is the default model, not the one trained on the reviewed labels"
    effect = "better" if new > old else "not better"
    return (
        f"What review changed\n  labels right: {labels[0]} before, {labels[1]} after\n"
        f"  model: {old:.3f} before, {new:.3f} after ({effect}), mean recall over groups of {after.measured_on}\n"
        f"  {default}."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _label_rows(project: Project) -> list[tuple[str, str]]:
    """Rows about images and labels."""
    with project.catalog.read() as connection:
        images = connection.execute(select(func.count(sightings.c.sha256.distinct()))).scalar_one()
        different = connection.execute(select(func.count(clusters.c.cluster.distinct()))).scalar_one()
        claims = {
            row.sha256: row.source_label
            for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label))
        }
        latest = label_ledger.latest(connection)
        excluded = len(label_ledger.excluded(connection))
    reviewed = {sha256: d for sha256, d in latest.items() if d.origin in ("human", "consensus")}
    wrong = sum(claims.get(sha256) != decision.label for sha256, decision in reviewed.items())
    return [
        ("images collected", str(images)),
        ("of these, duplicates of another", str(images - different)),
        ("answers of reviewers", str(queue.status(project).judgements)),
        ("labels they found wrong", str(wrong)),
        ("excluded automatically as probably unusable", str(excluded)),
    ]


def _agreement(version: published.Version, truth: dict[str, str]) -> float:
    """Share of a version's labels that are true, among images whose truth is certain."""
    known = [(row.label, truth[row.sha256]) for row in version.rows() if truth.get(row.sha256, "unsure") != "unsure"]
    return sum(label == true for label, true in known) / max(1, len(known))
