"""Where the original of a picture may be, and whether it is there.

Also tests Asker.look and look_at of crawlers/asking.py.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import here
from crawling import jpeg, text

from simulator.server import Answer, Scripted, Server

PICTURE = "/wp-content/uploads/2020/01/cake{}.jpg"


@pytest.fixture
def server() -> Iterator[Server]:
    """A site of WordPress whose thumbnails are gone; it has a robots.txt."""
    running = Server(Scripted({PICTURE.format(""): jpeg(1), "/page.jpg": Answer(200, b"<p>no picture</p>")}))
    yield running
    running.stop()


def project(folder: Path, server: Server, contact: str = "https://example.org/crawler") -> Path:
    """A project that allows the server's private host."""
    lines = ["[project]", f'contact = "{contact}"', "[crawl]", f'allow_private_hosts = ["{server.address}"]']
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    return folder


def test_candidates_need_no_request(tmp_path: Path, server: Server) -> None:
    """The best comes first, and the address as it was given last."""
    url = "https://i0.wp.com/example.org/wp-content/uploads/2020/01/cake-300x200.jpg?w=300"
    ended = here(tmp_path, "originals", url, server.url + PICTURE.format("-300x200"), "--json")
    assert ended.returncode == 0, ended.stderr
    first, second = json.loads(ended.stdout)
    assert first["platform"] == "jetpack"
    assert first["candidates"][0]["url"] == "https://i0.wp.com/example.org/wp-content/uploads/2020/01/cake.jpg"
    assert first["candidates"][-1] == {"url": url, "rules": [], "is_tied": True, "exists": None, "answer": ""}
    assert [one["url"] for one in second["candidates"]] == [
        server.url + PICTURE.format(name) for name in ("", "-300x200")
    ]
    assert server.log == []


def test_check_says_which_exist(tmp_path: Path, server: Server) -> None:
    """robots.txt is asked first, and everything once."""
    folder = project(tmp_path, server)
    ended = here(folder, "originals", "--check", server.url + PICTURE.format("-300x200"), f"{server.url}/page.jpg")
    assert ended.returncode == 0, ended.stderr
    assert "exists: image/jpeg" in ended.stdout
    assert "answered 404" in ended.stdout
    assert "is no picture: text/html" in ended.stdout
    assert server.log[0].path == "/robots.txt"
    assert sum(hit.path == "/robots.txt" for hit in server.log) == 1
    assert sum(hit.path == PICTURE.format("") for hit in server.log) == 1


def test_robots_are_heeded(tmp_path: Path, server: Server) -> None:
    server.host.answers["/robots.txt"] = text("User-agent: *\nDisallow: /wp-content/\n")
    ended = here(project(tmp_path, server), "originals", "--check", server.url + PICTURE.format(""), "--json")
    (picture,) = json.loads(ended.stdout)
    assert [(one["exists"], one["answer"]) for one in picture["candidates"]] == [(False, "robots.txt: disallowed")]
    assert {hit.path for hit in server.log} == {"/robots.txt"}


def test_a_private_host_is_refused(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As elsewhere: it must be named in a project. Without a project, a contact is needed."""
    monkeypatch.chdir(tmp_path)
    url = server.url + PICTURE.format("")
    with_contact = [*("originals", "--check", url, "--json"), "--contact", "https://example.org"]
    assert "isitcake.toml" in here(tmp_path, *with_contact).sentence(2)  # --config names a file that is missing
    (folder := tmp_path / "other").mkdir()
    (folder / "isitcake.toml").write_text('[project]\ncontact = ""\n')
    assert "contact is empty" in here(folder, "originals", "--check", url).sentence(2)
    (picture,) = json.loads(here(folder, *with_contact).stdout)
    assert [one["exists"] for one in picture["candidates"]] == [False]
    assert "private" in picture["candidates"][0]["answer"]
    assert server.log == []
