"""labeling.push, labeling.pull and labeling.label_studio: a round with a real Label Studio."""

from collections.abc import Iterable
from typing import Any

import pytest
import requests
from projects import asking, holding_back
from pydantic import SecretStr
from sqlalchemy import select, update

from dataset.catalog.tables import asked, judgements
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.project import Project
from foundation.errors import LabelStudioError
from foundation.network.ports import free_ports
from labeling import queue
from labeling.label_studio import LabelStudio, PageSizes
from labeling.picture_links import fits_tasks
from labeling.pull import pull
from labeling.push import push
from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, Service

BUDGET = 12
ACCOUNT = LabelStudioAccount()


def call(studio: Service, method: str, path: str, body: object = None) -> Any:
    """Use Label Studio's API, as somebody does who works in its pages."""
    headers = {"Authorization": f"Token {ACCOUNT.token}"}
    response = requests.request(method, studio.url + path, json=body, headers=headers, timeout=60)
    response.raise_for_status()
    return response.json() if response.content else None


def number_of(url: str) -> int:
    return int(url.rpartition("/")[2])


def answer_all(studio: Service, numbers: list[int], truth: dict[str, str]) -> int:
    """Answer every open task of these projects as one person. Returns the number of answers."""
    people = Reviewers(studio.url, ACCOUNT.token, truth)
    count = sum(people.answer_all(number) for number in numbers)
    people.close()
    return count


