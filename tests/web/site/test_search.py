"""The page that searches pictures: web/site/search.py."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dataset.project import Project
from dataset.search.find import Search
from dataset.search.query import Query
from dataset.versions import published
from labeling.answer_files import import_answers
from labeling.queue import next_items
from web.app import create_app
from web.gate.listening import Listening
from web.site.search import search_html

BROWSER = {"accept": "text/html"}
THUMB = re.compile(r'<a href="/why/([0-9a-f]{64})"><img src="/thumbs/\1\.jpg"')


@pytest.fixture
def client(collected: Project) -> TestClient:
    return TestClient(create_app(collected), follow_redirects=False)


def test_every_result_opens_its_history(client: TestClient) -> None:
    page = client.get("/search?words=cake").text
    found = THUMB.findall(page)
    assert found
    assert page.count("<img") == len(found)
    assert client.get(f"/why/{found[0]}").status_code == 200


def test_choices_and_words_stay_from_page_to_page(collected: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.site.search.PER_PAGE", 5)
    search = Search(collected)
    page, status = search_html(search, Query("cake", {"label": "cake"}), 2)
    assert status == 200
    assert 'value="cake" maxlength' in page
    assert '<option value="cake" selected>' in page
    assert "/search?words=cake&amp;label=cake&amp;page=3" in page
    assert 'href="/search?words=cake&amp;label=cake" rel="prev"' in page
    beyond, _ = search_html(search, Query("cake"), 900)
    assert "Go to the last one" in beyond


def test_an_unknown_value_has_the_nearest_one_as_a_link(client: TestClient) -> None:
    answer = client.get("/search?words=red&label=cakes", headers=BROWSER)
    assert answer.status_code == 422
    assert "No label &#39;cakes&#39;; did you mean &#39;cake&#39;?" in answer.text
    assert 'href="/search?words=red&amp;label=cake"' in answer.text
    assert client.get("/search?page=x").status_code == 422
    assert client.get("/search?page=99999999999999999999").status_code == 422


def test_nothing_found_says_what_to_try(client: TestClient) -> None:
    page = client.get("/search?words=zeppelin&label=cake").text
    assert "No picture fits" in page
    assert 'href="/search?label=cake">without the words' in page


def test_words_of_a_visitor_are_text(client: TestClient) -> None:
    assert "<script>" not in client.get("/search", params={"words": "<script>alert(1)</script>"}).text


def test_answers_are_for_the_owner_and_reviewers_are_not_named(collected: Project, tmp_path: Path) -> None:
    """On the machine itself, reviewers look too: they must not find what others said."""
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{next_items(collected, 1)[0]['sha256']},unsure,ann@example.org\n")
    import_answers(collected, path)
    owner = TestClient(create_app(collected)).get("/search?answer=unsure")
    assert "<b>1 picture</b>" in owner.text
    assert "ann" not in owner.text.replace("cannot", "")
    at_the_machine = TestClient(
        create_app(collected, Listening("127.0.0.1", 80)), base_url="http://127.0.0.1", client=("127.0.0.1", 5)
    ).get("/search?answer=unsure")
    assert at_the_machine.status_code == 200
    assert 'name="answer"' not in at_the_machine.text
    assert "<b>1 picture</b>" not in at_the_machine.text
    elsewhere = TestClient(
        create_app(collected, Listening("0.0.0.0", 80)), base_url="http://192.0.2.1", client=("192.0.2.7", 5)
    ).get("/search")
    assert elsewhere.status_code in (403, 421)


@pytest.mark.parametrize("path", ["/", "/versions", "/models", "/report"])
def test_every_page_has_the_box(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert 'action="/search"' in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]


def test_everybody_finds_pictures_of_the_newest_version_only(published_project: Project) -> None:
    """With [web] public_pages, a visitor from elsewhere; the machine itself and the owner find all."""
    settings = published_project.settings
    web = settings.web.model_copy(update={"public_pages": True})
    project = Project(settings.model_copy(update={"web": web}), published_project.catalog, published_project.blobs)
    version = published.newest(project.home)
    assert version is not None
    app = create_app(project, Listening("0.0.0.0", 80))
    elsewhere = TestClient(app, base_url="http://192.0.2.1", client=("192.0.2.7", 5)).get("/search")
    everything = TestClient(create_app(project)).get("/search")
    assert f"<b>{version.images} pictures</b>" in elsewhere.text
    assert set(THUMB.findall(elsewhere.text)) <= {row.sha256 for row in version.rows()}
    assert len(THUMB.findall(everything.text)) >= version.images
