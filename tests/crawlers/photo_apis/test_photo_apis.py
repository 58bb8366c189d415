"""Photo APIs: their licences, their limits, their order; keys are sent to the API only."""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from crawling import outcome_by_name, photo, stored
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.photo_apis.commons import licence_code, plain_text
from dataset.catalog.tables import sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import ConfigError, CrawlError
from simulator.open_apis import LICENCES, CommonsApi, OpenverseApi
from simulator.photo_api import ACCESS_KEY, PhotoApi
from simulator.server import Answer, Server
from simulator.world import Picture

FOUND = {
    "cup": [Picture(f"cup-{n}", ".jpg", "not_cake", partial(photo, n)) for n in range(42)],
    "hat": [Picture(f"hat-{n}", ".jpg", "not_cake", partial(photo, 100 + n)) for n in range(7)],
}


@pytest.fixture(params=["unsplash", "openverse", "commons"])
def service(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    make: dict[str, Any] = {"unsplash": PhotoApi, "openverse": OpenverseApi, "commons": CommonsApi}
    server = Server(make[request.param](FOUND))
    yield request.param, server
    server.stop()


def project(folder: Path, kind: str, server: Server, queries: list[str], per_query: int, more: str = "") -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "isitcake.toml"
    path.write_text(
        f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = ["{server.address}"]\n'
        f'[[sources]]\nname = "photos"\nkind = "{kind}"\nlabel = "not_cake"\nqueries = {json.dumps(queries)}\n'
        f'per_query = {per_query}\nbase_url = "{server.url}/"\npermission = "letter of May 1st"\n{more}\n'
    )
    return open_project(path)


@pytest.mark.slow  # it asks a server for some hundred photos
def test_every_photo_comes_once_with_its_licence_and_creator(service: tuple[str, Server], tmp_path: Path) -> None:
    """The first `per_query` of each query, with allowed licences only; a second run downloads nothing."""
    kind, server = service
    opened = project(tmp_path, kind, server, ["cup", "hat", "nothing"], 33)
    collect(opened).raise_for_failures()
    asked = [*FOUND["cup"][:33], *FOUND["hat"]]
    if kind == "openverse":
        asked = [*[p for n, p in enumerate(FOUND["cup"]) if LICENCES[n % 5] != "by-nc"][:33], *FOUND["hat"]]
    numbers = {p.slug: n for n, p in enumerate([*FOUND["cup"], *FOUND["hat"]])}
    expected = [p for p in asked if kind == "unsplash" or LICENCES[numbers[p.slug] % 5] != "by-nc"]
    assert stored(opened) == {hashlib.sha256(p.content).hexdigest() for p in expected}
    with opened.catalog.read() as connection:
        rows = connection.execute(select(sightings)).all()
    assert all(row.licence and row.creator and row.page_url for row in rows)
    if kind == "commons":
        assert {reason for _, reason in outcome_by_name(opened).values()} == {"", "licence: cc-by-nc-4.0"}
    server.log.clear()
    collect(opened).raise_for_failures()
    assert [hit for hit in server.log if hit.is_image and hit.status == 200] == []


@pytest.mark.slow  # the same
def test_the_limit_ends_the_run_and_the_next_continues(service: tuple[str, Server], tmp_path: Path) -> None:
    """The run ends with one sentence; nothing is lost, nothing is downloaded twice."""
    kind, server = service
    opened = project(tmp_path, kind, server, ["hat", "cup"], 30)
    api = server.host
    api.remaining = 12 if kind == "unsplash" else 1
    with pytest.raises(CrawlError, match=r"run this again .* where it stopped"):
        collect(opened).raise_for_failures()
    before = stored(opened)
    assert before
    if kind == "unsplash":
        assert api.remaining == 1  # it stopped by itself, before the last request
    api.remaining = 500
    collect(opened).raise_for_failures()
    assert stored(opened) > before
    bodies = [hit.path for hit in server.log if hit.is_image and hit.status == 200]
    assert len(bodies) == len(set(bodies))


@pytest.mark.parametrize("limit", [Answer(403, b"Rate Limit Exceeded", "text/plain"), Answer(429, b"")])
def test_unsplash_says_its_limit_in_two_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Answer) -> None:
    class Refusing(PhotoApi):
        def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
            return limit

    server = Server(Refusing({}))
    with pytest.raises(CrawlError, match="the hour's requests are used up"):
        collect(project(tmp_path, "unsplash", server, ["cup"], 3)).raise_for_failures()
    server.stop()


def test_the_unsplash_key_is_in_no_file_and_no_address(tmp_path: Path) -> None:
    """Not in the catalog, not in a log, not in a URL; the use of each photo is reported once."""
    server = Server(PhotoApi(FOUND))
    collect(project(tmp_path, "unsplash", server, ["hat"], 7)).raise_for_failures()
    api = server.host
    server.stop()
    assert len(api.downloads) == len(set(api.downloads)) == 7
    assert not any(ACCESS_KEY in hit.path for hit in server.log)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert ACCESS_KEY.encode() not in path.read_bytes(), path


def test_a_licence_that_does_not_exist_is_named(tmp_path: Path) -> None:
    server = Server(OpenverseApi(FOUND))
    with pytest.raises(ConfigError, match="'bye' is not a licence code"):
        project(tmp_path, "openverse", server, ["cup"], 1, 'licences = ["bye"]')
    server.stop()


@pytest.mark.parametrize(
    ("commons_code", "code"),
    [("cc-by-sa-4.0", "by-sa"), ("cc-by-2.0", "by"), ("cc0", "cc0"), ("pd", "pdm"), ("pd-old-100", "pdm"),
     ("cc-by-nc-nd-3.0", "by-nc-nd"), ("gfdl", "gfdl"), ("", "")],
)  # fmt: skip
def test_licence_codes_of_commons(commons_code: str, code: str) -> None:
    assert licence_code(commons_code) == code


def test_markup_of_an_author_becomes_text() -> None:
    assert plain_text('<a href="x">Ann&nbsp;Lee</a> <b>&amp; co</b>') == "Ann Lee & co"
