"""What a round asks, and exchange with elsewhere. No Label Studio needed."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from asking import asking
from fastapi.testclient import TestClient
from sqlalchemy import Connection, select

from dataset.catalog.tables import asked, clusters, cursors, judgements, queue
from dataset.catalog.writes import append
from dataset.labels import decisions, label_ledger
from dataset.project import Project
from foundation.errors import BadAnswers, UnknownImage
from labeling.answer_files import export_answers, import_answers
from labeling.plan_round import Plan, Question, plan
from labeling.reviewers import reviewers
from web.app import create_app
from web.pages.why import explain, steps

NOW = datetime(2026, 11, 24, tzinfo=UTC)
STUDIO = "http://studio.example"


def planned(connection: Connection, project: Project, *, another: bool = True) -> Plan:
    """Plan a round and note it as sent."""
    made = plan(connection, project.settings.review, STUDIO, NOW, another)
    append(connection, asked, [
        {"ask": a.key, "project": f"{STUDIO}/projects/1", "sha256": a.sha256, "purpose": a.purpose, "round": a.round,
         "task_id": n, "pushed_at": NOW} for n, a in enumerate(made.questions)])  # fmt: skip
    return made


def said(connection: Connection, asks: list[Question], reviewer: str, answer: str, origin: str = "label_studio") -> None:
    with_now = [
        {"sha256": a.sha256, "reviewer": reviewer, "answer": answer, "answered_at": NOW, "origin": origin,
         "external_id": f"{reviewer}#{a.key}", "recorded_at": NOW} for a in asks
    ]  # fmt: skip
    append(connection, judgements, with_now)


def purposes(made: Plan) -> Counter[str]:
    return Counter(ask.purpose for ask in made.questions)


def test_the_budget_is_split(collected: Project) -> None:
    """Risk and audit at first; gold and repeats once there are any; never more than the budget."""
    project = asking(collected, STUDIO, "split", 10, audit_share=0.2, gold_share=0.2, repeat_share=0.1)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        assert purposes(first) == {"risk": 8, "audit": 2}
        assert not planned(connection, project, another=False).questions
        said(connection, list(first.questions), "ann", "cake")
        said(connection, list(first.questions[:3]), "gold", "cake", "gold")
        second = planned(connection, project)
        assert purposes(second) == {"risk": 5, "audit": 2, "gold": 2, "repeat": 1}
        assert {a.sha256 for a in second.questions if a.purpose == "gold"} <= {a.sha256 for a in first.questions[:3]}
        asked_again = {a.sha256 for a in second.questions if a.purpose == "risk"} & {a.sha256 for a in first.questions}
        assert not asked_again
        assert len({a.key for a in [*first.questions, *second.questions]}) == 20


def test_the_rest_is_spread_among_the_risky(collected: Project) -> None:
    """In order of priority, and nobody can tell from the place what a question is for."""
    project = asking(collected, STUDIO, "spread", 20, audit_share=0.25)
    with project.catalog.write() as connection:
        made = planned(connection, project)
        order = list(connection.execute(select(queue.c.sha256).order_by(queue.c.priority.desc())).scalars())
    places = [n for n, ask in enumerate(made.questions) if ask.purpose == "audit"]
    assert len(places) == 5
    assert max(b - a for a, b in pairwise(places)) <= 5
    risk = [order.index(ask.sha256) for ask in made.questions if ask.purpose == "risk"]
    assert risk[0] < 3
    assert sum(a < b for a, b in pairwise(risk)) > len(risk) / 2


def test_disputes_go_to_another_person_and_then_to_the_adjudicator(collected: Project) -> None:
    """One more answer, one more, then the last word, which settles."""
    project = asking(collected, STUDIO, "disputed", 6, audit_share=0.0, repeat_share=0.0)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        one = [first.questions[0]]
        said(connection, list(first.questions), "ann", "cake")
        said(connection, one, "bob", "not_cake")
        second = planned(connection, project)
        assert [a.sha256 for a in second.questions if a.purpose == "dispute"] == [one[0].sha256]
        said(connection, list(second.questions), "ann2", "cake")
        connection.execute(
            judgements.delete().where(judgements.c.reviewer == "ann2", judgements.c.sha256 == one[0].sha256)
        )
        said(connection, [a for a in second.questions if a.purpose == "dispute"], "eve", "unusable")
        third = planned(connection, project)
        assert [a.sha256 for a in third.questions if a.purpose == "dispute"] == [one[0].sha256]
        said(connection, [a for a in third.questions if a.purpose != "dispute"], "ann3", "cake")
        said(connection, [a for a in third.questions if a.purpose == "dispute"], "zoe", "unsure")
        fourth = planned(connection, project)
        last = [a for a in fourth.questions if a.purpose == "adjudicate"]
        assert [a.sha256 for a in last] == [one[0].sha256]
        assert decisions.decide(label_ledger.opinions_of(connection)[_cluster(connection, one[0].sha256)],
                                frozenset(), 0.0).label == "unsure"  # fmt: skip
        said(connection, last, "judge", "unusable", "adjudicator")
        label_ledger.settle(connection, NOW)
        assert label_ledger.latest(connection)[one[0].sha256].label == "unusable"


def _cluster(connection: Connection, sha256: str) -> str:
    return str(connection.execute(select(clusters.c.cluster).where(clusters.c.sha256 == sha256)).scalar_one())


def test_a_new_round_withdraws_what_is_no_longer_doubtful(collected: Project) -> None:
    project = asking(collected, STUDIO, "withdrawn", 2, audit_share=0.0)
    with project.catalog.write() as connection:
        first = planned(connection, project)
        for ask in first.questions:  # a later look at everything finds them right
            connection.execute(queue.update().where(queue.c.sha256 == ask.sha256).values(priority=0.0))
        connection.execute(
            cursors.update().values(value=json.dumps({"number": 1, "images": 0}))
        )  # images were collected since
        second = plan(connection, project.settings.review, STUDIO, NOW, False)
    assert set(second.withdrawn) == {ask.key for ask in first.questions}
    assert len(second.questions) == 2
    assert not {a.sha256 for a in second.questions} & {a.sha256 for a in first.questions}


def test_answers_go_out_and_come_back(collected: Project, tmp_path: Path) -> None:
    """As CSV and as Label Studio's JSON: the same answers, by the same people."""
    with collected.catalog.read() as connection:
        names = list(connection.execute(select(queue.c.sha256).limit(3)).scalars())
    given = tmp_path / "given.csv"
    lines = [f"{names[0]},cake,ann,2026-11-24T10:00:00Z", f"{names[1]},unsure,bob,2026-11-24T11:00:00Z"]
    given.write_text("\n".join(["sha256,label,reviewer,answered_at", *lines]) + "\n")
    import_answers(collected, given)
    for name in ("out.csv", "out.json"):
        assert export_answers(collected, tmp_path / name) == 2
        with collected.catalog.write() as connection:
            connection.execute(judgements.delete())
        assert import_answers(collected, tmp_path / name).new == 2
        assert import_answers(collected, tmp_path / name).new == 0
        with collected.catalog.read() as connection:
            told = {
                (r.sha256, r.answer, r.reviewer, r.answered_at.hour) for r in connection.execute(select(judgements))
            }
        assert told == {(names[0], "cake", "ann", 10), (names[1], "unsure", "bob", 11)}
    given_by_nobody = {"result": [{"from_name": "label", "value": {"choices": ["cake"]}}], "completed_by": 3}
    bad = {
        "[": "cannot be read",
        "{}": "not a list",
        json.dumps([{"data": {}, "annotations": [given_by_nobody]}]): "task 1: '' is not a SHA",
        '[{"annotations": 5}]': "task 1: not a task of Label Studio",
        '[{}, {"annotations": ["x"]}]': "task 2: not a task of Label Studio",
        json.dumps([{"annotations": [{**given_by_nobody, "updated_at": "monday"}]}]): "not a task of Label Studio",
        json.dumps([{"annotations": [{**given_by_nobody, "lead_time": "long"}]}]): "not a task of Label Studio",
    }
    for text, says in bad.items():
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(BadAnswers, match=says):
            import_answers(collected, tmp_path / "bad.json")


