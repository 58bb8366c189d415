"""What the service answers beside the game: web/app.py and web/http.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

import web.app
from dataset.catalog.tables import images
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.versions import published
from labeling.picture_links import picture_url
from web.app import create_app
from web.pages.contact_sheet import write_contact_sheet
from web.pages.report import write_report


@pytest.fixture
def client(published_project: Project) -> TestClient:
    return TestClient(create_app(published_project), follow_redirects=False)


def an_image(project: Project) -> str:
    with project.catalog.read() as connection:
        return str(connection.execute(select(images.c.sha256).order_by(images.c.sha256).limit(1)).scalar_one())


def test_health(client: TestClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_pages_that_need_a_script_say_so() -> None:
    """A browser without JavaScript shows a sentence, not a form that does nothing."""
    pages = {path.name: path.read_text() for path in (Path(web.app.__file__).parent / "templates").iterdir()}
    assert [name for name, text in pages.items() if "<script" in text and "<noscript" not in text] == []


def test_errors_are_json(client: TestClient) -> None:
    """Unknown paths and wrong methods, too."""
    answer = client.get("/unknown")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    answer = client.post("/health")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET"


def test_a_picture_needs_its_signed_address(published_project: Project, client: TestClient) -> None:
    """Label Studio's page may load it. A changed or missing signature is answered as if there were no picture."""
    sha256 = an_image(published_project)
    path = picture_url(published_project.settings, sha256).removeprefix(published_project.settings.review.pictures_url)
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["access-control-allow-origin"] == "*"
    for wrong in (path.partition("?")[0], f"{path[:-1]}x", path.replace("until=", "until=x"), "/pictures/a.jpg"):
        assert client.get(wrong).status_code == 404, wrong


def test_a_browser_keeps_a_signed_picture_for_a_minute_only(published_project: Project, client: TestClient) -> None:
    """Security 30: so that an erasure is seen soon; after it, the same address has no picture."""
    sha256 = an_image(published_project)
    path = picture_url(published_project.settings, sha256).removeprefix(published_project.settings.review.pictures_url)
    kept = re.fullmatch(r"private, max-age=(\d+)", client.get(path).headers["cache-control"])
    assert kept
    assert int(kept[1]) <= 60
    erase(published_project, Selection(Kind.SHA256, sha256), "asked")
    assert client.get(path).status_code == 404


def test_an_original_that_is_gone_is_gone(published_project: Project, client: TestClient) -> None:
    """The address is right, but the picture was deleted: 410."""
    sha256 = an_image(published_project)
    path = picture_url(published_project.settings, sha256).removeprefix(published_project.settings.review.pictures_url)
    for file in published_project.home.rglob(f"{sha256}*"):
        file.unlink()
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (410, {"detail": "this picture was deleted"})


def test_reports_are_served_as_they_were_written(published_project: Project, client: TestClient) -> None:
    """No other file of the folder is."""
    version = published.newest(published_project.home)
    assert version is not None
    page = write_report(published_project)
    sheet = write_contact_sheet(published_project, version.name)
    (sheet.parent / "notes.html").write_text("private")
    answer = client.get(f"/reports/{page.name}")
    assert answer.text == page.read_text(encoding="utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get(f"/reports/{sheet.name}").content == sheet.read_bytes()
    for name in ("notes.html", "2020.1.0.html", "..%2fcatalog.db"):
        assert client.get(f"/reports/{name}").status_code == 404, name


def test_the_report_is_a_page_with_navigation(client: TestClient) -> None:
    """Its pictures have addresses, and each opens its history; no style stands inside it."""
    answer = client.get("/report")
    assert answer.status_code == 200
    assert "Next questions for reviewers" in answer.text
    assert 'href="/why/' in answer.text
    assert "data:image" not in answer.text
    assert "unsafe-inline" not in answer.headers["content-security-policy"]


def test_the_history_of_an_image_is_found_by_the_start_of_its_sha256(
    published_project: Project, client: TestClient
) -> None:
    sha256 = an_image(published_project)
    for known in (sha256, sha256[:12]):
        assert sha256 in client.get(f"/why/{known}", follow_redirects=True).text
    for wrong in ("0" * 64, "x"):
        assert client.get(f"/why/{wrong}").status_code == 404, wrong


def test_the_webhook_needs_its_secret(published_project: Project) -> None:
    """Without a configured secret there is no webhook. With it, the answer comes before the pull is tried."""
    path = "/webhooks/label-studio"
    assert TestClient(create_app(published_project)).post(path).status_code == 404
    secrets = published_project.settings.secrets.model_copy(update={"webhook_secret": SecretStr("s3cret")})
    settings = published_project.settings.model_copy(update={"secrets": secrets})
    client = TestClient(create_app(Project(settings, published_project.catalog, published_project.blobs)))
    assert client.post(path, headers={"X-Isitcake-Secret": "wrong"}).status_code == 404
    answer = client.post(path, headers={"X-Isitcake-Secret": "s3cret"}, json={"action": "x"})
    assert (answer.status_code, answer.json()) == (202, {"status": "awake"})


@pytest.mark.slow  # starts the service
def test_nothing_loads_fastapi() -> None:
    """The pin of FastAPI is Prefect's alone."""
    code = "import sys, web.app; print([name for name in sys.modules if name.startswith('fastapi')])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
