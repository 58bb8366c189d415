"""make bench-wall: the wall beside single answers, with simulated reviewers, on the photos of ../shared.

Bakers' photos are claimed to be cakes, everyday objects not to be. No subject pack is used: its prior learned from
these photos. A reviewer knows the truth of a picture with 97 %; on a wall, an odd picture is missed with 8 % and a
right one tapped with 1 %. Both ways start from the same library, and get the same minutes; `curate` runs in between
and costs none. What a look, a tap and a page cost is assumed below. Then the pages are timed on 20,000 images.
"""

import csv
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from large_project import time_pages
from sqlalchemy import select
from table import figures, out, table

from crawlers.collect import collect
from dataset.catalog.tables import clusters
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.labels.wall_ledger import pictures_seen, wall_rates
from dataset.labels.wall_rates import WallRates
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import shared_folder
from labeling.answer_files import import_answers
from labeling.queue import next_items
from labeling.wall.answers import Finished, confirm, tap
from labeling.wall.walls import next_wall

ACCURACY, MISS, FALSE_TAP = 0.97, 0.08, 0.01  # of the simulated reviewers
LOOK_S = 0.3  # for each picture of a wall: one fixation of the eyes; people make three to four in a second
TAP_S = 1.0  # to tap an odd one, and to choose what it is
WALL_S = 5.0  # to load a wall, read its label, confirm it
SINGLE_S = 3.0  # for one picture in Label Studio: load the page, look, a number, Ctrl+Enter
ALONE_S = 2.0  # for one picture alone after a wall: it is loaded already; look, a number
CURATE_EVERY = 200  # pictures looked at
REVIEWERS = ("ann", "bob")
ANSWERS = ("cake", "not_cake", "unusable", "unsure")
LARGE = 20_000


@dataclass
class Simulated:
    """A reviewer: what a picture is, as this person sees it. truth: by SHA-256. spent_s: so far."""

    name: str
    truth: Mapping[str, str]
    rng: random.Random
    spent_s: float = 0.0
    known: dict[str, str] = field(default_factory=dict)

    def answer(self, sha256: str) -> str:
        """The same answer about the same picture each time."""
        right = self.truth[sha256]
        if sha256 not in self.known:
            is_right = self.rng.random() < ACCURACY
            self.known[sha256] = right if is_right else self.rng.choice([a for a in ANSWERS if a != right])
        return self.known[sha256]


@dataclass(frozen=True)
class Result:
    """right: labels that people settled rightly. error: share of wrong labels among those that would be published."""

    looked: int
    settled: int
    right: int
    error: float
    lost: int
    minutes: float

    @property
    def per_minute(self) -> float:
        """Right labels."""
        return self.right / self.minutes


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("this benchmark needs real photos in ../shared, or in the folder that ISITCAKE_SHARED names")
        return
    os.environ.pop("ISITCAKE_MODELS", None)
    with tempfile.TemporaryDirectory() as name:
        start, truth = _start(shared / "photos", Path(name) / "start")
        unreviewed = _result(open_project(start / "isitcake.toml"), truth, 0, 60.0)
        on_walls, rates, true_miss = _with_walls(_copy(start, Path(name) / "walls"), truth)
        minutes = on_walls.minutes
        rounds = _alone(_copy(start, Path(name) / "rounds"), truth, minutes, measures=True)
        queue = _alone(_copy(start, Path(name) / "queue"), truth, minutes, measures=False)
        _print({"nobody": unreviewed, "walls": on_walls, "one by one, rounds": rounds, "one by one, queue": queue})
        _print_rates(rates, true_miss)
        times = time_pages(Path(name) / "large", LARGE)
    missed = sum(rate.miss * rate.odd for rate in rates.values()) / sum(rate.odd for rate in rates.values())
    figures({
        "answers_per_minute_vs_single": on_walls.per_minute / rounds.per_minute,
        "answers_per_minute_vs_queue_alone": on_walls.per_minute / queue.per_minute,
        "label_error_wall": on_walls.error, "label_error_single": rounds.error, "label_error_queue_alone": queue.error,
        "miss_rate_estimated": missed, "miss_rate_true": MISS,
        "miss_rate_low": min(rate.low for rate in rates.values()),
        "miss_rate_high": max(rate.high for rate in rates.values()),
        "page_ms_20k": times.page, "pages_ms_20k_worst": times.worst, "map_ms_20k": times.map,
    })  # fmt: skip


