"""A project of three labels without a pack, from its folders to its card: nothing in it is about cakes."""

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import findings, queue
from dataset.curate import CurateReport, curate
from dataset.labels import label_ledger
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from isitcake.status import describe
from labeling import queue as review
from labeling.answer_files import import_answers
from labeling.guideline import guideline
from simulator import drawings

QUERIES = {"cup": "cup", "dog": "dog", "vehicle": "cars"}
PICTURES = 14  # of each label, beside two logos

pytestmark = pytest.mark.slow


def draw(folder: Path) -> Project:
    """Three folders of drawn pictures with two logos each, and isitcake.toml."""
    lines = ["[project]", 'name = "things"', 'contact = "https://example.org"', f"labels = {json.dumps([*QUERIES])}"]
    for label, query in QUERIES.items():
        rng = random.Random(label)
        (folder / label).mkdir(parents=True)
        for n in range(PICTURES):
            (folder / label / f"coffee-cake-{n}.jpg").write_bytes(drawings.thing(rng, query=query))
        for n in range(2):
            (folder / label / f"logo-{n}.png").write_bytes(drawings.logo(rng))
        lines += ["[[sources]]", f'name = "{label}"', 'kind = "folder"', f'label = "{label}"', f'path = "{label}"']
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    return open_project(folder / "isitcake.toml")


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, CurateReport]]:
    project = draw(tmp_path_factory.mktemp("things"))
    collect(project).raise_for_failures()
    yield project, curate(project)
    project.close()


@pytest.fixture
def asked(curated: tuple[Project, CurateReport], tmp_path: Path) -> Iterator[Project]:
    """A project of its own, curated, that may ask about every picture."""
    shutil.copytree(curated[0].home.parent, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "isitcake.toml"
    config.write_text(config.read_text().replace("[[sources]]", "[review]\nbudget = 200\n[[sources]]", 1))
    project = open_project(config)
    yield project
    project.close()


def test_nothing_is_excluded_and_all_counts_agree(curated: tuple[Project, CurateReport]) -> None:
    """Use A3: "0 excluded" beside "certain 6" and six in `review aside` must not happen."""
    project, report = curated
    with project.catalog.read() as connection:
        excluded = len(label_ledger.excluded(connection))
    assert report.set_aside == excluded == len(review.excluded(project)) == describe(project)["excluded"] == 0
    assert "certain" not in report.findings


def test_no_finding_and_no_question_names_a_class_of_cakes(curated: tuple[Project, CurateReport]) -> None:
    """Use A3: file names with coffee and cake are no suspicion; a logo is one by its look."""
    project, report = curated
    assert not {"objects", "words", "zero_shot", "looks", "certain", "transparency"} & set(report.findings)
    with project.catalog.read() as connection:
        evidence = [row.evidence for row in connection.execute(select(findings))]
        reasons = [text for row in connection.execute(select(queue)) for text in row.reasons]
    assert evidence
    assert not re.search("cake|coffee|bak", " ".join([*evidence, *reasons]))
    assert "cake" not in guideline(project)


def test_the_estimate_is_not_given_without_answers(curated: tuple[Project, CurateReport]) -> None:
    """Use A3: neither the card nor `review status` says how many labels are wrong before something calibrates it."""
    project, _ = curated
    state = review.status(project)
    assert (state.expected_errors, state.next_ten) == (None, None)
    assert "too few answers to estimate how many labels are wrong: 0 of 30" in state.line()
    version = publish(project).newest
    card = (project.home / "versions" / version / "README.md").read_text()
    assert "How many labels are wrong is not known" in card
    assert "The detectors estimate" not in card
    assert not re.search("cake|bak", card.split("## How to load")[0].replace("isitcake", ""))


def test_answers_that_the_queue_asked_for_calibrate_nothing(asked: Project, tmp_path: Path) -> None:
    """Use A3: the queue asks about the worst pictures first, those of the audit sample too."""
    project = asked
    first = review.next_items(project, 1, of_audit=True)[0]["sha256"]
    answers = [f"{item['sha256']},unusable,ann" for item in review.next_items(project, 100) if item["sha256"] != first]
    (tmp_path / "answers.csv").write_text("\n".join(["sha256,label,reviewer", *answers]) + "\n")
    import_answers(project, tmp_path / "answers.csv")
    curate(project)
    assert len(answers) > 30
    assert (review.status(project).sampled, review.status(project).expected_errors) == (0, None)


def test_answers_about_the_audit_sample_calibrate_the_estimate(asked: Project, tmp_path: Path) -> None:
    """Use A3: after 30 random answers the estimate is near the truth, though only logos are wrong."""
    project = asked
    items = review.next_items(project, 34, of_audit=True)
    assert len(items) == 34
    with project.catalog.read() as connection:
        claims = {sha256: decision.label for sha256, decision in label_ledger.latest(connection).items()}
    logos = {path.read_bytes() for path in tmp_path.glob("*/logo-*.png")}
    is_logo = {item["sha256"]: Path(item["path"]).read_bytes() in logos for item in items}
    answers = [f"{sha},{'unusable' if is_logo[sha] else claims[sha]},ann" for sha in is_logo]
    (tmp_path / "answers.csv").write_text("\n".join(["sha256,label,reviewer", *answers]) + "\n")
    import_answers(project, tmp_path / "answers.csv")
    curate(project)
    state = review.status(project)
    left = len(logos) - sum(is_logo.values())
    assert state.sampled == 34
    assert state.expected_errors is not None
    assert abs(state.expected_errors - left) <= 2.5
