"""Data F8 and F11 with a real Label Studio: every answer can be given there, and one person is one person."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from black_box.library import newest, published_once, rows
from small_projects import SmallProject

from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, Service

EXPORT = "export.json"
ACCOUNT = LabelStudioAccount()
MORE_LABELS = [f"label-{number}" for number in range(10)]


def call(studio: Service, method: str, path: str, body: object = None) -> Any:
    """Use Label Studio's API, as somebody does who works in its pages."""
    headers = {"Authorization": f"Token {ACCOUNT.token}"}
    response = requests.request(method, studio.url + path, json=body, headers=headers, timeout=60)
    response.raise_for_status()
    return response.json() if response.content else None


def asked(project: SmallProject, studio: Service, name: str, *labels: str) -> list[int]:
    """Push the project's questions. Returns the numbers of its projects in Label Studio."""
    more = f'name = "{name}"\n[review]\nlabel_studio_url = "{studio.url}"\nanswers_needed = 1\naudit_answers = 1'
    project.configure("n n not_cake CC0-1.0", "c c cake CC0-1.0", labels=("cake", "not_cake", *labels), more=more)
    project.run("collect", "curate", "review push")
    found = call(studio, "GET", "/api/projects?page_size=100")["results"]
    return [one["id"] for one in found if name in one["title"]]


@pytest.mark.parametrize("count", [8, 9, 10, 12])
def test_every_label_can_be_answered(count: int, label_studio: Service, tmp_path: Path) -> None:
    """Data F8: with many labels, the screen has all of them, and `unusable` and `unsure`."""
    labels = MORE_LABELS[: count - 2]
    (number, *_) = asked(SmallProject(tmp_path, pictures=2), label_studio, f"many-{count}", *labels)
    (question,) = [
        control
        for control in call(label_studio, "GET", f"/api/projects/{number}/")["parsed_label_config"].values()
        if control["type"] == "Choices"
    ]
    assert set(question["labels"]) == {"cake", "not_cake", *labels, "unusable", "unsure"}


def exported(project: SmallProject, studio: Service, numbers: list[int]) -> Path:
    """Label Studio's own JSON export of the project."""
    tasks = [
        task for number in numbers for task in call(studio, "GET", f"/api/projects/{number}/export?exportType=JSON")
    ]
    path = project.folder / EXPORT
    path.write_text(json.dumps(tasks))
    return path


def answered(project: SmallProject, studio: Service, name: str) -> None:
    """Publish, ask, answer everything as claimed, pull, and import Label Studio's own export."""
    published_once(project)
    truth = {row["sha256"]: row["label"] for row in rows(newest(project))}
    numbers = asked(project, studio, name)
    people = Reviewers(studio.url, ACCOUNT.token, truth)
    for number in numbers:
        people.answer_all(number)
    people.close()
    project.run("review pull", f"review import {exported(project, studio, numbers)}")


def test_a_pull_and_an_export_are_one_person(label_studio: Service, tmp_path: Path) -> None:
    """Data F11: answers are pulled by her address, and imported by her number."""
    project = SmallProject(tmp_path, pictures=2)
    answered(project, label_studio, "one-person")
    state = json.loads(project.run("review status --json")[0])
    assert list(state["reviewers"]) == [ACCOUNT.email]
    assert state["judgements"] == state["reviewers"][ACCOUNT.email]


def test_she_changes_her_mind(label_studio: Service, tmp_path: Path) -> None:
    """Data F11: after a pull and an import of everything, her new answer holds: she does not contradict herself."""
    project = SmallProject(tmp_path)
    answered(project, label_studio, "another-mind")
    cakes = {row["sha256"] for row in rows(newest(project)) if row["label"] == "cake"}
    tasks = json.loads((project.folder / EXPORT).read_text())
    changed = next(task for task in tasks if task["data"]["sha256"] in cakes)
    (annotation,) = changed["annotations"]
    (choice,) = (part for part in annotation["result"] if part["type"] == "choices")
    result = [{**choice, "value": {"choices": ["not_cake"]}}]
    call(label_studio, "PATCH", f"/api/annotations/{annotation['id']}/", {"result": result})
    project.run("review pull", "publish")
    labels = {row["sha256"]: row["label"] for row in rows(newest(project))}
    assert labels.get(changed["data"]["sha256"], "left out") == "not_cake"
