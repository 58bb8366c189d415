"""labeling.studio_projects, labeling.push and labeling.pull with people in a real Label Studio.

One person works in a browser, three at once through the API while processes are killed.
"""

import inspect
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from projects import asking
from sqlalchemy import select, update

from crawlers.sites import browser
from dataset.catalog.tables import asked, judgements
from dataset.catalog.tables import queue as queue_table
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from isitcake.serving import start_web
from labeling import queue
from labeling.label_studio import LabelStudio
from labeling.pull import pull
from labeling.push import push
from labeling.reviewers import reviewers
from simulator.reviewers import Member, sign_up
from simulator.servers import LabelStudioAccount, Service

ACCOUNT = LabelStudioAccount()
PRESSES = 5  # of a key, at most
ROOT = Path(__file__).parents[2]


def number_of(url: str) -> int:
    return int(url.rpartition("/")[2])


def call(studio: Service, method: str, path: str, body: object = None) -> Any:
    """Use Label Studio's API, as somebody does who works in its pages."""
    headers = {"Authorization": f"Token {ACCOUNT.token}"}
    response = requests.request(method, studio.url + path, json=body, headers=headers, timeout=60)
    response.raise_for_status()
    return response.json()


def test_a_person_in_a_browser(collected: Project, label_studio: Service, tmp_path: Path) -> None:
    """Log in, see the picture, press the hotkey, submit: after a pull, the published label is this person's."""
    from playwright.sync_api import TimeoutError, sync_playwright

    port = free_ports(1)[0]
    project = asking(collected, label_studio.url, "in-a-browser", 1, pictures_url=f"http://127.0.0.1:{port}",
                     audit_share=0.0)  # fmt: skip
    server = start_web(project.settings, "127.0.0.1", port)
    url = push(project).project_url
    with project.catalog.read() as connection:
        sent = connection.execute(select(asked)).one()
        before = label_ledger.latest(connection)[sent.sha256].label
    given, hotkey = ("not_cake", "2") if before == "cake" else ("cake", "1")  # in the order of the labels
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
        choice = page.locator(f"input[name={given}]")
        choice.wait_for(state="attached")
        for _ in range(PRESSES):
            page.keyboard.press(hotkey)  # on a busy machine, before the page listens to keys
            with suppress(TimeoutError):
                page.wait_for_function("e => e.checked", arg=choice.element_handle(), timeout=10_000)
                break
        page.screenshot(path=tmp_path / "task.png")
        is_stored = lambda r: "/annotations" in r.url and r.request.method == "POST"  # noqa: E731
        with page.expect_response(is_stored, timeout=120_000) as stored:
            page.get_by_role("button", name="Submit").click()
        assert stored.value.status == 201
        chromium.close()
    server.should_exit = True
    assert pull(project).new == 1
    with project.catalog.read() as connection:
        answer = connection.execute(select(judgements)).one()
        assert answer.answer == given
        assert answer.reviewer == ACCOUNT.email
        assert answer.seconds > 0
    curate(project)
    publish(project)
    newest = published.newest(project.home)
    assert newest is not None
    (row,) = [row for row in newest.rows() if row.sha256 == sent.sha256]
    assert (row.label, row.label_origin) == (answer.answer, "human")


def test_three_at_once_while_processes_die(collected: Project, label_studio: Service, truth: dict[str, str]) -> None:
    """Every answer counts once, no picture is asked about twice, and the careless reviewer is named."""
    project = asking(collected, label_studio.url, "three-at-once", 30, answers_needed=3, audit_share=0.0)
    wrong = {sha: "unusable" if answer != "unusable" else "cake" for sha, answer in truth.items()}
    careless = {sha: (wrong if n % 3 == 0 else truth)[sha] for n, sha in enumerate(sorted(truth))}
    url = push(project).project_url
    answers = {"ann": truth, "bob": truth, "eve": careless}
    team = [
        Member(label_studio.url, sign_up(label_studio.url, f"{name}-3@example.org", "is-it-cake"), by_image)
        for name, by_image in answers.items()
    ]
    workers = [threading.Thread(target=_answer_all, args=(member, number_of(url))) for member in team]
    for worker in workers:
        worker.start()
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", PULL, str(project.settings.config_path), "three-at-once", label_studio.url],
            env=child_environment(PYTHONPATH=os.pathsep.join([str(ROOT), str(Path(inspect.getfile(asking)).parent)])),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"pulled\n"  # and it is pulling again
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for worker in workers:
        worker.join()
    pull(project)
    assert pull(project, everything=True).new == 0
    with project.catalog.read() as connection:
        rows = [(row.sha256, row.reviewer, row.answer) for row in connection.execute(select(judgements))]
        labels = label_ledger.latest(connection)
    assert len(rows) == len(set(rows)) == sum(len(member.given) for member in team) == 90
    assert all(labels[sha].label == truth[sha] for sha in {sha for sha, _, _ in rows})
    report = reviewers(project)
    assert [person.reviewer for person in report.reviewers if person.is_careless] == ["eve-3@example.org"]
    assert "check the answers of eve-3@example.org" in report.line()