def _start(photos: Path, folder: Path) -> tuple[Path, dict[str, str]]:
    """The photos in two folders, collected and curated; and the truth by SHA-256."""
    with (photos / "truth.csv").open(newline="") as file:
        rows = [
            (r["sha256"], r["label"], "cake", photos / "bakers" / r["site"] / r["file"]) for r in csv.DictReader(file)
        ]
    with (photos / "objects.csv").open(newline="") as file:
        rows += [(r["sha256"], "not_cake", "not_cake", photos / "objects" / r["file"]) for r in csv.DictReader(file)]
    lines = ["[project]", f"labels = {json.dumps(['cake', 'not_cake'])}", 'subject = ""']
    for label in ("cake", "not_cake"):
        (folder / label).mkdir(parents=True)
        lines += ["[[sources]]", f'name = "{label}"', 'kind = "folder"', f'label = "{label}"', f'path = "{label}"']
    for sha256, _, claimed, path in rows:
        (folder / claimed / f"{sha256[:12]}{path.suffix}").write_bytes(path.read_bytes())
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(folder / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    project.close()
    return folder, {sha256: truth for sha256, truth, _, _ in rows}


def _copy(start: Path, folder: Path) -> Project:
    shutil.copytree(start, folder)
    return open_project(folder / "isitcake.toml")


def _with_walls(project: Project, truth: Mapping[str, str]) -> tuple[Result, dict[str, WallRates], float]:
    """Two reviewers take walls in turn until nothing is left to ask."""
    people = [Simulated(name, truth, random.Random(name)) for name in REVIEWERS]
    now, looked, curated_at = datetime.now(UTC), 0, 0
    odd = missed = 0
    idle = 0
    counts: Counter[str] = Counter()
    while idle < len(people):
        person = people[0]
        people = [*people[1:], person]
        now += timedelta(minutes=5)
        wall = next_wall(project, person.name, now)
        if wall is None:
            idle += 1
            continue
        idle = 0
        tapped: dict[int, str] = {}
        for slot, sha256 in wall.pictures.items():
            seen_as = person.answer(sha256)
            if wall.is_alone:
                tapped[slot] = seen_as
                continue
            is_odd = truth[sha256] != wall.label
            is_tapped = person.rng.random() >= MISS if is_odd else person.rng.random() < FALSE_TAP
            odd, missed = odd + is_odd, missed + (is_odd and not is_tapped)
            if is_tapped:
                # Who taps a picture says what it is, or, if that is the wall's label, anything else.
                tapped[slot] = (
                    seen_as if seen_as != wall.label else person.rng.choice([a for a in ANSWERS if a != wall.label])
                )
        for slot, answer in tapped.items():
            tap(project, person.name, (wall.id, slot), answer, int(now.timestamp() * 1000) + slot, now)
        n = len(wall.pictures)
        spent_s = ALONE_S * n if wall.is_alone else WALL_S + LOOK_S * n + TAP_S * len(tapped)
        confirm(project, person.name, wall.id, Finished(tapped, seconds=spent_s), now)
        person.spent_s += spent_s
        looked += n
        counts["alone" if wall.is_alone else "walls"] += 1
        counts["pictures alone" if wall.is_alone else "pictures on walls"] += n
        counts["taps"] += 0 if wall.is_alone else len(tapped)
        if looked - curated_at >= CURATE_EVERY:
            curate(project)
            curated_at = looked
    curate(project)
    with project.catalog.read() as connection:
        cluster_of = label_ledger.clusters_by_image(connection)
        answers = label_ledger.newest_answers(connection, cluster_of)
        rates = wall_rates(connection, cluster_of, answers)
        out.print(
            f"{len(pictures_seen(connection, cluster_of, answers))} pictures seen on walls, {odd} odd; {dict(counts)}\n"
        )
    result = _result(project, truth, looked, sum(person.spent_s for person in people))
    project.close()
    return result, rates, missed / max(1, odd)


def _alone(project: Project, truth: Mapping[str, str], minutes: float, *, measures: bool) -> Result:
    """The same people answer one by one, as long as the walls took.

    measures: in rounds as `review push` sends them, with the audit sample (two people), known pictures and repeats, as
    walls hold them too; else the queue alone.
    """
    people = [Simulated(name, truth, random.Random(name)) for name in REVIEWERS]
    left = int(minutes * 60 / SINGLE_S)
    review = project.settings.review
    asked = 0
    while left > 0:
        size = min(CURATE_EVERY, left)
        n_audit = round(size * review.audit_share / 2) if measures else 0
        n_again = round(size * (review.gold_share + review.repeat_share)) if measures and asked else 0
        sample = [item["sha256"] for item in next_items(project, n_audit, of_audit=True)] if n_audit else []
        room = size - n_again - 2 * len(sample)
        queued = [item["sha256"] for item in next_items(project, size) if item["sha256"] not in sample][:room]
        if not queued and not sample:
            break
        given = [(person, sha256) for sha256 in sample for person in people]
        given += [(people[i % len(people)], sha256) for i, sha256 in enumerate(queued)]
        _import(project, given)
        left -= len(given) + n_again
        asked += len(given) + n_again
    result = _result(project, truth, asked, asked * SINGLE_S)
    project.close()
    return result


def _import(project: Project, given: Sequence[tuple[Simulated, str]]) -> None:
    """People answer, and the queue learns from it."""
    path = project.home.parent / "answers.csv"
    lines = [f"{sha256},{person.answer(sha256)},{person.name}" for person, sha256 in given]
    path.write_text("\n".join(["sha256,label,reviewer", *lines]) + "\n")
    import_answers(project, path)
    curate(project)


def _result(project: Project, truth: Mapping[str, str], looked: int, spent_s: float) -> Result:
    """Compare the labels with the truth; pictures that nobody can tell are left out."""
    labels = project.settings.project.labels
    with project.catalog.read() as connection:
        names = sorted(set(connection.execute(select(clusters.c.representative)).scalars()))
        decided = label_ledger.latest(connection)
    known = [name for name in names if truth[name] != "unsure" and name in decided]
    by_people = [name for name in known if decided[name].origin in ("human", "consensus")]
    is_right: Callable[[str], bool] = lambda name: decided[name].label == truth[name]  # noqa: E731
    published = [name for name in known if decided[name].label in labels]
    return Result(
        looked,
        len(by_people),
        sum(map(is_right, by_people)),
        sum(not is_right(name) for name in published) / len(published),
        sum(truth[name] in labels and decided[name].label not in labels for name in known),
        spent_s / 60,
    )


def _print(results: Mapping[str, Result]) -> None:
    out.print(
        f"assumed: {LOOK_S} s for each picture of a wall, {TAP_S} s for a tap, {WALL_S} s for a wall, "
        f"{ALONE_S} s for a picture alone after it, {SINGLE_S} s for a picture in Label Studio\n"
    )
    rows = [(n, r.looked, r.settled, r.right, r.minutes, r.per_minute, r.error, r.lost) for n, r in results.items()]
    head = ["", "answers", "settled", "right", "minutes", "right per minute", "label error", "wrongly left out"]
    table("the same minutes of two people", head, rows)


def _print_rates(rates: Mapping[str, WallRates], true_miss: float) -> None:
    rows = [(name, r.miss, r.low, r.high, r.false_tap, r.odd, r.pictures) for name, r in rates.items()]
    head = ["reviewer", "misses", "low", "high", "false taps", "odd", "pictures"]
    table(f"odd pictures missed: simulated {MISS}, in this run {true_miss:.3f}", head, rows)


if __name__ == "__main__":
    main()
