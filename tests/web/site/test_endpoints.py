"""Pages about the project as a browser gets them: web/site/endpoints.py."""

import asyncio
import re
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from dataset.catalog.tables import images
from dataset.labels.holding import Holding
from dataset.project import Project
from dataset.versions import published
from labeling.answer_files import import_answers
from labeling.queue import next_items
from web.app import create_app
from web.pages.access import PageAccess
from web.site.endpoints import SiteEndpoints

BROWSER = {"accept": "text/html"}


@pytest.fixture
def client(published_project: Project) -> TestClient:
    return TestClient(create_app(published_project), follow_redirects=False)


def first_image(project: Project) -> str:
    with project.catalog.read() as connection:
        return str(connection.execute(select(images.c.sha256).order_by(images.c.sha256).limit(1)).scalar_one())


def test_a_unique_start_of_a_sha256_opens_its_history(published_project: Project, client: TestClient) -> None:
    sha256 = first_image(published_project)
    answer = client.get(f"/why/{sha256[:12].upper()}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/why/{sha256}")
    assert f"/thumbs/{sha256}.jpg" in client.get(f"/why/{sha256}").text
    for wrong in ("000", "0" * 12, "0" * 64, "zzzz", f"{sha256}0"):
        assert client.get(f"/why/{wrong}", headers=BROWSER).status_code == 404, wrong


@pytest.mark.parametrize("path", ["/nothing", "/why/zz", "/versions/2020.1.0", "/sources/nobody", "/probes/nothing"])
def test_a_missing_page_is_a_page_with_a_way_back(path: str, client: TestClient) -> None:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert "<nav" in answer.text
    assert '<a class="button" href="/">Home</a>' in answer.text
    assert "Not Found" not in answer.text


@pytest.mark.parametrize("headers", [BROWSER, {}])
def test_an_unknown_source_tells_no_path_of_this_machine(
    published_project: Project, client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.get("/sources/nobody", headers=headers)
    assert answer.status_code == 404
    assert "nobody" in answer.text
    assert str(published_project.settings.root) not in answer.text
    assert "isitcake.toml" not in answer.text


def test_every_page_has_navigation_and_every_thumbnail_opens_its_history(
    published_project: Project, client: TestClient
) -> None:
    version = published.newest(published_project.home)
    assert version is not None
    paths = ["/", "/search", "/report", "/versions", f"/versions/{version.name}", "/models", "/probes"]
    for path in [*paths, f"/why/{first_image(published_project)}"]:
        page = client.get(path).text
        assert 'aria-label="Pages"' in page, path
        shown = re.findall(r'(<a href="/why/[0-9a-f]{64}">)?<img (?!class="portrait")', page)
        assert all(shown), path


def test_an_answer_is_on_the_page_at_once(published_project: Project, client: TestClient, tmp_path: Path) -> None:
    """Home, the history and the report; the report may say for a moment that it is being made again."""
    sha256 = next_items(published_project, 1)[0]["sha256"]
    for page in ("/", f"/why/{sha256}", "/report"):
        client.get(page)
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{sha256},unusable,ann@example.org\n")
    import_answers(published_project, path)
    assert "ann@example.org <b>1</b>" in client.get("/").text
    assert "unusable, by human" in client.get(f"/why/{sha256}").text.lower()
    report = client.get("/report").text
    assert "→ unusable" in report or "something changed since" in report


def test_after_a_start_the_first_pages_are_there(published_project: Project) -> None:
    access = PageAccess(published_project.settings, None)
    site = SiteEndpoints(published_project, access, lambda _: False, Holding())
    asyncio.run(site.warm_up())
    assert {("home", True), ("home", False)} <= set(site.kept())
    assert ("report",) in site.kept()
