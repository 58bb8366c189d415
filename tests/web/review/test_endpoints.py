"""The wall's pages and requests: who may see and answer what. web/review/endpoints.py, web/site/endpoints.py."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from dataset.catalog.tables import images, judgements
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from labeling.wall.invitations import invite, revoke
from simulator.web_service import Serve, Serving
from web.app import create_app
from web.gate.listening import Listening

PUBLIC = "https://cake.example.org"
NO_WALL = f"/review/walls/{'0' * 16}"


@pytest.fixture
def guarded(published_project: Project) -> TestClient:
    """A visitor from elsewhere, of a service with a public address."""
    web = published_project.settings.web.model_copy(update={"public_url": PUBLIC})
    settings = published_project.settings.model_copy(update={"web": web})
    project = Project(settings, published_project.catalog, published_project.blobs)
    app = create_app(project, Listening("0.0.0.0", 8090))
    return TestClient(app, base_url=PUBLIC, follow_redirects=False, client=("203.0.113.7", 5000))


def signed_in(client: TestClient, project: Project, name: str = "ann") -> TestClient:
    answer = client.get(f"/review/enter/{invite(project, name, datetime.now(UTC))}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    return client


def test_a_link_signs_in_and_the_cookie_is_closed_to_scripts(guarded: TestClient, published_project: Project) -> None:
    """Over https it is sent over https only; no page holds the name of another reviewer."""
    assert guarded.get("/review").status_code == 403
    token = invite(published_project, "ann", datetime.now(UTC))
    invite(published_project, "bob", datetime.now(UTC))
    cookie = guarded.get(f"/review/enter/{token}").headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "secure", "samesite=lax"))
    page = guarded.get("/review")
    assert page.status_code == 200
    assert "bob" not in page.text
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("token", ["x", "x" * 32, "..%2f..%2fapp.py"])
def test_a_wrong_link_signs_nobody_in(guarded: TestClient, token: str) -> None:
    answer = guarded.get(f"/review/enter/{token}")
    assert answer.status_code in (403, 404)
    assert "set-cookie" not in answer.headers


def test_nobody_else_answers_or_sees_pictures(guarded: TestClient, published_project: Project) -> None:
    """Requests without a cookie, or with one that was revoked."""
    with published_project.catalog.read() as connection:
        sha256 = connection.execute(select(images.c.sha256).limit(1)).scalar_one()
    requests = [
        ("POST", "/review/walls"), ("POST", f"{NO_WALL}/0"), ("POST", f"{NO_WALL}/confirm"),
        ("POST", f"{NO_WALL}/reopen"), ("GET", f"{NO_WALL}/0"), ("GET", f"{NO_WALL}/0/picture"),
        ("GET", f"/thumbs/{sha256}.jpg"), ("POST", "/review/begin"),
    ]  # fmt: skip
    for method, path in requests:
        assert guarded.request(method, path, json={} if method == "POST" else None).status_code == 403, path
    signed_in(guarded, published_project)
    assert guarded.get(f"/thumbs/{sha256}.jpg").headers["content-type"] == "image/jpeg"
    assert guarded.post("/review/walls", json={}).status_code == 200
    revoke(published_project, "ann", datetime.now(UTC))
    for method, path in requests:
        assert guarded.request(method, path, json={} if method == "POST" else None).status_code == 403, path


def test_public_pages_show_published_pictures_only(published_project: Project) -> None:
    """Security 36: what no version holds is for reviewers and the owner."""
    web = published_project.settings.web.model_copy(update={"public_url": PUBLIC, "public_pages": True})
    settings = published_project.settings.model_copy(update={"web": web})
    project = Project(settings, published_project.catalog, published_project.blobs)
    app = create_app(project, Listening("0.0.0.0", 8090))
    client = TestClient(app, base_url=PUBLIC, client=("203.0.113.7", 5000))
    with project.catalog.read() as connection:
        names = set(connection.execute(select(images.c.sha256)).scalars())
    held = {path.stem for path in project.home.glob("versions/*/data/*/*/*.jpg")}
    published = {name for name in names if name[:16] in held}
    assert published
    assert names - published
    assert client.get(f"/thumbs/{min(published)}.jpg").status_code == 200
    assert client.get(f"/thumbs/{min(names - published)}.jpg").status_code == 404
    assert "ann" not in client.get("/").text


def test_an_erased_picture_has_no_thumbnail(published_project: Project) -> None:
    """Though it was in memory."""
    client = TestClient(create_app(published_project))
    with published_project.catalog.read() as connection:
        sha256 = connection.execute(select(images.c.sha256).limit(1)).scalar_one()
    assert client.get(f"/thumbs/{sha256}.jpg").status_code == 200
    erase(published_project, Selection(Kind.SHA256, sha256), "asked")
    assert client.get(f"/thumbs/{sha256}.jpg").status_code == 404


def test_a_wall_is_answered_by_requests(guarded: TestClient, published_project: Project) -> None:
    """Tap, confirm, open again; purposes are not told."""
    client = signed_in(guarded, published_project)
    wall = client.post("/review/walls", json={"most": 12}).json()
    assert "gold" not in str(wall)
    assert client.post("/review/walls", json={}).json()["wall"] == wall["wall"]
    path = f"/review/walls/{wall['wall']}"
    about = client.get(f"{path}/0").json()
    assert set(about) == {"claim", "reasons", "alike"}
    assert client.get(f"{path}/0/picture").headers["content-type"] == "image/jpeg"
    assert client.post(f"{path}/0", json={"answer": "unusable", "at": 1}).status_code == 200
    assert client.post(f"{path}/0", json={"answer": "nonsense", "at": 2}).status_code == 409
    done = client.post(f"{path}/confirm", json={"odd": f"0:{wall['answers'].index('unusable')}", "seconds": 20}).json()
    assert (done["odd"], done["confirmed"]) == (1, len(wall["pictures"]) - 1)
    assert client.post(f"{path}/1", json={"answer": "unusable", "at": 3}).status_code == 409
    assert client.post(f"{path}/reopen", json={}).status_code == 200
    with published_project.catalog.read() as connection:
        n_rows = connection.execute(select(func.count()).select_from(judgements)).scalar_one()
    assert n_rows == 1 + 2 * (len(wall["pictures"]) - 1)


@pytest.mark.parametrize("fields", [{"odd": "0:99"}, {"odd": "x"}, {"unseen": "a"}, {"odd": "1:1", "unseen": "9999"}])
def test_what_the_page_never_sends_is_refused(
    guarded: TestClient, published_project: Project, fields: dict[str, str]
) -> None:
    client = signed_in(guarded, published_project)
    wall = client.post("/review/walls", json={"most": 12}).json()["wall"]
    assert client.post(f"/review/walls/{wall}/confirm", json=fields).status_code == 400


def test_a_foreign_page_answers_nothing(guarded: TestClient, published_project: Project) -> None:
    """The browser would send the cookie along: the gate looks at where the request comes from."""
    client = signed_in(guarded, published_project)
    answer = client.post("/review/walls", json={}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    form = client.post("/review/walls", data={"most": "12"}, headers={"Origin": PUBLIC})
    assert form.status_code == 415


def test_the_owners_link_lasts_for_other_pages(serve: Serve) -> None:
    """A cookie keeps it, so that the links between the pages work."""
    import re

    import httpx

    service: Serving = serve(f'public_url = "{PUBLIC}"')
    printed = re.search(r"/\?(until=\d+&sig=[0-9a-f]+)", service.printed().replace("\n", ""))
    assert printed
    with httpx.Client(base_url=service.url, headers={"Host": "cake.example.org"}) as client:
        assert client.get("/versions").status_code == 403
        opened = client.get(f"/?{printed[1]}")
        assert opened.status_code == 200
        cookie = opened.headers["set-cookie"].partition(";")[0]
        assert client.get("/versions", headers={"Cookie": cookie}).status_code == 200
        assert client.get("/versions", headers={"Cookie": cookie[:-1] + "x"}).status_code == 403


def test_every_link_of_the_pages_works(published_project: Project) -> None:
    """Home, versions, a version with its card, diffs, models, probes: no link leads nowhere."""
    import re

    client = TestClient(create_app(published_project))
    todo, seen = ["/"], set()
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found = re.findall(r'(?:href|src)="(/[^"#]*)"', answer.text)
        few_pictures = [one for one in found if one.startswith(("/why/", "/thumbs/"))][:2]
        todo += [
            one
            for one in {*few_pictures, *(f for f in found if not f.startswith(("/why/", "/thumbs/")))}
            if one not in seen
        ]
        todo = list(dict.fromkeys(todo))
    assert {"/", "/report", "/versions", "/models", "/probes", "/review", "/play"} <= seen


def test_the_terminal_prints_a_link_that_works(published_project: Project, guarded: TestClient) -> None:
    from click.testing import CliRunner

    from isitcake.cli import cli

    config = ["--config", str(published_project.settings.root)]
    made = CliRunner().invoke(cli, ["review", "invite", "ann", *config])
    assert made.exit_code == 0, made.output
    path = "/review/" + made.output.strip().rpartition("/review/")[2]
    assert guarded.get(path).status_code == 303
    ended = CliRunner().invoke(cli, ["review", "revoke", "ann", *config])
    assert ended.output.strip() == "1 link ended"
    assert guarded.get(path).status_code == 403
