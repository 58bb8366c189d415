"""Ids from outside with characters that PostgreSQL refuses: they never reach the catalog, of a project with a game."""

from typing import Any

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from dataset.project import Project
from web.app import create_app

BAD_IDS = ["%00", "a%00b", "0" * 31 + "%00", "%ED%A0%80", "%FF", "0" * 32 + "%00", "0" * 64 + "%00", "%00.jpg"]
PATHS = [
    "/play/rounds/{}", "/play/rounds/{}/0.jpg", "/join/{}", "/show/{}/0.jpg", "/why/{}", "/pictures/{}",
    "/pictures/{}.jpg", "/reports/{}", "/thumbs/{}.jpg", "/versions/{}", "/diffs/{0}/{0}", "/models/{}",
    "/probes/{}", "/sources/{}", "/review/enter/{}", "/review/walls/{}/0", "/pictures/x.jpg?until={0}&sig={0}",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_bad_id_is_refused_before_the_catalog(published_project: Project, path: str) -> None:
    """Security 33: a NUL in an id is answered with 4xx (or the page that asks for a room), and no query has it."""
    values: list[str] = []

    def note(*arguments: Any) -> None:
        values.append(repr(arguments[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        client = TestClient(create_app(published_project), raise_server_exceptions=False, follow_redirects=False)
        answers = {bad: client.get(path.format(bad)).status_code for bad in BAD_IDS}
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    allowed = {303} if path.startswith("/join/") else set()
    assert {bad: status for bad, status in answers.items() if not (400 <= status < 500 or status in allowed)} == {}
    assert not any("\\x00" in value for value in values)


@pytest.mark.parametrize("content", [b'{"answer": "a\\u0000b"}', b'{"player": "\\u0000"}', b'{"nickname": "\\ud800"}'])
def test_a_bad_text_in_a_body_is_refused(published_project: Project, content: bytes) -> None:
    """Security 33: the same in the bodies of requests."""
    client = TestClient(create_app(published_project), raise_server_exceptions=False)
    headers = {"Content-Type": "application/json"}
    for path in ("/play/rounds", f"/play/rounds/{'0' * 32}/0", "/play/rounds/%00/0", "/show"):
        assert 400 <= client.post(path, content=content, headers=headers).status_code < 500