def test_a_round(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Questions are sent once, answered by a person and fetched once; the labels follow the answers."""
    project = asking(collected, label_studio.url, "a-round")
    first = push(project, another_round=False)
    assert (first.pushed, first.waiting) == (BUDGET, BUDGET)
    assert push(project, another_round=False).pushed == 0
    assert push(project).pushed == 0
    assert set(first.purposes) == {"risk", "audit"}  # no answer is known yet, so no gold
    numbers = [number_of(url) for url in first.project_urls]
    assert answer_all(label_studio, numbers, truth) == BUDGET
    assert pull(project).new == BUDGET
    assert pull(project).new == 0
    with project.catalog.read() as connection:
        for row in connection.execute(select(judgements)):
            assert row.answer == truth[row.sha256]
            assert row.reviewer == ACCOUNT.email
    report = curate(project)
    assert report.queued == queue.status(project).queued
    assert push(project, another_round=False).pushed == 0  # nothing new was collected
    assert push(project).pushed > 0  # a person asked for the next round


def test_one_list_for_reviewers(collected: Project, label_studio: Service) -> None:
    """One project; a question of the audit sample waits for a second person, another one does not. A number of answers
    that somebody changed by hand is restored, for each task.
    """
    project = asking(collected, label_studio.url, "one-list")
    (url,) = push(project).project_urls
    with project.catalog.read() as connection:
        tasks = {row.task_id: 2 if row.purpose == "audit" else 1 for row in connection.execute(select(asked))}
    assert set(tasks.values()) == {1, 2}

    def needed() -> dict[int, int]:
        return {number: call(label_studio, "GET", f"/api/tasks/{number}/")["overlap"] for number in tasks}

    assert needed() == tasks
    answer_all(label_studio, [number_of(url)], {})
    finished = {number: call(label_studio, "GET", f"/api/tasks/{number}/")["is_labeled"] for number in tasks}
    assert finished == {number: people == 1 for number, people in tasks.items()}
    call(label_studio, "PATCH", f"/api/projects/{number_of(url)}/", {"maximum_annotations": 3})
    assert "restored maximum_annotations" in push(project).note
    assert needed() == tasks


def test_another_key_is_a_warning_and_a_push_renews_the_addresses(
    collected: Project, label_studio: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Use E39: with another key each picture answers 404. Nobody serves them here, so a push says that, too."""
    project = asking(collected, label_studio.url, "other-key", 2)
    assert fits_tasks(project)
    report = push(project)
    assert "reviewers see no picture" in report.note
    assert fits_tasks(project)
    number = number_of(report.project_url)
    secrets = project.settings.secrets.model_copy(update={"secret": SecretStr("8f1d0c9a1be27d8635aa")})
    other = Project(project.settings.model_copy(update={"secrets": secrets}), project.catalog, project.blobs)
    assert not fits_tasks(other)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        before = pictures(label_studio, studio.tasks(number).values())
        push(other)
        assert fits_tasks(other)
        assert not before & pictures(label_studio, studio.tasks(number).values())


def pictures(studio: Service, tasks: Iterable[int]) -> set[str]:
    """The addresses of the pictures of these tasks."""
    return {call(studio, "GET", f"/api/tasks/{number}/")["data"]["image"] for number in tasks}


def test_a_picture_that_is_withheld_leaves_label_studio_and_may_come_back(
    collected: Project, label_studio: Service
) -> None:
    project = asking(collected, label_studio.url, "withheld")
    address = push(project).project_url
    with project.catalog.read() as connection:
        row = connection.execute(select(asked).where(asked.c.project == address, asked.c.purpose == "risk")).first()
        assert row is not None
    tasks = f"/api/tasks/?project={number_of(address)}&page_size=100"

    def shown() -> list[str]:
        return [task["data"]["sha256"] for task in call(label_studio, "GET", tasks)["tasks"]]

    assert row.sha256 in shown()
    report = push(holding_back(project, row.sha256))
    assert (report.withdrawn, report.waiting) == (1, BUDGET)
    assert row.sha256 not in shown()
    more = asking(collected, label_studio.url, "withheld", BUDGET + 4)
    assert push(more).pushed == 4
    assert row.sha256 in shown()
    assert push(more).withdrawn == 0
    assert row.sha256 in shown()


def test_a_push_after_a_crash_sends_nothing_twice(collected: Project, label_studio: Service) -> None:
    """Killed after the tasks were sent and before their numbers were recorded, the next push finds the tasks."""
    project = asking(collected, label_studio.url, "crashed")
    numbers = [number_of(url) for url in push(project).project_urls]
    with project.catalog.write() as connection:
        connection.execute(update(asked).values(task_id=None))
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        before = [studio.tasks(number) for number in numbers]
        assert push(project).pushed == 0
        assert [studio.tasks(number) for number in numbers] == before
    with project.catalog.read() as connection:
        assert connection.execute(select(asked).where(asked.c.task_id.is_(None))).first() is None


def test_a_changed_answer_is_a_new_judgement(collected: Project, label_studio: Service) -> None:
    """The reviewer's second answer counts; the ledger keeps both."""
    project = asking(collected, label_studio.url, "second-thoughts", budget=1)
    number = number_of(push(project).project_url)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        (task,) = studio.tasks(number).values()
    with project.catalog.read() as connection:
        sha256 = connection.execute(select(asked.c.sha256)).scalar_one()
    answer_all(label_studio, [number], {sha256: "cake"})
    assert pull(project).new == 1
    (annotation,) = call(label_studio, "GET", f"/api/tasks/{task}/annotations/")
    annotation["result"][0]["value"]["choices"] = ["not_cake"]
    call(label_studio, "PATCH", f"/api/annotations/{annotation['id']}/", {"result": annotation["result"]})
    assert pull(project).new == 1
    with project.catalog.read() as connection:
        answers = [row.answer for row in connection.execute(select(judgements).order_by(judgements.c.id))]
    assert answers == ["cake", "not_cake"]


def test_label_studio_out_of_reach(collected: Project, label_studio: Service) -> None:
    """A server that is down and a wrong key give one sentence; the next push sends everything once."""
    down = asking(collected, f"http://127.0.0.1:{free_ports(1)[0]}", "out-of-reach")
    with pytest.raises(LabelStudioError, match="cannot be reached"):
        push(down)
    with LabelStudio(label_studio.url, "0" * 40) as studio, pytest.raises(LabelStudioError, match="refuses the key"):
        studio.find_project("x")
    up = asking(collected, label_studio.url, "out-of-reach")
    assert push(up).pushed == BUDGET


def test_deleted_answers_are_withdrawn_and_deleted_tasks_asked_again(collected: Project, label_studio: Service) -> None:
    """The ledger keeps a deleted answer, but it does not count."""
    project = asking(collected, label_studio.url, "deleted", 3, audit_share=0.0)
    url = push(project).project_url
    with project.catalog.read() as connection:
        tasks = {row.sha256: row.task_id for row in connection.execute(select(asked))}
    first, second, third = tasks
    answer_all(label_studio, [number_of(url)], {first: "unusable", second: "cake", third: "cake"})
    assert pull(project).new == 3
    (annotation,) = call(label_studio, "GET", f"/api/tasks/{tasks[first]}/annotations/")
    call(label_studio, "DELETE", f"/api/annotations/{annotation['id']}/")
    assert pull(project).taken_back == 0  # only a full pull notices
    assert pull(project, everything=True).taken_back == 1
    assert pull(project, everything=True).taken_back == 0
    with project.catalog.read() as connection:
        rows = connection.execute(select(judgements).where(judgements.c.sha256 == first).order_by(judgements.c.id))
        assert [row.answer for row in rows] == ["unusable", ""]
        assert label_ledger.latest(connection)[first].origin != "human"
    call(label_studio, "DELETE", f"/api/tasks/{tasks[first]}/")
    pull(project, everything=True)
    assert push(project, another_round=False).pushed == 1


def test_a_lost_database_withdraws_nothing(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """If most answers are gone at once, they are kept, and a note says so."""
    project = asking(collected, label_studio.url, "lost", 12, audit_share=0.0)
    answer_all(label_studio, [number_of(push(project).project_url)], truth)
    assert pull(project).new == 12
    with project.catalog.read() as connection:
        tasks = [row.task_id for row in connection.execute(select(asked))]
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        studio.remove(tasks)
    report = pull(project, everything=True)
    assert report.taken_back == 0
    assert "looks like a lost database" in report.note


def test_a_last_page_that_is_full(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Six tasks on pages of three: the third page, which does not exist, is no error."""
    project = asking(collected, label_studio.url, "full-pages", 6, audit_share=0.0)
    number = number_of(push(project).project_url)
    answer_all(label_studio, [number], truth)
    with LabelStudio(label_studio.url, ACCOUNT.token, PageSizes(every_field=3, answer_fields=3)) as studio:
        assert len(studio.tasks(number)) == 6
        assert len(studio.annotations(number, None).answers) == 6
        assert len(studio.everything(number).answers) == 6


def test_no_review_project_yet(collected: Project, label_studio: Service) -> None:
    with pytest.raises(LabelStudioError, match="no review project"):
        pull(asking(collected, label_studio.url, "never-asked"))
