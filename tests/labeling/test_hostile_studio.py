"""labeling.label_studio against a server that answers slowly, endlessly, or with JSON of another shape."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from projects import asking
from sqlalchemy import func, select

from dataset.catalog.tables import judgements
from dataset.project import Project
from foundation.errors import BadAnswers, LabelStudioError
from labeling.answer_files import import_answers
from labeling.label_studio import LabelStudio, PageSizes, ProjectSettings
from labeling.pull import pull
from labeling.studio_http import HttpLimits
from labeling.studio_json import Task, choice_region

QUICK = HttpLimits(request_s=1, call_s=3, answer_bytes=6_000_000)
DEADLINE_S = 8  # for a call that must end after one second, on a busy machine
DROPS = 600
SETTINGS = ProjectSettings("mark", ["cake", "not_cake"], "<p>guideline</p>", 1)
ONE_TASK = Task("key", "ab" * 32, "http://a.example/p.jpg", "http://a.example/")

CALLS: dict[str, Callable[[LabelStudio], object]] = {
    "find_project": lambda studio: studio.find_project("mark"),
    "is_ours": lambda studio: studio.is_ours(1, "mark", "title"),
    "create_project": lambda studio: studio.create_project("title", SETTINGS),
    "restore_settings": lambda studio: studio.restore_settings(1, SETTINGS),
    "add": lambda studio: studio.add(1, [ONE_TASK], lambda numbers: pytest.fail(f"noted {numbers}")),
    "tasks": lambda studio: studio.tasks(1),
    "annotations": lambda studio: studio.annotations(1, None),
    "everything": lambda studio: studio.everything(1),
}
ANSWERS: dict[str, bytes] = {
    "empty": b"",
    "HTML": b"<html><title>Sign in</title></html>",
    "truncated": b'{"tasks": [{"id": 1, "da',
    "null": b"null",
    "number": b"7",
    "text": b'"text"',
    "object": b"{}",
    "list of numbers": b"[1, 2]",
    "list of nulls": b"[null]",
    "nulls": b'{"id": null, "results": null, "tasks": null, "task_ids": null}',
    "texts": b'{"id": "one", "results": "many", "tasks": "many", "task_ids": "many"}',
    "objects": b'{"id": {}, "results": {"a": 1}, "tasks": {"a": 1}, "task_ids": {"a": 1}}',
    "wrong items": b'{"id": [1], "results": [7], "tasks": [7], "task_ids": ["x"]}',
    "nulls in lists": b'{"id": [null], "results": [null], "tasks": [null], "task_ids": [null]}',
    "huge number": b'{"id": 1e400, "results": [{"id": 1e400, "description": "mark"}], "tasks": [{"id": 99999999999}]}',
    "nested": b"[" * 50_000 + b"]" * 50_000,
    "long integer": b'{"id": ' + b"9" * 5_000 + b"}",
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "5 MB": b'{"id": "' + b"x" * 5_000_000 + b'"}',
    "too large": b'{"id": "' + b"x" * 7_000_000 + b'"}',
}
CHOICE = {"id": 3, "completed_by": 1, "updated_at": "2026-11-24T10:00:00Z", "result": [choice_region("cake")]}
WRONG_ANNOTATIONS: list[Any] = [
    "text", 7, {"a": 1}, [7], [None], ["text"], [[CHOICE]],
    *([{**CHOICE, **change}] for change in (
        {"id": "three"}, {"id": None}, {"completed_by": "ann"}, {"completed_by": [1]}, {"completed_by": {"email": 5}},
        {"completed_by": {"email": "a\0b"}}, {"completed_by": {"email": "\ud800"}}, {"updated_at": "monday"},
        {"updated_at": 7}, {"updated_at": [1]}, {"updated_at": "0001-01-01T00:00:00+14:00"}, {"lead_time": "long"},
        {"lead_time": [1]}, {"lead_time": True}, {"result": "text"}, {"result": 7}, {"result": [7]},
        {"result": [None]}, {"result": [{"from_name": "label", "value": "cake"}]},
        {"result": [{"from_name": "label", "value": {"choices": "cake"}}]},
        {"result": [{"from_name": "label", "value": {"choices": [7]}}]},
        {"result": [choice_region("a\0b")]}, {"result": [choice_region("x" * 65)]},
        {"result": [choice_region("cake"), {"from_name": "why", "value": {"text": [7]}}]},
        {"result": [choice_region("cake"), {"from_name": "why", "value": {"text": "a\0b"}}]},
    )),
]  # fmt: skip


class Studio(ThreadingHTTPServer):
    """Plays Label Studio. `answer` gives the body for a path; None: drop by drop, from the head or from the body on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Playing)
        self.answer: Callable[[str], bytes | None] = lambda path: b""
        self.are_heads_slow = False
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Playing(BaseHTTPRequestHandler):
    server: Studio

    def do_GET(self) -> None:
        content = self.server.answer(self.path)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        with contextlib.suppress(OSError):
            if content is not None:
                self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
                return
            self.wfile.write(head + (b"X-Drops: " if self.server.are_heads_slow else b"\r\n["))
            for _ in range(DROPS):
                if self.server.is_over.wait(0.1):
                    return
                self.wfile.write(b" ")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Studio]:
    studio = Studio()
    thread = threading.Thread(target=studio.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield studio
    studio.is_over.set()
    studio.shutdown()
    studio.server_close()
    thread.join(DEADLINE_S)


@contextlib.contextmanager
def connected(server: Studio) -> Iterator[LabelStudio]:
    with LabelStudio(server.url, "key", PageSizes(2, 2), QUICK) as studio:
        yield studio


def refusal(call: Callable[[], object], kind: object) -> LabelStudioError:
    try:
        taken = call()
    except LabelStudioError as error:
        return error
    pytest.fail(f"{kind!r} was taken as {taken!r}")


def assert_is_one_sentence(error: LabelStudioError, url: str) -> None:
    text = str(error)
    assert url in text
    assert "\n" not in text
    assert len(text) < 500
    assert "run this again" in text


def count_judgements(project: Project) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(judgements)).scalar_one())


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_of_another_shape_is_one_sentence(server: Studio, call: str) -> None:
    """Security 33: every call, every kind of answer."""
    with connected(server) as studio:
        for kind, content in ANSWERS.items():
            server.answer = lambda path, content=content: content  # type: ignore[misc]
            assert_is_one_sentence(refusal(lambda: CALLS[call](studio), kind), server.url)


