"""Who may see the pages beside the game, asked of a real `isitcake serve`: web/pages/access.py and rendered.py."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from dataset.catalog.tables import judgements
from dataset.catalog.writes import append
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from foundation.settings import Settings
from simulator.web_service import SECRET, Serve, Serving
from web.pages.access import owner_link
from web.pages.rendered import project_state
from web.pages.report import write_report

PUBLIC = "https://game.example.org"
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def public(serve: Serve) -> Serving:
    return serve(f'public_url = "{PUBLIC}"')


@pytest.fixture(scope="module")
def open_pages(serve: Serve) -> Serving:
    return serve(f'public_url = "{PUBLIC}"\npublic_pages = true')


def paths(serving: Serving) -> list[str]:
    """The report, a page that was written, and the history of an image."""
    project = open_project(serving.folder / "isitcake.toml")
    version = published.newest(project.home)
    assert version is not None
    name = write_report(project).name
    project.close()
    return ["/", f"/reports/{name}", f"/why/{version.rows()[0].sha256}"]


def test_the_machine_itself_sees_the_pages(serving: Serving) -> None:
    """Security 15: a browser of this machine needs no link."""
    for path in paths(serving):
        answer = httpx.get(serving.url + path, timeout=TIMEOUT_S)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"}]
)
def test_a_proxy_of_this_machine_is_not_the_machine(serving: Serving, headers: dict[str, str]) -> None:
    """Security 15: what a proxy hands on comes from anybody."""
    first, *others = paths(serving)
    assert httpx.get(serving.url + first, headers=headers).headers["location"] == "/play"
    for path in others:
        assert httpx.get(serving.url + path, headers=headers).status_code == 403


def test_with_a_public_address_pages_need_a_link(public: Serving) -> None:
    """Security 15: the proxy may hand requests on without a sign. The link is printed when the service starts."""
    first, *others = paths(public)
    assert httpx.get(public.url + first).headers["location"] == "/play"
    for path in others:
        answer = httpx.get(public.url + path)
        assert answer.status_code == 403
        assert "public_pages" in answer.json()["detail"]
    printed = re.search(rf"{re.escape(PUBLIC)}/\?(until=\d+&sig=[0-9a-f]+)", public.printed().replace("\n", ""))
    assert printed
    for path in (first, *others):
        assert httpx.get(f"{public.url}{path}?{printed[1]}", timeout=TIMEOUT_S).status_code == 200, path
        for wrong in (f"{printed[1][:-1]}x", printed[1].replace("until=1", "until=2"), "until=9&sig=9", "until=x"):
            assert httpx.get(f"{public.url}{path}?{wrong}").status_code in (303, 403)


def test_pages_are_public_where_the_owner_says_so(open_pages: Serving) -> None:
    for path in paths(open_pages):
        assert httpx.get(open_pages.url + path, timeout=TIMEOUT_S).status_code == 200, path


def test_a_history_tells_a_reviewer_no_answers(
    serving: Serving, open_pages: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 32: neither in public nor at the machine, where reviewers sit too. The owner's link shows them."""
    monkeypatch.setenv("ISITCAKE_SECRET", SECRET)
    for service in (serving, open_pages):
        path = paths(service)[-1]
        page = httpx.get(service.url + path, timeout=TIMEOUT_S).text
        assert "<dt>seen</dt>" in page
        for kind in ("judgement", "decision", "queue", "asked", "audit", "finding"):
            assert f"<dt>{kind}</dt>" not in page
        assert "says cake</dd>" not in page.replace("which says cake", "")
        assert "by human" not in page
        settings = open_project(service.folder / "isitcake.toml").settings
        with_link = owner_link(settings, service.url, path)
        assert "reviewer 1 says" in httpx.get(with_link, timeout=TIMEOUT_S).text


def test_the_report_is_made_once(serving: Serving) -> None:
    """Security 15: forty requests at once cost one rendering, and /health answers meanwhile."""
    project = open_project(serving.folder / "isitcake.toml")
    answer_something(project)
    with ThreadPoolExecutor(20) as pool:
        pages = [pool.submit(httpx.get, serving.url, timeout=TIMEOUT_S) for _ in range(40)]
        assert httpx.get(f"{serving.url}/health", timeout=10).is_success
        texts = {page.result().text for page in pages}
    assert len(texts) == 1
    before = project_state(project)
    answer_something(project)
    assert project_state(project) != before
    project.close()


def test_too_many_views_of_one_address_must_wait(open_pages: Serving) -> None:
    """Security 15."""
    path = paths(open_pages)[1]
    with httpx.Client(base_url=open_pages.url, timeout=TIMEOUT_S) as client:
        assert 429 in {client.get(path).status_code for _ in range(200)}


def test_without_a_secret_there_is_no_link() -> None:
    assert owner_link(Settings(), PUBLIC, "/") == ""


def answer_something(project: Project) -> None:
    version = published.newest(project.home)
    assert version is not None
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        append(connection, judgements, [
            {"sha256": version.rows()[0].sha256, "reviewer": "ben", "answer": "cake", "answered_at": now,
             "origin": "import", "external_id": now.isoformat(), "recorded_at": now}])  # fmt: skip
