"""labeling.reviewers: what each reviewer's answers are worth."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from dataset.catalog.tables import queue
from dataset.project import Project
from labeling.answer_files import import_answers
from labeling.reviewers import last_week, reviewers, table_rows

HEADER = "sha256,label,reviewer,answered_at,seconds\n"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def images(project: Project, count: int) -> list[str]:
    with project.catalog.read() as connection:
        return list(connection.execute(select(queue.c.sha256).order_by(queue.c.sha256).limit(count)).scalars())


def answer(project: Project, path: Path, lines: list[str], *, are_known: bool = False) -> None:
    path.write_text(HEADER + "\n".join(lines) + "\n")
    import_answers(project, path, are_known=are_known)


def test_known_answers_measure_a_reviewer(collected: Project, tmp_path: Path) -> None:
    """Three of four right, with an interval around three quarters; the expert is not measured."""
    names = images(collected, 4)
    answer(collected, tmp_path / "ann.csv", [f"{name},cake,ann,,4" for name in names])
    gold = [f"{name},{'cake' if n else 'unusable'},expert,," for n, name in enumerate(names)]
    answer(collected, tmp_path / "gold.csv", gold, are_known=True)
    (person,) = reviewers(collected).reviewers
    assert (person.reviewer, person.gold, person.gold_right, person.seconds) == ("ann", 4, 3, 4.0)
    assert person.gold_interval is not None
    assert person.gold_interval[0] < 0.75 < person.gold_interval[1]


def test_who_contradicts_the_others_is_careless(collected: Project, tmp_path: Path) -> None:
    names = images(collected, 20)
    lines = [f"{name},cake,{person},,3" for name in names for person in ("ann", "bob")]
    lines += [f"{name},{'unusable' if n % 2 else 'cake'},eve,,3" for n, name in enumerate(names)]
    answer(collected, tmp_path / "answers.csv", lines)
    report = reviewers(collected)
    assert [person.reviewer for person in report.reviewers if person.is_careless] == ["eve"]
    assert "check the answers of eve" in report.line()
    header, rows = table_rows(report)
    assert {len(row) for row in rows} == {len(header)}
    assert [row[-1] for row in rows if row[0] == "eve"] == ["careless"]


def test_repeated_questions_and_pauses(collected: Project, tmp_path: Path) -> None:
    """Two answers to one picture count as a repeat; an answer that took an hour does not count as time."""
    same, changed = images(collected, 2)
    lines = [
        f"{same},cake,ann,2026-11-24T10:00:00Z,5",
        f"{same},cake,ann,2026-11-24T11:00:00Z,7",
        f"{changed},cake,ann,2026-11-24T10:00:00Z,6",
        f"{changed},unusable,ann,2026-11-24T11:00:00Z,3600",
    ]
    answer(collected, tmp_path / "answers.csv", lines)
    (person,) = reviewers(collected).reviewers
    assert (person.answers, person.repeats, person.steady, person.seconds) == (2, 2, 1, 6.0)


def test_the_last_week_only(collected: Project, tmp_path: Path) -> None:
    old, new = images(collected, 2)
    before = (NOW - timedelta(days=8)).isoformat()
    answer(collected, tmp_path / "answers.csv", [f"{old},cake,ann,{before},", f"{new},cake,bob,{NOW.isoformat()},"])
    assert {person.reviewer for person in reviewers(collected).reviewers} == {"ann", "bob"}
    assert {person.reviewer for person in last_week(collected, NOW).reviewers} == {"bob"}


def test_accuracy_is_shown_only_with_evidence(collected: Project, tmp_path: Path) -> None:
    """Use A5: three answers that nobody checked say nothing about accuracy; gold gives it, with its interval."""
    names = images(collected, 3)
    answer(collected, tmp_path / "a.csv", [f"{name},cake,r1,," for name in names])
    (person,) = reviewers(collected).reviewers
    assert (person.accuracy, person.accuracy_interval, table_rows(reviewers(collected))[1][0][2]) == (None, None, "–")
    answer(collected, tmp_path / "gold.csv", [f"{names[0]},cake,expert,,"], are_known=True)
    (person,) = reviewers(collected).reviewers
    assert person.accuracy is not None
    assert person.accuracy_interval is not None
    assert person.accuracy_interval[0] < person.accuracy <= person.accuracy_interval[1]
