"""A project of the labelled photos of ../shared, and a reviewer's true answers, for the benchmarks of training."""

import csv
from pathlib import Path

from crawlers.collect import collect
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from labeling.answer_files import import_answers


def photo_project(folder: Path, shared: Path) -> Project:
    """A project with nine bakers' folders (cake) and one of objects (not cake), and a version with these labels."""
    lines = ["[project]", 'contact = "https://example.org"', "[models]", f'folder = "{shared / "models"}"']
    for site in sorted((shared / "photos" / "bakers").iterdir()):
        lines += ["[[sources]]", f'name = "{site.name}"', 'kind = "folder"', 'label = "cake"', f'path = "{site}"']
    lines += ["[[sources]]", 'name = "objects"', 'kind = "folder"', 'label = "not_cake"']
    lines += [f'path = "{shared / "photos" / "objects"}"']
    config = folder / "isitcake.toml"
    config.write_text("\n".join(lines) + "\n")
    project = open_project(config)
    collect(project).raise_for_failures()
    curate(project)
    publish(project)
    return project


def review_all(project: Project, shared: Path, folder: Path) -> None:
    """Import a reviewer's answer for every baker's image, and publish a version with these labels."""
    collected = {path.stem for path in (project.home / "blobs").glob("*/*")}
    with (shared / "photos" / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sha256"] in collected]
    answers = folder / "answers.csv"
    lines = [f"{row['sha256']},{row['label']},reviewer" for row in rows]
    answers.write_text("sha256,label,reviewer\n" + "\n".join(lines) + "\n")
    import_answers(project, answers)
    curate(project)
    publish(project)
