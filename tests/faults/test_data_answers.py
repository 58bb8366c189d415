"""Data F11 and F12, Use A4 and A5: one person is one person, and her newest answer holds.

Data F11 with a real Label Studio is in test_data_label_studio.py.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from black_box.library import answers, newest, published_once, rows, words
from commands import here
from small_projects import SmallProject

REVIEWERS = 500  # each of them answers about every picture
POLL_S = 0.005
TIMED = "sha256,label,reviewer,answered_at"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return published_once(SmallProject(tmp_path_factory.mktemp("home")))


@pytest.fixture
def small(home: SmallProject, tmp_path: Path) -> SmallProject:
    return home.copy(tmp_path)


def pictures(project: SmallProject) -> list[str]:
    return sorted(row["sha256"] for row in rows(newest(project)))


def status(project: SmallProject) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(project.run("review status --json")[0])
    return content


def exported(project: SmallProject) -> Path:
    """The project's own file of answers, imported into it."""
    path = project.folder / "export.csv"
    project.run(f"review export {path}", f"review import {path}")
    return path


def label_of(project: SmallProject, sha256: str) -> str:
    """The label in the next version."""
    project.run("publish")
    return next((row["label"] for row in rows(newest(project)) if row["sha256"] == sha256), "left out")


@pytest.mark.parametrize("name", ["@r1", "=r1", "+r1", "-r1"])
def test_an_export_makes_no_second_reviewer(name: str, small: SmallProject) -> None:
    """Data F11: a spreadsheet would run her name, so the export writes an apostrophe; import knows it."""
    assert answers(small, [f"{sha256},cake,{name}" for sha256 in pictures(small)[:2]]).returncode == 0
    exported(small)
    assert status(small)["reviewers"] == {name: 2}


@pytest.mark.parametrize("stamp", ["", "2026-11-01T10:00:00Z", "2026-11-01 12:00:00+02:00"])
def test_an_export_adds_no_answer(stamp: str, small: SmallProject) -> None:
    """Data F11: seven answers stay seven, however the file spells their times; the manifest counts one for each."""
    chosen = pictures(small)[:7]
    assert answers(small, [f"{sha256},cake,ann,{stamp}" for sha256 in chosen], TIMED).returncode == 0
    for _ in range(2):
        exported(small)
    assert status(small)["judgements"] == 7
    small.run("publish")
    counts = {row["sha256"]: row["judgements"] for row in rows(newest(small))}
    assert [counts[sha256] for sha256 in chosen if sha256 in counts] == [1] * 7


def test_an_answer_that_is_taken_back(small: SmallProject) -> None:
    """Data F12: cake, then not_cake, then cake again, in files without times: the last file holds."""
    (sha256, *_) = pictures(small)
    for label in ("cake", "not_cake", "cake"):
        assert answers(small, [f"{sha256},{label},r1"]).returncode == 0
        assert label_of(small, sha256) == label


@pytest.mark.parametrize("stamp", ["2099-01-01T10:00:00Z", "2126-11-24T10:00:00Z"])
def test_an_answer_from_the_future_can_be_corrected(stamp: str, small: SmallProject) -> None:
    """Data F12, Use A4: whether it is refused or taken, the reviewer's later answer holds."""
    sha256 = next(row["sha256"] for row in rows(newest(small)) if row["label"] == "cake")
    answers(small, [f"{sha256},not_cake,r1,{stamp}"], TIMED)
    assert answers(small, [f"{sha256},cake,r1,"], TIMED).returncode == 0
    assert label_of(small, sha256) == "cake"


@pytest.mark.parametrize(
    "stamp",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00-12:00",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59+12:00",
    ],
)
def test_an_impossible_time_is_one_sentence(stamp: str, small: SmallProject) -> None:
    """Data F12: it names the line of the file, and shows no SQL."""
    (sha256, *_) = pictures(small)
    ended = answers(small, [f"{sha256},cake,r1,{stamp}"], TIMED)
    assert "INSERT" not in words(ended)
    assert "line 2" in ended.sentence(2)


def test_no_accuracy_without_evidence(small: SmallProject) -> None:
    """Use A5: three answers that nobody checked say nothing about how often she is right."""
    assert answers(small, [f"{sha256},cake,r1" for sha256 in pictures(small)[:3]]).returncode == 0
    (person,) = json.loads(small.run("review reviewers --json")[0])["reviewers"]
    assert (person["answers"], person["gold"], person["agreement"], person["repeats"]) == (3, 0, None, 0)
    assert person["accuracy"] is None
    assert "%" not in here(small.folder, "review", "reviewers").stdout


def test_status_and_reviewers_agree(small: SmallProject) -> None:
    """Use A5: both commands count the pictures that she answered, also after she changed her mind about two."""
    chosen = pictures(small)[:7]
    for times, label in ((7, "cake"), (2, "not_cake")):
        assert answers(small, [f"{sha256},{label},r1" for sha256 in chosen[:times]]).returncode == 0
    (person,) = json.loads(small.run("review reviewers --json")[0])["reviewers"]
    assert status(small)["reviewers"] == {"r1": person["answers"]} == {"r1": 7}


@contextmanager
def timed_lock(project: SmallProject) -> Iterator[dict[str, float]]:
    """Measure the longest time that nobody else could write into the catalog, and the whole time, in seconds."""
    measured, is_over = {"locked": 0.0, "all": 0.0}, threading.Event()

    def poll() -> None:
        path = project.folder / "library" / "catalog.db"
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            free = time.monotonic()
            while not is_over.wait(POLL_S):
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                    free = time.monotonic()
                except sqlite3.OperationalError:
                    measured["locked"] = max(measured["locked"], time.monotonic() - free)

    thread = threading.Thread(target=poll)
    thread.start()
    begun = time.monotonic()
    try:
        yield measured
    finally:
        measured["all"] = time.monotonic() - begun
        is_over.set()
        thread.join()


def test_many_answers_keep_nobody_waiting(small: SmallProject) -> None:
    """Data F14: while thousands of answers, and then one more, are settled, others can write into the catalog."""
    chosen = pictures(small)
    lines = [f"{sha256},{'cake' if (n + k) % 5 else 'not_cake'},r{k}" for k in range(REVIEWERS)
             for n, sha256 in enumerate(chosen)]  # fmt: skip
    for imported in (lines, [f"{chosen[0]},cake,one more"]):
        with timed_lock(small) as measured:
            assert answers(small, imported).returncode == 0
        assert measured["locked"] < 0.5 * measured["all"]