def test_known_answers_settle_and_measure(collected: Project, tmp_path: Path) -> None:
    """Gold overrules, and a reviewer is held against it with an interval."""
    with collected.catalog.read() as connection:
        names = list(connection.execute(select(queue.c.sha256).limit(4)).scalars())
    ann, gold = tmp_path / "ann.csv", tmp_path / "gold.csv"
    head = "sha256,label,reviewer,seconds\n"
    ann.write_text(head + "".join(f"{name},cake,ann,4\n" for name in names))
    gold.write_text(head + "".join(f"{name},{'cake' if n else 'unusable'},expert,\n" for n, name in enumerate(names)))
    import_answers(collected, ann)
    import_answers(collected, gold, are_known=True)
    with collected.catalog.read() as connection:
        assert label_ledger.latest(connection)[names[0]].label == "unusable"
    (person,) = reviewers(collected).reviewers
    assert (person.reviewer, person.gold, person.gold_right, person.seconds) == ("ann", 4, 3, 4.0)
    assert person.gold_interval is not None
    assert person.gold_interval[0] < 0.75 < person.gold_interval[1]


def test_why(collected: Project, tmp_path: Path) -> None:
    """From the page it was seen on to the decision; in print and as a page that names nobody."""
    with collected.catalog.read() as connection:
        sha256 = connection.execute(select(queue.c.sha256).order_by(queue.c.priority.desc()).limit(1)).scalar_one()
    answers = tmp_path / "answers.csv"
    answers.write_text(f"sha256,label,reviewer,why\n{sha256},unusable,ann@example.org,a <b>logo</b>\n")
    import_answers(collected, answers)
    found = explain(collected, sha256[:12])
    assert found.sha256 == sha256
    assert found.line() == "unusable, by human: 1 of 1 answers"
    told = steps(found)
    assert [what for what, _ in told if what] == sorted(
        [what for what, _ in told if what],
        key=["image", "seen", "cluster", "finding", "queue", "asked", "judgement", "audit", "decision"].index,
    )
    assert any("ann@example.org says unusable: a <b>logo</b>" in text for _, text in told)
    client = TestClient(create_app(collected))
    page = client.get(f"/why/{sha256}").text
    assert "reviewer 1 says unusable" in page
    assert "ann@example.org" not in page
    assert "<b>logo" not in page
    assert client.get("/why/abcd").status_code == 404
    for wrong in ("xyz", "ab", "0" * 64):
        with pytest.raises(UnknownImage):
            explain(collected, wrong)


def test_a_webhook_wakes_only_with_its_secret(collected: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read of what it says; without a secret set there is no such page."""
    from pydantic import SecretStr

    from web import webhook

    calls: list[Project] = []

    class Nothing:
        def line(self) -> str:
            return "0 new answers"

    def counted(project: Project) -> Nothing:
        calls.append(project)
        return Nothing()

    monkeypatch.setattr(webhook, "pull", counted)
    assert TestClient(create_app(collected)).post("/webhooks/label-studio").status_code == 404
    secrets = collected.settings.secrets.model_copy(update={"webhook_secret": SecretStr("s3cret")})
    settings = collected.settings.model_copy(update={"secrets": secrets})
    client = TestClient(create_app(Project(settings, collected.catalog, collected.blobs)))
    assert client.post("/webhooks/label-studio", headers={"X-Isitcake-Secret": "wrong"}).status_code == 404
    assert not calls
    answer = client.post("/webhooks/label-studio", headers={"X-Isitcake-Secret": "s3cret"}, json={"action": "x"})
    assert answer.status_code == 202
    assert len(calls) == 1
