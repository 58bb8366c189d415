"""make bench-subject: a project of another subject by a user who configured nothing. How many wrong labels are found?

Three folders of the photos of ../shared claim animal, vehicle and kitchen. They are collected, curated and reviewed by
the commands' own functions: a person answers the queue from the truth, in rounds. A cluster of copies is one question.
It is wrong if its truth is another label, or no label at all. A third is wrong, so that 20 % of the questions cannot
find all: `possible_at_20` says how much of the wrong labels they can find.
"""

import csv
import json
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from table import figures, out, table

from crawlers.collect import collect
from dataset.catalog.tables import clusters
from dataset.curate import curate
from dataset.labels.audit import MIN_SAMPLED
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import shared_folder
from labeling import queue as review
from labeling.answer_files import import_answers

ROUND = 0.05  # share of the clusters that is asked about between two times of `curate`
SHARES = (0.1, 0.2, 0.3)
LABELS = ("animal", "vehicle", "kitchen")


@dataclass(frozen=True)
class Truth:
    """By SHA-256: what the source claims, and what the picture is."""

    claimed: dict[str, str]
    label: dict[str, str]

    def is_wrong(self, sha256: str) -> bool:
        return self.claimed[sha256] != self.label[sha256]


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("this benchmark needs real photos in ../shared, or in the folder that ISITCAKE_SHARED names")
        return
    os.environ.pop("ISITCAKE_MODELS", None)  # the user has downloaded nothing
    with tempfile.TemporaryDirectory() as name:
        project, truth = _project(shared / "photos", Path(name))
        figures(_reviewed(project, truth))
        project.close()


def _project(photos: Path, folder: Path) -> tuple[Project, Truth]:
    """Three folders by what is claimed, collected, and what a user writes about them: three labels."""
    with (photos / "second_subject.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = ["[project]", 'name = "things"', f"labels = {json.dumps(LABELS)}"]
    for label in LABELS:
        (folder / label).mkdir()
        lines += ["[[sources]]", f'name = "{label}"', 'kind = "folder"', f'label = "{label}"', f'path = "{label}"']
    for row in rows:
        source = photos / row["file"]
        # A file's name says what it shows; a user's files have numbers.
        (folder / row["claimed"] / f"{row['sha256'][:12]}{source.suffix}").write_bytes(source.read_bytes())
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(folder / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    return project, Truth({r["sha256"]: r["claimed"] for r in rows}, {r["sha256"]: r["truth"] for r in rows})


def _reviewed(project: Project, truth: Truth) -> dict[str, float | None]:
    """Answer the queue up to the largest share, then the audit sample until the estimate is calibrated."""
    names = _representatives(project)
    wrong = [name for name in names if truth.is_wrong(name)]
    excluded = [item["sha256"] for item in review.excluded(project)]
    ranks = {item["sha256"]: rank for rank, item in enumerate(review.next_items(project, len(names)), 1)}
    asked: list[str] = []
    while len(asked) < round(max(SHARES) * len(names)):
        items = review.next_items(project, max(1, round(ROUND * len(names))))
        _answer(project, truth, [item["sha256"] for item in items])
        asked += [item["sha256"] for item in items]
    found = {share: sum(map(truth.is_wrong, asked[: round(share * len(names))])) for share in SHARES}
    possible = {share: min(len(wrong), round(share * len(names))) for share in SHARES}
    table(
        f"{len(names)} pictures, {len(wrong)} with a wrong label",
        ["looked at", "found", "of all wrong", "of those that so many looks can find"],
        [(f"{s:.0%}", n, f"{n / len(wrong):.2f}", f"{n / possible[s]:.2f}") for s, n in found.items()],
    )
    while review.status(project).sampled < MIN_SAMPLED and (items := review.next_items(project, 5, of_audit=True)):
        _answer(project, truth, [item["sha256"] for item in items])
        asked += [item["sha256"] for item in items]
    values: dict[str, float | None] = {
        f"found_at_{share:.0%}".rstrip("%"): n / len(wrong) for share, n in found.items()
    }
    values |= {f"possible_at_{share:.0%}".rstrip("%"): n / len(wrong) for share, n in possible.items()}
    planted = [ranks[name] for name in wrong if truth.label[name] != "unusable" and name in ranks]
    return {
        **values,
        "random_at_20": 0.2,
        "excluded": len(excluded),
        "wrongly_excluded": sum(truth.label[name] != "unusable" for name in excluded) / max(1, len(excluded)),
        "expected_wrong": review.status(project).expected_errors,
        "true_wrong": sum(truth.is_wrong(name) for name in names if name not in asked),
        "planted_rank_median": statistics.median(planted) if planted else None,
    }


def _representatives(project: Project) -> list[str]:
    with project.catalog.read() as connection:
        return sorted(set(connection.execute(select(clusters.c.representative)).scalars()))


def _answer(project: Project, truth: Truth, names: list[str]) -> None:
    """A person answers from the truth, and the queue learns from it."""
    path = project.home.parent / "answers.csv"
    path.write_text("sha256,label,reviewer\n" + "".join(f"{name},{truth.label[name]},ann\n" for name in names))
    import_answers(project, path)
    curate(project)


if __name__ == "__main__":
    main()
