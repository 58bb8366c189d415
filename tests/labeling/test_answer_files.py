"""labeling.answer_files: answers come from files and go to files, each once."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.tables import images as image_table
from dataset.catalog.tables import judgements
from dataset.catalog.tables import queue as queue_table
from dataset.catalog.writes import append
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.labels import judgement_ledger, label_ledger
from dataset.project import Project
from foundation.errors import BadAnswers
from labeling import queue
from labeling.answer_files import export_answers, import_answers
from labeling.pull import PullReport

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


def test_the_first_digits_of_a_sha256_are_enough(collected: Project, tmp_path: Path) -> None:
    """`review next` shows so many. Digits that two images share are refused, and so are fewer than eight."""
    first, second = images(collected, 2)
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{first[:8].upper()},cake,ann\n{second[:12]},not_cake,ann\n")
    assert import_answers(collected, path).new == 2
    with collected.catalog.write() as connection:
        row = dict(connection.execute(select(image_table).where(image_table.c.sha256 == first)).one()._mapping)
        twin = f"{first[:8]}{'0' * 56}"
        append(connection, image_table, [{**row, "sha256": twin}])
    with pytest.raises(BadAnswers, match=f"line 2: several images begin with {first[:8]}; write more digits"):
        import_answers(collected, path)
    path.write_text(f"sha256,label,reviewer\n{first[:7]},cake,ann\n")
    with pytest.raises(BadAnswers, match="or at least the first 8"):
        import_answers(collected, path)


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
        *[
            (
                f"sha256,label,reviewer,seconds\n{'0' * 64},cake,ann,{text}\n",
                f"line 2: '{text}' is no number of seconds",
            )
            for text in ("long", "-5", "1e308", "nan", "inf")
        ],
        (
            f"sha256,label,reviewer\n{'0' * 64},cake,{'x' * 129}\n",
            "line 2: the name of the reviewer has 129 characters",
        ),
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


def test_answers_about_erased_images_are_left_out(collected: Project, tmp_path: Path) -> None:
    """One erased image makes no file of answers useless; the others are taken."""
    path = tmp_path / "answers.csv"
    gone, left = images(collected, 2)
    path.write_text(f"sha256,label,reviewer\n{gone[:12]},cake,ann\n{left},cake,ann\n")
    erase(collected, Selection(Kind.SHA256, gone), "asked")
    report = import_answers(collected, path)
    assert report.new == 1
    assert report.note == "1 answer about erased images left out"


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


def imported(project: Project, path: Path, text: str, *, are_known: bool = False) -> PullReport:
    path.write_text(text)
    return import_answers(project, path, are_known=are_known)


def label_of(project: Project, sha256: str) -> str:
    with project.catalog.read() as connection:
        return label_ledger.latest(connection)[sha256].label


def test_an_answer_that_is_taken_back_is_taken(collected: Project, tmp_path: Path) -> None:
    """Data F12: without times the latest import wins, also when it repeats an earlier one; twice adds nothing."""
    (sha256,) = images(collected, 1)
    for label in ("cake", "not_cake", "cake"):
        text = f"sha256,label,reviewer\n{sha256},{label},r1\n"
        assert imported(collected, tmp_path / "a.csv", text).new == 1
        assert label_of(collected, sha256) == label
        assert imported(collected, tmp_path / "a.csv", text).new == 0


@pytest.mark.parametrize(
    "stamp", ["2126-11-24T10:00:00Z", "2099-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_impossible_times_are_one_sentence(collected: Project, tmp_path: Path, stamp: str) -> None:
    """Data F12: a time in the future, or in years that no zone can name, is refused with its line."""
    (sha256,) = images(collected, 1)
    with pytest.raises(BadAnswers, match=r"line 2: .*(in the future|before the year)"):
        imported(collected, tmp_path / "a.csv", f"{HEADER}{sha256},cake,r1,{stamp},,\n")
    assert queue.status(collected).judgements == 0


def test_an_old_answer_from_the_future_blocks_nothing(collected: Project, tmp_path: Path) -> None:
    """Use A4: a correction holds against an answer dated 2099 that is in the catalog already, and import says so."""
    (sha256,) = images(collected, 1)
    row = {"sha256": sha256, "reviewer": "r1", "answer": "not_cake", "origin": "import", "external_id": "old"}
    moments = {"answered_at": datetime(2099, 1, 1, tzinfo=UTC), "recorded_at": datetime(2026, 11, 1, tzinfo=UTC)}
    with collected.catalog.write() as connection:
        append(connection, judgements, [{**row, **moments}])
        label_ledger.settle(connection, datetime.now(UTC))
    assert label_of(collected, sha256) == "not_cake"
    report = imported(collected, tmp_path / "a.csv", f"{HEADER}{sha256},cake,r1,2026-10-24T10:00:00Z,,\n")
    assert "1 older answer with a time in the future" in report.line()
    assert label_of(collected, sha256) == "cake"


@pytest.mark.parametrize("name", ["out.csv", "out.json"])
@pytest.mark.parametrize("reviewer", ["@r1", "'@r1", "=r1", "Ann@Example.org", "Zoë"])
def test_our_own_export_adds_nothing(collected: Project, tmp_path: Path, reviewer: str, name: str) -> None:
    """Data F11: export then import in one project is 0 new answers and no second reviewer."""
    first, second = images(collected, 2)
    rows = f'{first},cake,"{reviewer}",,,=x\n{second},unsure,"{reviewer}",2026-11-24T12:00:00+02:00,3,\n'
    assert imported(collected, tmp_path / "a.csv", HEADER + rows).new == 2
    export_answers(collected, tmp_path / name)
    assert import_answers(collected, tmp_path / name).new == 0
    assert len(queue.status(collected).reviewers) == 1


def test_a_number_of_label_studio_is_the_person_that_pull_knows(collected: Project, tmp_path: Path) -> None:
    """Data F11: a JSON export names people by number or object; pull learned their addresses."""
    (sha256,) = images(collected, 1)
    with collected.catalog.write() as connection:
        judgement_ledger.learn_users(connection, "http://studio.example", {1: "r1@example.org"})
    stamped = {"result": STRANGERS_ANSWER["result"], "updated_at": "2026-11-24T10:00:00.123456Z"}
    for author in (1, {"id": 1}, {"id": 1, "email": "R1@example.org"}):
        task = {"data": {"sha256": sha256}, "annotations": [{**stamped, "completed_by": author}]}
        imported(collected, tmp_path / "a.json", json.dumps([task]))
    assert queue.status(collected).reviewers == {"r1@example.org": 1}
    imported(collected, tmp_path / "a.csv", f"{HEADER}{sha256},not_cake,r1@example.org,2026-11-24T11:00:00Z,,\n")
    assert label_of(collected, sha256) == "not_cake"


def test_numbers_become_people_when_pull_learns_them(collected: Project, tmp_path: Path) -> None:
    """Data F11: a file may come before the first pull."""
    (sha256,) = images(collected, 1)
    task = {"data": {"sha256": sha256}, "annotations": [STRANGERS_ANSWER]}
    report = imported(collected, tmp_path / "a.json", json.dumps([task]))
    assert "user-3" in report.note
    with collected.catalog.write() as connection:
        judgement_ledger.learn_users(connection, "http://studio.example", {3: "eve@example.org"})
    assert queue.status(collected).reviewers == {"eve@example.org": 1}


@pytest.mark.parametrize(
    "text",
    [
        "sha256;label;reviewer\r\n{0};cake;r1\r\n",
        "SHA256\tLabel\tREVIEWER\n{0}\tcake\tr1\n",
        "\ufeffsha256, label , reviewer\n{0}, cake , r1 \n\n",
        '"sha256";"label";"reviewer";"why"\n{0};cake;r1;"a, b; c"\n;;;\n',
        "reviewer,sha256,label\nr1,{0},cake,\n",
    ],
)
def test_spreadsheets_of_every_country_are_read(collected: Project, tmp_path: Path, text: str) -> None:
    """Use 23: semicolons, tabs, blanks in the header, a BOM, CRLF and upper case."""
    (sha256,) = images(collected, 1)
    assert imported(collected, tmp_path / "a.csv", text.format(sha256)).new == 1
    assert queue.status(collected).reviewers == {"r1": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sha256,label,reviewer\n{0},cake,r1,extra\n", "line 2: 4 cells, but 3 columns"),
        ("sha256,label,reviewer\n{0},cake,r1\n{0},not_cake,r1\n", "line 2 and line 3: r1 says cake and not_cake"),
        ("sha256,label,reviewer,label\n{0},cake,r1,cake\n", "two columns 'label'"),
    ],
)
def test_nothing_is_taken_silently(collected: Project, tmp_path: Path, text: str, message: str) -> None:
    """Use 23: extra cells, and one reviewer with two answers at one time, are refused with their lines."""
    (sha256,) = images(collected, 1)
    with pytest.raises(BadAnswers, match=message):
        imported(collected, tmp_path / "a.csv", text.format(sha256))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "sha256,label,reviewer\n", "no line after the names of the columns"),
        ("a.json", "[]", "0 annotations in 0 tasks"),
        ("a.json", '[{"annotations": [{"was_cancelled": true, "result": []}]}]', "1 annotation in 1 task, none with"),
    ],
)
def test_a_file_that_yields_nothing_says_why(
    collected: Project, tmp_path: Path, name: str, text: str, message: str
) -> None:
    """Use 23: "0 new answers" comes with its reason."""
    assert message in imported(collected, tmp_path / name, text).line()


def test_many_answers_settle_in_one_import(collected: Project, tmp_path: Path) -> None:
    """Data F14: settling outside the lock gives the decisions that settling everything gives."""
    names = images(collected, 8)
    lines = [f"{sha256},{'cake' if n % 3 else 'unusable'},r{n % 2},,," for n, sha256 in enumerate(names)]
    assert imported(collected, tmp_path / "a.csv", HEADER + "\n".join(lines) + "\n").new == 8
    with collected.catalog.write() as connection:
        assert label_ledger.settle(connection, datetime.now(UTC)) == 0
