"""labeling.answer_files: answers come from files and go to files, each once."""

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.tables import judgements
from dataset.catalog.tables import queue as queue_table
from dataset.labels import label_ledger
from dataset.project import Project
from foundation.errors import BadAnswers
from labeling import queue
from labeling.answer_files import export_answers, import_answers

HEADER = "sha256,label,reviewer,answered_at,seconds,why\n"


def images(project: Project, count: int) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(queue_table.c.sha256).limit(count)).scalars())


def test_a_csv_file_is_imported_once_and_the_queue_moves_on(collected: Project, tmp_path: Path) -> None:
    item = queue.next_items(collected, 1)[0]
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer,answered_at\n{item['sha256']},unusable,ann,2026-11-24T10:00:00Z\n")
    assert import_answers(collected, path).new == 1
    assert import_answers(collected, path).new == 0
    assert queue.next_items(collected, 1)[0]["sha256"] != item["sha256"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'label'"),
        ("sha256,label\n", "no column 'reviewer'"),
        ("sha256,label,reviewer\nxyz,cake,ann\n", "line 2: 'xyz' is not a SHA-256"),
        (f"sha256,label,reviewer\n{'0' * 64},pie,ann\n", "line 2: 'pie' is not an answer"),
        (f"sha256,label,reviewer\n{'0' * 64},cake,\n", "line 2: no reviewer"),
        (f"sha256,label,reviewer\n{'0' * 64},cake,ann\n", "line 2: no image 0000"),
        (f"sha256,label,reviewer,answered_at\n{'0' * 64},cake,ann,monday\n", "line 2: 'monday' is not a time"),
        (f"sha256,label,reviewer,seconds\n{'0' * 64},cake,ann,long\n", "line 2: seconds 'long' is not a number"),
    ],
)
def test_a_wrong_csv_line_is_named_and_nothing_is_imported(
    collected: Project, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(BadAnswers, match=message):
        import_answers(collected, path)
    assert queue.status(collected).judgements == 0


STRANGERS_ANSWER = {"result": [{"from_name": "label", "value": {"choices": ["cake"]}}], "completed_by": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be read"),
        ("{}", "not a list"),
        (json.dumps([{"data": {}, "annotations": [STRANGERS_ANSWER]}]), "task 1: '' is not a SHA"),
        ('[{"annotations": 5}]', "task 1: not a task of Label Studio"),
        ('[{}, {"annotations": ["x"]}]', "task 2: not a task of Label Studio"),
        (json.dumps([{"annotations": [{**STRANGERS_ANSWER, "updated_at": "monday"}]}]), "not a task of Label Studio"),
        (json.dumps([{"annotations": [{**STRANGERS_ANSWER, "lead_time": "long"}]}]), "not a task of Label Studio"),
    ],
)
def test_a_wrong_task_of_a_json_file_is_named(collected: Project, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(BadAnswers, match=message):
        import_answers(collected, path)


@pytest.mark.parametrize("name", ["out.csv", "out.json"])
def test_exported_answers_can_be_imported_again(collected: Project, tmp_path: Path, name: str) -> None:
    """The same answers, reviewers, times and explanations; each once."""
    first, second = images(collected, 2)
    path = tmp_path / "answers.csv"
    lines = [f"{first},cake,ann,2026-11-24T10:00:00Z,4.5,", f"{second},unsure,bob,2026-11-24T11:00:00Z,,too dark"]
    path.write_text(HEADER + "\n".join(lines) + "\n")
    import_answers(collected, path)

    def ledger() -> set[tuple[object, ...]]:
        with collected.catalog.read() as connection:
            return {
                (row.sha256, row.answer, row.reviewer, row.answered_at, row.seconds, row.why)
                for row in connection.execute(select(judgements))
            }

    before = ledger()
    assert export_answers(collected, tmp_path / name) == 2
    with collected.catalog.write() as connection:
        connection.execute(judgements.delete())
    assert import_answers(collected, tmp_path / name).new == 2
    assert import_answers(collected, tmp_path / name).new == 0
    assert ledger() == before


def test_only_the_newest_answer_of_a_reviewer_is_exported(collected: Project, tmp_path: Path) -> None:
    (sha256,) = images(collected, 1)
    path = tmp_path / "answers.csv"
    path.write_text(f"{HEADER}{sha256},cake,ann,2026-11-24T10:00:00Z,,\n{sha256},unsure,ann,2026-11-24T11:00:00Z,,\n")
    import_answers(collected, path)
    assert export_answers(collected, tmp_path / "out.csv") == 1
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["label"] == "unsure"


def test_a_spreadsheet_does_not_run_what_a_reviewer_wrote(collected: Project, tmp_path: Path) -> None:
    (sha256,) = images(collected, 1)
    path = tmp_path / "answers.csv"
    path.write_text(f"{HEADER}{sha256},cake,ann,,,=1+1\n")
    import_answers(collected, path)
    export_answers(collected, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["why"] == "'=1+1"


def test_known_answers_decide_the_label(collected: Project, tmp_path: Path) -> None:
    """A gold answer overrules another person's."""
    (sha256,) = images(collected, 1)
    answers, gold = tmp_path / "answers.csv", tmp_path / "gold.csv"
    answers.write_text(f"{HEADER}{sha256},cake,ann,,,\n")
    gold.write_text(f"{HEADER}{sha256},unusable,expert,,,\n")
    import_answers(collected, answers)
    import_answers(collected, gold, are_known=True)
    with collected.catalog.read() as connection:
        assert label_ledger.latest(connection)[sha256].label == "unusable"
