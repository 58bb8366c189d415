"""A team at work in a real Label Studio: in a browser, several at once, and what happens to answers that change."""

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asking import asking
from sqlalchemy import select, update

from crawlers.sites import browser
from dataset.catalog.tables import asked, judgements
from dataset.catalog.tables import queue as queue_table
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from foundation.errors import LabelStudioError
from foundation.ports import free_ports
from isitcake.serving import start_web
from labeling import push, queue
from labeling.label_studio import LabelStudio
from labeling.pull import pull
from labeling.reviewers import reviewers
from simulator.reviewers import Member, Reviewers, sign_up
from simulator.servers import LabelStudioAccount, Service

ACCOUNT = LabelStudioAccount()


def number_of(url: str) -> int:
    return int(url.rpartition("/")[2])


def test_a_person_in_a_browser(collected: Project, label_studio: Service, tmp_path: Path) -> None:
    """Log in, see the picture, press the hotkey, submit; pulled, the published label is theirs."""
    from playwright.sync_api import sync_playwright

    port = free_ports(1)[0]
    project = asking(collected, label_studio.url, "in-a-browser", 1, pictures_url=f"http://127.0.0.1:{port}",
                     audit_share=0.0)  # fmt: skip
    server = start_web(project.settings, "127.0.0.1", port)
    url = push.push(project).project_url
    with project.catalog.read() as connection:
        sent = connection.execute(select(asked)).one()
        before = label_ledger.latest(connection)[sent.sha256].label
    hotkey = "2" if before == "cake" else "1"  # the answers stand in the order of the labels: cake, not_cake
    options = browser.launch_options(browser.executable(), "per-context")
    options.pop("proxy")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**options)  # type: ignore[arg-type]
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{label_studio.url}/user/login/")
        page.fill("input[name=email]", ACCOUNT.email)
        page.fill("input[name=password]", ACCOUNT.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/user/login" not in url)
        page.goto(f"{label_studio.url}/projects/{number_of(url)}/data?task={sent.task_id}")
        picture = page.locator(f"img[src*='{sent.sha256}']").first
        picture.wait_for(timeout=60_000)
        page.wait_for_function("e => e.complete && e.naturalWidth > 0", arg=picture.element_handle())
        page.get_by_text("not_cake").first.wait_for()
        page.keyboard.press(hotkey)
        page.screenshot(path=tmp_path / "task.png")
        with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST") as stored:
            page.get_by_role("button", name="Submit").click()
        assert stored.value.status == 201
        chromium.close()
    server.should_exit = True
    assert pull(project).new == 1
    with project.catalog.read() as connection:
        answer = connection.execute(select(judgements)).one()
        assert answer.answer == ("not_cake" if hotkey == "2" else "cake")
        assert answer.reviewer == ACCOUNT.email
        assert answer.seconds > 0
    curate(project)
    publish(project)
    newest = published.newest(project.home)
    assert newest is not None
    (row,) = [row for row in newest.rows() if row.sha256 == sent.sha256]
    assert (row.label, row.label_origin) == (answer.answer, "human")


def test_three_at_once_while_processes_die(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Every answer counts once, no picture is asked about twice, and who is careless is named."""
    project = asking(collected, label_studio.url, "three-at-once", 30, answers_needed=3, audit_share=0.0)
    wrong = {sha: "unusable" if said != "unusable" else "cake" for sha, said in truth.items()}
    careless = {sha: (wrong if n % 3 == 0 else truth)[sha] for n, sha in enumerate(sorted(truth))}
    config = project.settings.config_path
    config.write_text(
        config.read_text().replace("[review]", "[review]\naudit_share = 0.0\nanswers_needed = 3", 1)
        if "[review]" in config.read_text()
        else config.read_text()
    )
    url = push.push(project).project_url
    answers = {"ann": truth, "bob": truth, "eve": careless}
    team = [
        Member(label_studio.url, sign_up(label_studio.url, f"{name}-3@example.org", "is-it-cake"), said)
        for name, said in answers.items()
    ]
    workers = [threading.Thread(target=_answer_all, args=(member, number_of(url))) for member in team]
    for worker in workers:
        worker.start()
    for after_s in (1.2, 1.6):
        process = subprocess.Popen(
            [sys.executable, "-c", PULL, str(config), "three-at-once", label_studio.url], start_new_session=True
        )
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    for worker in workers:
        worker.join()
    pull(project)
    assert pull(project, everything=True).new == 0
    with project.catalog.read() as connection:
        told = [(row.sha256, row.reviewer, row.answer) for row in connection.execute(select(judgements))]
        labels = label_ledger.latest(connection)
    assert len(told) == len(set(told)) == sum(len(member.given) for member in team) == 90
    assert all(labels[sha].label == truth[sha] for sha in {sha for sha, _, _ in told})
    report = reviewers(project)
    assert [person.reviewer for person in report.reviewers if person.is_careless] == ["eve-3@example.org"]
    assert "look at what eve-3@example.org answered" in report.line()


PULL = """
import sys
from pathlib import Path
from asking import asking
from dataset.project import Project
from dataset.opening import open_project
from labeling.pull import pull
while True:
    pull(asking(open_project(Path(sys.argv[1])), sys.argv[3], sys.argv[2], 30, answers_needed=3, audit_share=0.0))
"""


def _answer_all(member: Member, number: int) -> None:
    while member.answer_next(number):
        pass


def test_answers_that_are_deleted_and_tasks_that_are_lost(collected: Project, label_studio: Service) -> None:
    """A deleted answer counts no more, though the ledger keeps it; a deleted task is asked again."""
    project = asking(collected, label_studio.url, "deleted", 3, audit_share=0.0)
    url = push.push(project).project_url
    with project.catalog.read() as connection:
        tasks = {row.sha256: row.task_id for row in connection.execute(select(asked))}
    first, second, third = tasks
    people = Reviewers(label_studio.url, ACCOUNT.token, {first: "unusable", second: "cake", third: "cake"})
    people.answer_all(number_of(url))
    assert pull(project).new == 3
    (given,) = people._call("GET", f"/api/tasks/{tasks[first]}/annotations/")
    people.session.delete(f"{label_studio.url}/api/annotations/{given['id']}/", timeout=60).raise_for_status()
    assert pull(project).taken_back == 0  # nothing tells of it
    report = pull(project, everything=True)
    assert report.taken_back == 1
    assert pull(project, everything=True).taken_back == 0
    with project.catalog.read() as connection:
        told = [row.answer for row in connection.execute(select(judgements).where(judgements.c.sha256 == first))]
        assert told == ["unusable", ""]
        assert label_ledger.latest(connection)[first].origin != "human"
    people.session.delete(f"{label_studio.url}/api/tasks/{tasks[first]}/", timeout=60).raise_for_status()
    pull(project, everything=True)
    assert push.push(project, another_round=False).pushed == 1
    people.close()


def test_a_project_that_was_bent_is_mended_and_one_that_is_not_ours_is_left_alone(
    collected: Project, label_studio: Service
) -> None:
    project = asking(collected, label_studio.url, "bent", 2, audit_share=0.0)
    number = number_of(push.push(project).project_url)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        studio._client.projects.update(number, title="Renamed by hand", show_instruction=False, maximum_annotations=7)
    report = push.push(project)
    assert number_of(report.project_url) == number
    assert "mended" in report.note
    assert "maximum_annotations" in report.note
    assert push.push(project).note.count("mended") == 0
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:  # as in a database that was made anew
        studio._client.projects.update(number, title="Somebody else's", description="mine, with isitcake photos")
    assert number_of(push.push(project).project_url) != number


def test_a_lost_database_takes_nothing_back(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Most answers gone at once are not believed."""
    project = asking(collected, label_studio.url, "lost", 12, audit_share=0.0)
    number = number_of(push.push(project).project_url)
    people = Reviewers(label_studio.url, ACCOUNT.token, truth)
    people.answer_all(number)
    people.close()
    assert pull(project).new == 12
    with project.catalog.read() as connection:
        tasks = [row.task_id for row in connection.execute(select(asked))]
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        studio.remove(tasks)
    report = pull(project, everything=True)
    assert report.taken_back == 0
    assert "looks like a lost database" in report.note


def test_a_last_page_that_is_full(
    collected: Project, label_studio: Service, truth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many tasks as fit a number of pages: the page after them, which is not there, is no error."""
    monkeypatch.setattr("labeling.label_studio.QUICK_PAGE", 3)
    monkeypatch.setattr(LabelStudio._pages, "__defaults__", (3,))
    project = asking(collected, label_studio.url, "full-pages", 6, audit_share=0.0)
    number = number_of(push.push(project).project_url)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        assert len(studio.tasks(number)) == 6
    people = Reviewers(label_studio.url, ACCOUNT.token, truth)
    people.answer_all(number)
    people.close()
    assert pull(project).new == 6
    assert pull(project, everything=True).new == 0


def test_what_was_withdrawn_goes_even_after_a_crash(collected: Project, label_studio: Service) -> None:
    """Noted as withdrawn and killed before its task was deleted: the next push deletes it; it waits for nobody."""
    project = asking(collected, label_studio.url, "withdrawn", 3, audit_share=0.0)
    number = number_of(push.push(project).project_url)
    with project.catalog.write() as connection:
        gone, sha256 = connection.execute(select(asked.c.ask, asked.c.sha256).limit(1)).one()
        connection.execute(update(asked).where(asked.c.ask == gone).values(withdrawn_at=datetime.now(UTC)))
        connection.execute(queue_table.delete().where(queue_table.c.sha256 == sha256))  # nobody doubts it any more
    assert queue.status(project).waiting == 2
    push.push(project, another_round=False)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        assert gone not in studio.tasks(number)


def test_suggestions_are_shown_only_where_asked_for(collected: Project, label_studio: Service) -> None:
    for shown in (False, True):
        project = asking(collected, label_studio.url, f"shown-{shown}", 1 + shown, audit_share=0.0, pre_annotate=shown)
        number = number_of(push.push(project).project_url)
        people = Reviewers(label_studio.url, ACCOUNT.token, {})
        (task,) = people._call("GET", f"/api/tasks?project={number}&fields=all")["tasks"]
        assert bool(task["predictions"]) is shown
        assert people._call("GET", f"/api/projects/{number}/")["show_collab_predictions"] is shown
        people.close()


def test_no_project_yet(collected: Project, label_studio: Service) -> None:
    with pytest.raises(LabelStudioError, match="no review project"):
        pull(asking(collected, label_studio.url, "never-asked"))
