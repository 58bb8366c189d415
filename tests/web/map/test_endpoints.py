"""The map's requests: who may see and ask what, and what is made again. Names web/map/endpoints.py."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from dataset.catalog.tables import audit, clusters, features, images, judgements, walls
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from labeling.wall.invitations import invite
from labeling.wall.walls import next_wall
from web.app import create_app
from web.gate.listening import Listening

PUBLIC = "https://cake.example.org"
PATHS = ("/map", "/map/content.json", "/map/pictures/{}", "/map/alike/{}")


def visitor(project: Project, *, public_pages: bool = False) -> TestClient:
    """A visitor from elsewhere, of a service with a public address."""
    web = project.settings.web.model_copy(update={"public_url": PUBLIC, "public_pages": public_pages})
    settings = project.settings.model_copy(update={"web": web})
    app = create_app(Project(settings, project.catalog, project.blobs), Listening("0.0.0.0", 8090))
    return TestClient(app, base_url=PUBLIC, follow_redirects=False, client=("203.0.113.7", 5000))


def some(project: Project) -> str:
    with project.catalog.read() as connection:
        return str(connection.execute(select(clusters.c.representative).order_by("representative")).scalars().first())


def test_the_map_is_behind_the_gate_of_the_other_pages(published_project: Project) -> None:
    """A reviewer from elsewhere sees the wall, and no map: it shows what the program suspects."""
    client = visitor(published_project)
    sha256 = some(published_project)
    assert client.get(f"/review/enter/{invite(published_project, 'ann', datetime.now(UTC))}").status_code == 303
    assert {path: client.get(path.format(sha256)).status_code for path in PATHS} == dict.fromkeys(PATHS, 403)
    assert client.post("/map/walls", json={"pictures": sha256[:16]}).status_code == 403


def test_a_visitor_of_public_pages_has_no_map(published_project: Project) -> None:
    """It shows pictures that no version holds, and what is suspected of them."""
    client = visitor(published_project, public_pages=True)
    sha256 = some(published_project)
    assert {path: client.get(path.format(sha256)).status_code for path in PATHS} == dict.fromkeys(PATHS, 403)
    assert "for the owner" in client.get("/map").text
    assert client.post("/map/walls", json={"pictures": sha256[:16]}).status_code == 403
    assert client.get(f"/why/{sha256[:12]}", follow_redirects=False).status_code == 404
    assert client.get(f"/why/{sha256}").status_code == 200


def test_the_content_is_sent_again_only_if_it_changed(published_project: Project) -> None:
    client = TestClient(create_app(published_project))
    first = client.get("/map/content.json")
    assert (first.status_code, "agreement" in first.json()["columns"]) == (200, True)
    again = client.get("/map/content.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    erase(published_project, Selection(Kind.SHA256, some(published_project)), "asked")
    changed = client.get("/map/content.json", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["count"] == first.json()["count"] - 1


def test_more_like_this_are_the_nearest_by_features(published_project: Project) -> None:
    client = TestClient(create_app(published_project))
    sha256 = some(published_project)
    found = client.get(f"/map/alike/{sha256}").json()["pictures"]
    assert found
    assert sha256 not in found
    with published_project.catalog.write() as connection:
        vector = connection.execute(select(features.c.vector).where(features.c.sha256 == sha256)).scalar_one()
        connection.execute(features.update().where(features.c.sha256 == found[-1]).values(vector=vector))
    fresh = TestClient(create_app(published_project))
    assert fresh.get(f"/map/alike/{sha256}").json()["pictures"][0] == found[-1]


@pytest.mark.parametrize("name", ["x", "0" * 64, "..%2fapp.py", "g" * 64])
def test_unknown_pictures_are_not_found(published_project: Project, name: str) -> None:
    client = TestClient(create_app(published_project))
    assert client.get(f"/map/alike/{name}").status_code == 404
    assert client.get(f"/map/pictures/{name}").status_code == 404


def test_chosen_pictures_become_a_wall_of_the_one_who_is_signed_in(published_project: Project) -> None:
    client = TestClient(create_app(published_project))
    with published_project.catalog.write() as connection:
        for table in (audit, judgements, walls):
            connection.execute(table.delete())
        names = connection.execute(select(clusters.c.representative).distinct()).scalars().all()[:4]
    digits = ",".join(name[:16] for name in names)
    assert client.post("/map/walls", json={"pictures": digits}).status_code == 403
    assert client.post("/review/begin", json={"name": "ann"}).status_code == 200
    made = client.post("/map/walls", json={"pictures": digits}).json()
    assert (made["pictures"], made["missing"]) == (4, 0)
    wall = next_wall(published_project, "ann", datetime.now(UTC))
    assert wall is not None
    assert set(wall.pictures.values()) <= {*names}


@pytest.mark.parametrize("pictures", ["x", "0" * 15, ",".join(f"{n:016x}" for n in range(101)), "%", "0" * 64])
def test_what_the_page_never_sends_is_refused(published_project: Project, pictures: str) -> None:
    client = TestClient(create_app(published_project))
    client.post("/review/begin", json={"name": "ann"})
    assert client.post("/map/walls", json={"pictures": pictures}).status_code == 400
    with published_project.catalog.read() as connection:
        assert connection.execute(select(walls)).first() is None


def test_nothing_chosen_makes_no_wall(published_project: Project) -> None:
    client = TestClient(create_app(published_project))
    client.post("/review/begin", json={"name": "ann"})
    assert client.post("/map/walls", json={"pictures": "0" * 16}).json()["walls"] == 0
    assert client.post("/map/walls", json={}).json()["walls"] == 0


def test_details_say_why_the_queue_asks(published_project: Project) -> None:
    client = TestClient(create_app(published_project))
    with published_project.catalog.read() as connection:
        names = connection.execute(select(images.c.sha256)).scalars().all()
    about = [client.get(f"/map/pictures/{name}").json() for name in names]
    assert all(" says " in one["claim"] for one in about)
    assert any(one["reasons"] for one in about)
