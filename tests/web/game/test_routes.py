"""All routes of the game: web/game/routes.py and web/game/http.py."""

import httpx
import pytest
from starlette.testclient import TestClient

from dataset.names.rename import rename_label
from dataset.project import Project
from web.app import create_app
from web.game.deck import load_deck
from web.game.room_endpoints import MOST_PICTURES, ROOM_PICTURES


@pytest.mark.parametrize("path", ["/play", "/playground", "/show", "/join", "/play/table", "/static/play.js"])
def test_every_page_has_a_strict_policy(web: httpx.Client, path: str) -> None:
    """No inline script or style, and no content type but the one that is said."""
    answer = web.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/..%2fapp.py", "/static/unknown.js", "/vendor/ort/..%2f..%2fapp.py",
     "/play/rounds/../0.jpg"],
)  # fmt: skip
def test_no_other_file_is_served(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404


@pytest.mark.parametrize(("name", "media_type"), [("play.js", "text/javascript"), ("style.css", "text/css")])
def test_static_files_have_their_media_type(web: httpx.Client, name: str, media_type: str) -> None:
    answer = web.get(f"/static/{name}")
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/play", "/show", "/play/table", "/playground"])
def test_without_a_version_the_pages_say_what_to_do(collected: Project, path: str) -> None:
    """The command is named, and the page has the status of a page."""
    answer = TestClient(create_app(collected)).get(path)
    assert answer.status_code == 200
    assert "run <code>isitcake" in answer.text


def test_without_a_version_requests_are_refused(collected: Project) -> None:
    client = TestClient(create_app(collected))
    assert client.post("/play/rounds", json={}).status_code == 409
    assert client.post("/show", json={}).status_code == 409
    assert client.get("/play/model.json").status_code == 404
    assert client.get("/play/model.onnx").status_code == 404


def test_the_playground_says_the_new_name_of_a_label(trained: Project) -> None:
    """Data F5: in the browser, which gets the labels, and on the server, which classifies."""
    rename_label(trained, "cake", "torte")
    client = TestClient(create_app(trained))
    assert client.get("/play/model.json").json()["labels"] == ["torte", "not_cake"]
    photo = next((trained.home / "versions").rglob("*.jpg")).read_bytes()
    assert set(client.post("/playground/judge", content=photo).json()["probabilities"]) == {"torte", "not_cake"}


def test_a_room_offers_as_many_pictures_as_there_are(published_project: Project) -> None:
    """A small project has fewer test pictures than a room takes: the page says how many, and asks for no more."""
    there = len(load_deck(published_project).rows)
    page = TestClient(create_app(published_project)).get("/show").text
    assert there < MOST_PICTURES
    assert f"Number of pictures (there are {there})" in page
    assert f'max="{there}" value="{min(there, ROOM_PICTURES)}"' in page


@pytest.mark.parametrize("path", ["/play", "/show", "/play/table"])
def test_a_visitor_reads_no_path_of_this_machine(published_project: Project, path: str) -> None:
    """Where a file cannot be read, the owner reads which one in the log."""
    (published_project.home / "catalog.db").write_bytes(b"no catalog" * 1000)
    answer = TestClient(create_app(published_project)).get(path, headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert str(published_project.home) not in answer.text


def test_too_many_rounds_of_one_address_must_wait(published_project: Project) -> None:
    """The message says how long."""
    client = TestClient(create_app(published_project))
    answers = [client.post("/play/rounds", json={"nickname": "<"}) for _ in range(130)]
    assert answers[0].status_code == 422
    assert answers[-1].status_code == 429
    assert answers[-1].json() == {"detail": "too many requests; wait a minute"}