PULL = """
import sys
from pathlib import Path
from projects import asking
from dataset.project import Project
from dataset.opening import open_project
from labeling.pull import pull
project = asking(open_project(Path(sys.argv[1])), sys.argv[3], sys.argv[2], 30, answers_needed=3, audit_share=0.0)
while True:
    pull(project)
    print("pulled", flush=True)
"""


def _answer_all(member: Member, number: int) -> None:
    while member.answer_next(number):
        pass


def test_settings_changed_by_hand_are_restored(collected: Project, label_studio: Service) -> None:
    """The next push restores them and says so; the project keeps its new title."""
    project = asking(collected, label_studio.url, "restored", 2, audit_share=0.0)
    number = number_of(push(project).project_url)
    by_hand = {"title": "Renamed by hand", "show_instruction": False, "maximum_annotations": 7}
    call(label_studio, "PATCH", f"/api/projects/{number}/", by_hand)
    report = push(project)
    assert number_of(report.project_url) == number
    assert "restored" in report.note
    assert "maximum_annotations" in report.note
    assert push(project).note.count("restored") == 0
    assert call(label_studio, "GET", f"/api/projects/{number}/")["title"] == "Renamed by hand"


def test_a_project_that_is_not_ours_is_left_alone(collected: Project, label_studio: Service) -> None:
    """It has the number that we recorded, but not our mark: a new project is made."""
    project = asking(collected, label_studio.url, "not-ours", 2, audit_share=0.0)
    number = number_of(push(project).project_url)
    others = {"title": "Somebody else's", "description": "mine, with isitcake photos"}
    call(label_studio, "PATCH", f"/api/projects/{number}/", others)
    assert number_of(push(project).project_url) != number
    assert call(label_studio, "GET", f"/api/projects/{number}/")["description"] == others["description"]


def test_withdrawn_tasks_are_deleted_even_after_a_crash(collected: Project, label_studio: Service) -> None:
    """Killed after a question was recorded as withdrawn and before its task was deleted: the next push deletes it."""
    project = asking(collected, label_studio.url, "withdrawn", 3, audit_share=0.0)
    number = number_of(push(project).project_url)
    with project.catalog.write() as connection:
        withdrawn, sha256 = connection.execute(select(asked.c.ask, asked.c.sha256).limit(1)).one()
        connection.execute(update(asked).where(asked.c.ask == withdrawn).values(withdrawn_at=datetime.now(UTC)))
        connection.execute(queue_table.delete().where(queue_table.c.sha256 == sha256))  # it is no longer risky
    assert queue.status(project).waiting == 2
    push(project, another_round=False)
    with LabelStudio(label_studio.url, ACCOUNT.token) as studio:
        assert withdrawn not in studio.tasks(number)


def test_suggestions_are_shown_only_with_pre_annotate(collected: Project, label_studio: Service) -> None:
    for shown in (False, True):
        project = asking(collected, label_studio.url, f"shown-{shown}", 1 + shown, audit_share=0.0, pre_annotate=shown)
        number = number_of(push(project).project_url)
        (task,) = call(label_studio, "GET", f"/api/tasks?project={number}&fields=all")["tasks"]
        assert bool(task["predictions"]) is shown
        assert call(label_studio, "GET", f"/api/projects/{number}/")["show_collab_predictions"] is shown
