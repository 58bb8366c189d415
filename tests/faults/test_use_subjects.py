"""Use A3: in a project of other things, nothing is said or done that holds for bakeries only.

That the leaderboard tells nothing of a talk about cakes is in test_leaderboard.py of the pages.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from black_box.library import answers, newest, rows, words
from commands import here
from small_projects import SmallProject
from starlette.testclient import TestClient
from zoo_networks import boxes, classifier

from dataset.opening import open_project
from simulator import drawings
from web.app import create_app

QUERIES = {"animal": "dog", "vehicle": "cars", "kitchen": "cup"}
PICTURES, LOGOS = 8, 2  # of each label


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """Animals, vehicles and kitchen things, with files named coffee_mug, and product pictures without a ground."""
    project = SmallProject(tmp_path_factory.mktemp("things"), pictures=0)
    for label, query in QUERIES.items():
        rng = random.Random(label)
        (project.folder / label).mkdir()
        for n in range(PICTURES):
            (project.folder / label / f"coffee_mug-{n}.jpg").write_bytes(drawings.thing(rng, query=query))
        for n in range(LOGOS):
            (project.folder / label / f"product-{n}.png").write_bytes(drawings.logo(random.Random(f"{label} {n}")))
    configure(project)
    project.run("collect", "curate", "publish")
    return project


def configure(project: SmallProject, more: str = "") -> None:
    project.configure(*(f"{label} {label} {label} CC0-1.0" for label in QUERIES), labels=tuple(QUERIES), more=more)


def test_names_of_files_are_no_suspicion(home: SmallProject) -> None:
    """Use A3: a file named coffee is asked about for no word in its name."""
    asked = json.loads(home.run("review next --json")[0])
    assert asked
    assert [reason for item in asked for reason in item["reasons"] if "coffee" in reason] == []


def test_objects_are_no_suspicion(home: SmallProject, tmp_path: Path) -> None:
    """Use A3: a detector of objects sees something in almost every picture: against no label of this project."""
    project = home.copy(tmp_path)
    weights = project.folder / "weights"
    weights.mkdir()
    (weights / "mobilenetv2-12.onnx").write_bytes(classifier())
    (weights / "ssd_mobilenet_v1_12.onnx").write_bytes(boxes())  # sees a cake in everything that is bright
    configure(project, more='[models]\nfolder = "weights"')
    project.run("curate")
    asked = json.loads(project.run("review next --json")[0])
    assert asked
    assert [reason for item in asked for reason in item["reasons"] if "object" in reason] == []


def test_nothing_is_excluded_without_a_person(home: SmallProject) -> None:
    """Use A3: no product picture is thrown out by its looks; `review aside` and `curate` count the same."""
    assert json.loads(home.run("review aside --json")[0]) == []
    curated = words(here(home.folder, "curate"))
    assert "certain" not in curated
    assert "0 excluded" in curated


def test_the_card_gives_no_estimate_without_answers(home: SmallProject) -> None:
    """Use A3: nobody answered, so nobody knows how many labels are wrong."""
    card = (newest(home) / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"estimate that [\d.]+ ?%", card)


@pytest.fixture
def client(home: SmallProject, tmp_path: Path) -> Iterator[TestClient]:
    """The pages of the project, after somebody confirmed every label."""
    confirmed = home.copy(tmp_path)
    answers(confirmed, [f"{row['sha256']},{row['label']},ann" for row in rows(newest(confirmed))])
    confirmed.run("publish")
    project = open_project(confirmed.folder / "isitcake.toml")
    with TestClient(create_app(project)) as opened:
        yield opened
    project.close()


def test_the_game_asks_a_question_with_sense(client: TestClient) -> None:
    """Use A3: with three labels, "Is it animal?" is no question."""
    page = " ".join(re.sub("<[^>]+>", "", client.get("/play").text).split())
    assert "Not ready" not in page
    assert "Is it animal" not in page
    assert "Is it cake" not in page
