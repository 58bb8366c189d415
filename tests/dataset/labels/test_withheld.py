"""A picture that may be explicit: in no version, on no wall, in no page, until a person answered about it."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from small_projects import SmallProject
from sqlalchemy import select
from starlette.testclient import TestClient
from zoo_networks import redness

from dataset.catalog.tables import images
from dataset.labels.withheld import representatives, withheld
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from labeling.answer_files import import_answers
from labeling.picture_links import picture_url
from labeling.queue import next_items
from labeling.wall.walls import next_wall
from web.app import create_app
from web.pages.contact_sheet import write_contact_sheet
from web.pages.report import write_report
from web.pictures import neutral_card

NOW = datetime.now(UTC)


def red(path: Path) -> str:
    """Make a picture red, which the made-up network takes for explicit. Returns its SHA-256."""
    with Image.open(path) as image:
        grey = image.convert("L")
    out = io.BytesIO()
    tinted = Image.merge(
        "RGB", (grey.point(lambda v: 200 + v // 5), ImageChops.constant(grey, 5), grey.point(lambda v: v // 9))
    )
    tinted.save(out, "JPEG", quality=95)
    path.write_bytes(out.getvalue())
    return hashlib.sha256(out.getvalue()).hexdigest()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallProject, str]:
    """A project with a version, of which the network takes one picture for explicit; and that picture."""
    folder = tmp_path_factory.mktemp("explicit")
    small = SmallProject(folder, pictures=6)
    small.configure("cups n not_cake own", "cakes c cake own", more='subject = ""')  # no pack excludes it
    sha256 = red(sorted((folder / "c").iterdir())[0])
    (folder / "red.onnx").write_bytes(redness())
    path = folder / "isitcake.toml"
    path.write_text(f'{path.read_text()}\n[safety]\nnsfw = "red.onnx"\n')
    small.run("collect", "curate", "publish")
    return small, sha256


@pytest.fixture
def suspicious(home: tuple[SmallProject, str], tmp_path: Path) -> Iterator[tuple[Project, str]]:
    """A copy of it, open."""
    small, sha256 = home
    small.copy(tmp_path)
    project = open_project(tmp_path)
    yield project, sha256
    project.close()


def names_in_version(project: Project) -> set[str]:
    version = published.newest(project.home)
    assert version is not None
    return {row.sha256 for row in version.rows()}


def test_it_waits_in_the_queue_with_the_reason_and_is_not_published(suspicious: tuple[Project, str]) -> None:
    project, sha256 = suspicious
    with project.catalog.read() as connection:
        assert list(withheld(connection, project.settings)) == [sha256]
        assert representatives(connection, project.settings) == [sha256]
    first = next_items(project, 1)[0]
    assert first["sha256"] == sha256
    assert any("may be explicit" in reason for reason in first["reasons"])
    assert sha256 not in names_in_version(project)


def test_no_page_shows_it_until_the_owner_opens_it(suspicious: tuple[Project, str]) -> None:
    project, sha256 = suspicious
    client = TestClient(create_app(project))
    assert client.get(f"/thumbs/{sha256}.jpg").content == neutral_card()
    assert client.get(f"/thumbs/{sha256}.jpg?open=1").content != neutral_card()
    why = client.get(f"/why/{sha256}").text
    assert "it may be explicit" in why
    assert f'src="/thumbs/{sha256}.jpg"' not in why
    home = client.get("/").text
    assert f"/thumbs/{sha256}.jpg" not in home


def test_label_studio_gets_a_card_even_from_an_address_that_it_has(suspicious: tuple[Project, str]) -> None:
    """A question may have been sent before the picture was withheld."""
    project, sha256 = suspicious
    client = TestClient(create_app(project))
    path = picture_url(project.settings, sha256).removeprefix(project.settings.review.pictures_url)
    assert client.get(path).content == neutral_card()
    with project.catalog.read() as connection:
        other = connection.execute(select(images.c.sha256).where(images.c.sha256 != sha256).limit(1)).scalar_one()
    path = picture_url(project.settings, other).removeprefix(project.settings.review.pictures_url)
    assert client.get(path).content == project.normalised.path(other).read_bytes()


def test_it_is_on_no_wall_and_is_asked_about_alone(suspicious: tuple[Project, str]) -> None:
    """Behind a card; the reviewer may answer without opening it."""
    project, sha256 = suspicious
    client = TestClient(create_app(project))
    assert client.post("/review/begin", json={"name": "ann"}).status_code == 200
    seen: list[str] = []
    for _ in range(6):
        wall = client.post("/review/walls", json={}).json()
        if not wall["wall"]:
            break
        shown = {one["picture"].removeprefix("/thumbs/").removesuffix(".jpg"): one for one in wall["pictures"]}
        if wall["label"]:
            assert seen or sha256 not in shown  # once it is answered, it is a picture like others
        elif sha256 in shown and not seen:
            slot, waits = shown[sha256]["slot"], shown[sha256]["waits"]
            assert waits.startswith("may be explicit")
            picture = f"/review/walls/{wall['wall']}/{slot}/picture"
            assert client.get(picture).content == neutral_card()
            assert client.get(f"{picture}?open=1").content != neutral_card()
            answer = {"answer": "cake", "at": int(NOW.timestamp() * 1000)}
            assert client.post(f"/review/walls/{wall['wall']}/{slot}", json=answer).status_code == 200
            seen.append(sha256)
        odd = f"{shown[sha256]['slot']}:{wall['answers'].index('cake')}" if sha256 in shown else ""
        client.post(f"/review/walls/{wall['wall']}/confirm", json={"odd": odd, "seconds": 20})
    assert seen == [sha256]
    with project.catalog.read() as connection:
        assert withheld(connection, project.settings) == {}
    assert client.get(f"/thumbs/{sha256}.jpg").content != neutral_card()


def test_an_answer_restores_it_and_the_next_version_has_it(suspicious: tuple[Project, str]) -> None:
    project, sha256 = suspicious
    answers = project.settings.root / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{sha256},cake,ann\n")
    import_answers(project, answers)
    SmallProject(project.settings.root).run("curate", "publish")
    assert sha256 in names_in_version(project)
    with project.catalog.read() as connection:
        assert withheld(connection, project.settings) == {}


def has_red(content: bytes) -> bool:
    """Whether a JPEG shows the red picture, not only a candle of a cake."""
    with Image.open(io.BytesIO(content)) as image:
        red, green, _ = image.convert("RGB").split()
    strong, none = red.point(lambda v: 255 * (v > 190)), green.point(lambda v: 255 * (v < 60))
    return ImageChops.multiply(strong, none).histogram()[255] > 2000


def test_files_that_showed_it_before_are_gone_and_new_ones_do_not(suspicious: tuple[Project, str]) -> None:
    """The picture is in a version with its report and contact sheet; then the network is switched on."""
    project, _ = suspicious
    small, path = SmallProject(project.settings.root), project.settings.config_path
    path.write_text(path.read_text().replace('nsfw = "red.onnx"', 'nsfw = ""'))
    small.run("curate", "publish")
    version = published.newest(project.home)
    assert version is not None
    reports = [project.home / "reports" / f"{version.name}.{kind}" for kind in ("html", "jpg")]
    assert has_red(reports[1].read_bytes())
    path.write_text(path.read_text().replace('nsfw = ""', 'nsfw = "red.onnx"'))
    small.run("curate")
    assert not any(file.exists() for file in reports)
    assert not has_red(write_contact_sheet(project, version.name).read_bytes())
    page = write_report(project, version.name).read_text()
    tiles = [base64.b64decode(tile) for tile in re.findall(r"data:image/jpeg;base64,([\w+/=]+)", page)]
    assert tiles
    assert not any(has_red(tile) for tile in tiles)
    small.run("curate")
    assert all(file.exists() for file in reports), "nothing else was withheld since"


def test_without_the_key_nothing_is_withheld(suspicious: tuple[Project, str]) -> None:
    """The key can be removed again: the next curate forgets the findings."""
    project, sha256 = suspicious
    path = project.settings.config_path
    path.write_text(path.read_text().replace('nsfw = "red.onnx"', 'nsfw = ""'))
    small = SmallProject(project.settings.root)
    report = json.loads(small.run("curate --json")[0])
    assert "explicit" not in report["findings"]
    small.run("publish")
    assert sha256 in names_in_version(project)
    assert next_wall(project, "ann", NOW) is not None