def test_a_task_with_wrong_annotations_is_one_sentence(server: Studio) -> None:
    """Security 33: wrong types inside annotations, and texts that PostgreSQL refuses."""
    with connected(server) as studio:
        for wrong in WRONG_ANNOTATIONS:
            tasks = json.dumps({"tasks": [{"id": 1, "data": {"sha256": "ab" * 32}, "annotations": wrong}]}).encode()
            server.answer = lambda path, tasks=tasks: b"[]" if "/users" in path else tasks  # type: ignore[misc]
            assert_is_one_sentence(refusal(lambda: studio.everything(1), wrong), server.url)


def test_a_right_answer_is_still_read(server: Studio) -> None:
    tasks = json.dumps({"tasks": [{"id": 1, "data": {"sha256": "ab" * 32}, "annotations": [CHOICE]}]}).encode()
    server.answer = lambda path: b'[{"id": 1, "email": "ann@example.org"}]' if "/users" in path else tasks
    with connected(server) as studio:
        (answer,) = studio.everything(1).answers
    assert (answer.reviewer, answer.answer, answer.task_id) == ("ann@example.org", "cake", 1)


@pytest.mark.parametrize("are_heads_slow", [True, False])
def test_drops_are_not_waited_for(server: Studio, are_heads_slow: bool) -> None:
    """Security 33: an answer that comes drop by drop, from its head or its body on, ends after the limit."""
    server.answer, server.are_heads_slow = lambda path: None, are_heads_slow
    start = time.monotonic()
    with connected(server) as studio, pytest.raises(LabelStudioError, match="takes too long") as caught:
        studio.find_project("mark")
    assert time.monotonic() - start < DEADLINE_S
    assert_is_one_sentence(caught.value, server.url)


def test_the_same_page_again_and_again_ends(server: Studio) -> None:
    """Security 33: a list without an end, of pages that are each well formed."""
    page = json.dumps({"tasks": [{"id": n, "data": {}, "annotations": []} for n in (1, 2)]}).encode()
    server.answer = lambda path: page
    with connected(server) as studio, pytest.raises(LabelStudioError, match="page 2 has the tasks"):
        studio.everything(1)


def test_a_pull_of_another_shape_loses_nothing(collected: Project, server: Studio) -> None:
    """Security 33: the ledger stays as it was."""
    before = count_judgements(collected)
    server.answer = lambda path: b'{"results": 7}'
    with pytest.raises(LabelStudioError):
        pull(asking(collected, server.url, "hostile"))
    assert count_judgements(collected) == before


@pytest.mark.parametrize(("reviewer", "why"), [("a\0b", ""), ("ann", "a\0b"), ("\ud800", ""), ("ann", "\udfff")])
@pytest.mark.parametrize("name", ["answers.csv", "answers.json"])
def test_texts_that_no_database_takes_are_not_imported(
    collected: Project, tmp_path: Path, name: str, reviewer: str, why: str
) -> None:
    """Security 33: NUL and halves of characters in a file of answers are named, before the catalog sees them."""
    path = tmp_path / name
    if name.endswith(".json"):
        region = {"from_name": "why", "value": {"text": [why]}}
        answer = {"completed_by": {"email": reviewer}, "result": [choice_region("cake"), region]}
        path.write_text(json.dumps([{"data": {"sha256": "0" * 64}, "annotations": [answer]}]))
    else:
        text = f"sha256,label,reviewer,why\n{'0' * 64},cake,{reviewer},{why}\n"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadAnswers, match=r"no database takes|cannot be read"):
        import_answers(collected, path)
