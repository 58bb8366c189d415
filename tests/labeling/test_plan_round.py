"""labeling.plan_round: how a round divides its budget. No Label Studio is needed."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from projects import asking, holding_back
from sqlalchemy import Connection, select

from dataset.catalog.tables import asked, clusters, cursors, judgements, queue
from dataset.catalog.writes import append
from dataset.labels import label_ledger
from dataset.labels.vocabulary import Purpose
from dataset.project import Project
from labeling.plan_round import Plan, Question, needs_adjudicator, plan

NOW = datetime(2026, 11, 24, tzinfo=UTC)
STUDIO = "http://studio.example"


def planned(connection: Connection, project: Project, *, another: bool = True) -> Plan:
    """Plan a round and record its questions as sent."""
    result = plan(connection, project.settings, STUDIO, NOW, another)
    rows = [
        {"ask": q.key, "project": f"{STUDIO}/projects/1", "sha256": q.sha256, "purpose": q.purpose.value,
         "round": q.round, "task_id": number, "pushed_at": NOW} for number, q in enumerate(result.questions)
    ]  # fmt: skip
    append(connection, asked, rows)
    return result


def answered(
    connection: Connection, questions: Sequence[Question], reviewer: str, answer: str, origin: str = "label_studio"
) -> None:
    """Record one reviewer's answers."""
    append(connection, judgements, [
        {"sha256": q.sha256, "reviewer": reviewer, "answer": answer, "answered_at": NOW, "origin": origin,
         "external_id": f"{reviewer}#{q.key}", "recorded_at": NOW} for q in questions])  # fmt: skip


def of_purpose(result: Plan, purpose: Purpose) -> list[Question]:
    return [question for question in result.questions if question.purpose == purpose]


def purposes(result: Plan) -> Counter[str]:
    return Counter(question.purpose.value for question in result.questions)


def test_the_budget_is_divided(collected: Project) -> None:
    """Risk and audit at first; gold and repeats as soon as there are answers; never more than the budget."""
    project = asking(collected, STUDIO, "divided", 10, audit_share=0.2, gold_share=0.2, repeat_share=0.1)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        assert purposes(first) == {"risk": 8, "audit": 2}
        assert not planned(connection, project, another=False).questions
        answered(connection, first.questions, "ann", "cake")
        answered(connection, first.questions[:3], "gold", "cake", "gold")
        second = planned(connection, project)
    assert purposes(second) == {"risk": 5, "audit": 2, "gold": 2, "repeat": 1}
    assert {q.sha256 for q in of_purpose(second, Purpose.GOLD)} <= {q.sha256 for q in first.questions[:3]}
    assert not {q.sha256 for q in of_purpose(second, Purpose.RISK)} & {q.sha256 for q in first.questions}
    assert len({q.key for q in [*first.questions, *second.questions]}) == 20


def test_a_spent_budget_is_reported(collected: Project) -> None:
    project = asking(collected, STUDIO, "spent", 3, audit_share=0.0)
    with project.catalog.write() as connection:
        assert len(planned(connection, project).questions) == 3
        again = planned(connection, project)
    assert (again.questions, again.waiting) == ([], 3)
    assert again.note == "all 3 questions of this round's budget are sent"


def test_audit_questions_are_spread_among_the_risky(collected: Project) -> None:
    """Risk comes in order of priority; the position of a question does not tell its purpose."""
    project = asking(collected, STUDIO, "spread", 20, audit_share=0.25)
    with project.catalog.write() as connection:
        result = planned(connection, project)
        order = list(connection.execute(select(queue.c.sha256).order_by(queue.c.priority.desc())).scalars())
    positions = [n for n, question in enumerate(result.questions) if question.purpose == Purpose.AUDIT]
    assert len(positions) == 5
    assert max(b - a for a, b in pairwise(positions)) <= 5
    risk = [order.index(question.sha256) for question in of_purpose(result, Purpose.RISK)]
    assert risk[0] < 3
    assert sum(a < b for a, b in pairwise(risk)) > len(risk) / 2


