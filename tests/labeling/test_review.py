"""Questions and answers, with a real Label Studio and without one."""

from pathlib import Path

import pytest
from asking import asking
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from dataset.catalog.tables import asked, judgements
from dataset.curate import curate
from dataset.project import Project
from foundation.errors import BadAnswers, LabelStudioError
from foundation.ports import free_ports
from labeling import push, queue
from labeling.answer_files import import_answers
from labeling.label_studio import LabelStudio, label_config
from labeling.picture_links import picture_url
from labeling.pull import pull
from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, Service
from web.app import create_app

BUDGET = 12


def test_a_round(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Pushed once however often asked, answered by a person, pulled once, and the labels follow."""
    project = asking(collected, label_studio.url, "a-round")
    first = push.push(project, another_round=False)
    assert (first.pushed, first.waiting) == (BUDGET, BUDGET)
    assert push.push(project, another_round=False).pushed == 0
    assert push.push(project).pushed == 0
    assert set(first.purposes) == {"risk", "audit"}  # nothing is known yet to measure reviewers by
    numbers = [int(url.rpartition("/")[2]) for url in first.project_urls]
    account = LabelStudioAccount()
    people = Reviewers(label_studio.url, account.token, truth)
    assert sum(people.answer_all(number) for number in numbers) == BUDGET
    people.close()
    pulled = pull(project)
    assert pulled.new == BUDGET
    assert pull(project).new == 0
    with project.catalog.read() as connection:
        for row in connection.execute(select(judgements)):
            assert row.answer == truth[row.sha256]
            assert row.reviewer == account.email
    report = curate(project)
    assert report.queued == queue.status(project).queued
    assert push.push(project, another_round=False).pushed == 0  # nothing new was collected
    assert push.push(project).pushed > 0  # asked for by a person: the next round

    with project.catalog.write() as connection:  # as after a crash between sending and noting
        connection.execute(update(asked).values(task_id=None))
    with LabelStudio(label_studio.url, account.token) as studio:
        before = [studio.tasks(number) for number in numbers]
        assert push.push(project).pushed == 0
        assert [studio.tasks(number) for number in numbers] == before
    with project.catalog.read() as connection:
        assert connection.execute(select(asked).where(asked.c.task_id.is_(None))).first() is None


def test_changed_answer_is_a_new_judgement(collected: Project, label_studio: Service) -> None:
    """A reviewer who thinks again overrules what they said; the ledger keeps both."""
    project = asking(collected, label_studio.url, "second-thoughts", budget=1)
    number = int(push.push(project).project_url.rpartition("/")[2])
    with LabelStudio(label_studio.url, LabelStudioAccount().token) as studio:
        (task,) = studio.tasks(number).values()
    with project.catalog.read() as connection:
        sha256 = connection.execute(select(asked.c.sha256)).scalar_one()
    people = Reviewers(label_studio.url, LabelStudioAccount().token, {sha256: "cake"})
    people.answer_all(number)
    assert pull(project).new == 1
    answered = people._call("GET", f"/api/tasks/{task}/annotations/")[0]
    answered["result"][0]["value"]["choices"] = ["not_cake"]
    people._call("PATCH", f"/api/annotations/{answered['id']}/", {"result": answered["result"]})
    people.close()
    assert pull(project).new == 1
    with project.catalog.read() as connection:
        told = [r.answer for r in connection.execute(select(judgements).order_by(judgements.c.id))]
    assert told == ["cake", "not_cake"]


def test_label_studio_out_of_reach(collected: Project, label_studio: Service) -> None:
    """Down, or a wrong key: one sentence, and the next push sends everything once."""
    down = asking(collected, f"http://127.0.0.1:{free_ports(1)[0]}", "out-of-reach")
    with pytest.raises(LabelStudioError, match="cannot be reached"):
        push.push(down)
    with LabelStudio(label_studio.url, "0" * 40) as studio, pytest.raises(LabelStudioError, match="refuses the key"):
        studio.find_project("x")
    up = asking(collected, label_studio.url, "out-of-reach")
    assert push.push(up).pushed == BUDGET


def test_pictures_are_for_who_was_sent_them(collected: Project) -> None:
    """Signed addresses answer with CORS, others with 404."""
    client = TestClient(create_app(collected))
    sha256 = queue.next_items(collected, 1)[0]["sha256"]
    path = picture_url(collected.settings, sha256).removeprefix(collected.settings.review.pictures_url)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["access-control-allow-origin"] == "*"
    for wrong in (
        f"/pictures/{sha256}.jpg",
        f"{path[:-1]}x",
        path.replace("until=1", "until=2"),
        f"/pictures/{'0' * 64}.jpg?sig={'0' * 40}",
    ):
        assert client.get(wrong).status_code == 404
    assert client.get("/health").json() == {"status": "ok"}


def test_answers_from_elsewhere(collected: Project, tmp_path: Path) -> None:
    """A CSV file is taken once, whole; the queue moves on."""
    item = queue.next_items(collected, 1)[0]
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer,answered_at\n{item['sha256']},unusable,ann,2026-11-24T10:00:00Z\n")
    assert import_answers(collected, path).new == 1
    assert import_answers(collected, path).new == 0
    assert queue.next_items(collected, 1)[0]["sha256"] != item["sha256"]
    assert set(item) == {"sha256", "path", "suggested_label", "reasons", "error_probability"}
    assert Path(item["path"]).is_file()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column"),
        ("sha256,label\n", "no column 'reviewer'"),
        ("sha256,label,reviewer\nxyz,cake,ann\n", "line 2: 'xyz' is not a SHA-256"),
        (f"sha256,label,reviewer\n{'0' * 64},pie,ann\n", "line 2: 'pie' is not an answer"),
        (f"sha256,label,reviewer\n{'0' * 64},cake,\n", "line 2: no reviewer"),
        (f"sha256,label,reviewer\n{'0' * 64},cake,ann\n", "line 2: no image 0000"),
        (f"sha256,label,reviewer,answered_at\n{'0' * 64},cake,ann,monday\n", "line 2: 'monday' is not a time"),
    ],
)
def test_wrong_answers_are_named_by_line(collected: Project, tmp_path: Path, text: str, says: str) -> None:
    """And nothing of the file is taken."""
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(BadAnswers, match=says):
        import_answers(collected, path)
    assert queue.status(collected).judgements == 0


def test_labels_are_escaped() -> None:
    """A label is text, never markup."""
    assert '<Choice value="a&quot;b" hotkey="1"/>' in label_config(['a"b'])


def test_an_answer_restores_an_excluded_picture(collected: Project, tmp_path: Path) -> None:
    """Logos and banners, with the reason; a judgement makes one a cake again."""
    listed = queue.excluded(collected)
    assert listed
    assert all(item["reason"] and Path(item["path"]).is_file() for item in listed)
    back = listed[0]["sha256"]
    answers = tmp_path / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{back},cake,ann\n")
    import_answers(collected, answers)
    curate(collected)
    assert back not in {item["sha256"] for item in queue.excluded(collected)}