def test_a_dispute_gets_two_more_answers_and_then_the_adjudicator(collected: Project) -> None:
    """The adjudicator's answer decides the label."""
    project = asking(collected, STUDIO, "disputed", 6, audit_share=0.0, repeat_share=0.0)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        picture = first.questions[0].sha256
        answered(connection, first.questions, "ann", "cake")
        answered(connection, first.questions[:1], "bob", "not_cake")
        for reviewer, answer in (("eve", "unusable"), ("zoe", "unsure")):
            result = planned(connection, project)
            disputes = of_purpose(result, Purpose.DISPUTE)
            assert [question.sha256 for question in disputes] == [picture]
            others = [question for question in result.questions if question not in disputes]
            answered(connection, others, f"ann after {reviewer}", "cake")
            answered(connection, disputes, reviewer, answer)
        assert needs_adjudicator(connection, STUDIO)
        last = of_purpose(planned(connection, project), Purpose.ADJUDICATE)
        assert [question.sha256 for question in last] == [picture]
        label_ledger.settle(connection, NOW)
        assert label_ledger.latest(connection)[picture].label == "unsure"
        answered(connection, last, "judge", "unusable", "adjudicator")
        label_ledger.settle(connection, NOW)
        assert label_ledger.latest(connection)[picture].label == "unusable"


def test_a_stopped_picture_goes_to_the_adjudicator_at_once(collected: Project) -> None:
    """Five answers that settle nothing are enough: no sixth person is asked."""
    project = asking(collected, STUDIO, "stopped", 6, audit_share=0.0, repeat_share=0.0)
    with project.catalog.write() as connection:
        first = planned(connection, project).questions
        answered(connection, first, "ann", "cake")
        for reviewer, answer in (("bob", "not_cake"), ("eve", "cake"), ("zoe", "not_cake"), ("kim", "unsure")):
            answered(connection, first[:1], reviewer, answer)
        result = planned(connection, project)
    assert of_purpose(result, Purpose.DISPUTE) == []
    assert [question.sha256 for question in of_purpose(result, Purpose.ADJUDICATE)] == [first[0].sha256]


def test_a_new_round_withdraws_questions_that_are_no_longer_risky(collected: Project) -> None:
    project = asking(collected, STUDIO, "withdrawn", 2, audit_share=0.0)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        for question in first.questions:  # as after a curation that finds their labels right
            connection.execute(queue.update().where(queue.c.sha256 == question.sha256).values(priority=0.0))
        collected_since = json.dumps({"number": 1, "images": 0})
        connection.execute(cursors.update().where(cursors.c.name == f"round:{STUDIO}").values(value=collected_since))
        second = plan(connection, project.settings, STUDIO, NOW, False)
    assert set(second.withdrawn) == {question.key for question in first.questions}
    assert len(second.questions) == 2
    assert not {q.sha256 for q in second.questions} & {q.sha256 for q in first.questions}


def test_a_question_about_a_picture_that_was_withheld_since_is_withdrawn(collected: Project) -> None:
    """Also in the same round, whatever its purpose; its place in the budget is free. One with an answer stays: the
    answer would go with its task.
    """
    project = asking(collected, STUDIO, "withheld", 10, audit_share=0.5)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        (answered_one,), (risk,), (audit,) = (
            first.questions[:1],
            *(
                [q for q in first.questions[1:] if q.purpose == purpose][:1]
                for purpose in (Purpose.RISK, Purpose.AUDIT)
            ),
        )
        answered(connection, [answered_one], "ann", "cake")
    for question in (answered_one, risk, audit):
        project = holding_back(project, question.sha256)
    with project.catalog.write() as connection:
        second = planned(connection, project, another=False)
        assert set(second.withdrawn) == {risk.key, audit.key}
        assert second.waiting == 7
        assert len(second.questions) == 2
        assert {risk.sha256, audit.sha256}.isdisjoint(question.sha256 for question in second.questions)


def test_an_answer_counts_for_the_whole_cluster(collected: Project) -> None:
    """A picture is not asked about when a near-duplicate has an answer."""
    project = asking(collected, STUDIO, "clusters", 1, audit_share=0.0, repeat_share=0.0)
    with project.catalog.write() as connection:
        (question,) = planned(connection, project).questions
        other = (
            connection.execute(select(clusters.c.sha256).where(clusters.c.sha256 != question.sha256)).scalars().first()
        )
        cluster = connection.execute(
            select(clusters.c.cluster).where(clusters.c.sha256 == question.sha256)
        ).scalar_one()
        connection.execute(clusters.update().where(clusters.c.sha256 == other).values(cluster=cluster))
        near_duplicate = Question("other", str(other), Purpose.RISK, 1)
        answered(connection, [near_duplicate], "ann", "cake")
        result = planned(connection, project)
    assert question.sha256 not in {q.sha256 for q in result.questions}
