"""Collecting from a small internet, with its access logs as the judge."""

from pathlib import Path

import pytest
from projects import write_config
from sqlalchemy import func, select

from crawlers.collect import collect
from crawlers.ledger import last_reports
from dataset.catalog.tables import images, outcomes, sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import ConfigError, CrawlError, PhotoApiError
from simulator.internet import Internet
from simulator.platforms import file_name
from simulator.server import Answer, Server
from simulator.world import World


def known(project: Project) -> set[str]:
    with project.catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())


def test_every_original_of_every_platform_is_stored(project: Project, world: World, internet: Internet) -> None:
    """All galleries and the photo API, byte for byte, with one outcome per candidate; again: no body moves."""
    report = collect(project)
    report.raise_for_failures()
    wanted = {p.sha256 for baker in world.bakers for p in baker.gallery} | {
        p.sha256 for found in world.photos.values() for p in found
    }
    assert wanted <= known(project)
    for source in report.sources:
        assert sum(source.outcomes.values()) == source.candidates
    for server in internet.sites.values():
        assert [hit.path for hit in server.log].count("/robots.txt") == 1
        assert server.log[0].path == "/robots.txt"
        assert all("isitcakebot" in hit.user_agent and "example.org" in hit.user_agent for hit in server.log)
        fetched = [hit.path for hit in server.log if hit.is_image and hit.status == 200]
        assert len(fetched) == len(set(fetched))
    assert sorted(internet.api.downloads) == sorted(internet.api.by_id)

    for server in internet.servers:
        server.log.clear()
    again = collect(project)
    assert [h.path for s in internet.servers for h in s.log if h.is_image and h.status == 200] == []
    assert {kind for source in again.sources for kind in source.outcomes} == {"unchanged"}
    with project.catalog.read() as connection:
        assert connection.execute(select(func.count()).select_from(sightings)).scalar_one() >= len(wanted)


def test_blob_equals_what_the_server_sent(project: Project, world: World, internet: Internet) -> None:
    """Original bytes, read-only, under their SHA-256."""
    baker = world.bakers[1]
    collect(project, [baker.name])
    for picture in baker.gallery:
        path = project.blobs.path(picture.sha256, "JPEG")
        assert path.read_bytes() == picture.content
        assert path.stat().st_mode & 0o222 == 0


def test_static_sites_never_start_the_browser(project: Project, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser, static sites are collected; the one filled by script says what is missing."""
    monkeypatch.setenv("ISITCAKE_BROWSER", "/nowhere/chromium")
    static = [baker.name for baker in world.bakers if baker.platform != "script"]
    scripted = [baker.name for baker in world.bakers if baker.platform == "script"]
    report = collect(project)
    assert [source.source for source in report.sources] == [*static, "objects"]
    assert list(report.failed) == scripted
    with pytest.raises(CrawlError, match="ISITCAKE_BROWSER names /nowhere/chromium"):
        report.raise_for_failures()
    monkeypatch.delenv("ISITCAKE_BROWSER")
    collect(project, scripted).raise_for_failures()


class Refusing:
    """A site whose robots.txt answers as told."""

    def __init__(self, robots: Answer) -> None:
        self.robots = robots

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        return self.robots if path == "/robots.txt" else Answer(body=b'<img src="/a.jpg"><a href="/b">b</a>')


@pytest.mark.parametrize(
    ("robots", "why"),
    [
        (Answer(body=b"User-agent: *\nDisallow: /", content_type="text/plain"), "robots.txt: disallowed"),
        (Answer(500, b"oops"), "robots.txt"),
    ],
)
def test_robots_is_believed(tmp_path: Path, robots: Answer, why: str) -> None:
    """Disallowed or out of order: one request for robots.txt and no other."""
    server = Server(Refusing(robots))
    project = one_site(tmp_path, f"{server.url}/", [server.address])
    with pytest.raises(CrawlError, match=why):
        collect(project).raise_for_failures()
    server.stop()
    assert {hit.path for hit in server.log} == {"/robots.txt"}


def test_private_hosts_are_refused(tmp_path: Path) -> None:
    """A site on this machine that nobody listed is not asked for anything."""
    server = Server(Refusing(Answer(404)))
    project = one_site(tmp_path, f"{server.url}/", [])
    with pytest.raises(CrawlError, match="private host"):
        collect(project).raise_for_failures()
    server.stop()
    assert server.log == []


def test_bad_files_are_rejected_with_reasons(tmp_path: Path) -> None:
    """The type comes from the bytes; a page named .jpg and a truncated photo are named for what they are."""
    from simulator import drawings

    photo = drawings.thing(__import__("random").Random(1), "cup")

    class Site:
        def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
            bodies = {"/page.jpg": b"<html>no</html>", "/cut.jpg": photo[: len(photo) // 2], "/good.jpg": photo}
            if path in bodies:
                return Answer(body=bodies[path], content_type="image/jpeg")
            if path == "/":
                return Answer(body=b"".join(b'<img src="%s">' % name.encode() for name in [*bodies, "/gone.jpg"]))
            return Answer(404)

    server = Server(Site())
    project = one_site(tmp_path, f"{server.url}/", [server.address])
    collect(project).raise_for_failures()
    server.stop()
    with project.catalog.read() as connection:
        found = {
            row.image_url.rpartition("/")[2]: (row.outcome, row.reason) for row in connection.execute(select(outcomes))
        }
    assert found["page.jpg"] == ("rejected", "not an image: HTML")
    assert found["cut.jpg"] == ("rejected", "truncated")
    assert found["gone.jpg"] == ("failed", "answered 404")
    assert found["good.jpg"][0] == "stored"


def test_photo_api_limit_is_said_and_survived(internet: Internet, world: World, project: Project) -> None:
    """Past the hourly limit the run fails in one sentence; the next goes on where it stopped."""
    internet.api.remaining = 4
    with pytest.raises(CrawlError, match="run this again in an hour"):
        collect(project, ["objects"]).raise_for_failures()
    before = len(known(project))
    assert 0 < before < 6
    internet.api.remaining = 100
    collect(project, ["objects"]).raise_for_failures()
    assert len(known(project)) == sum(map(len, world.photos.values()))
    bodies = [h.path for h in internet.photo_api.log if h.is_image and h.status == 200]
    assert len(bodies) == len(set(bodies))


def test_photo_api_needs_permission_and_key(
    internet: Internet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without permission nothing is asked; a wrong key is named."""
    path = write_config(internet, tmp_path)
    path.write_text(path.read_text().replace('permission = "granted"', 'permission = ""'))
    with pytest.raises(ConfigError, match="permission is empty"):
        collect(open_project(path), ["objects"])
    assert internet.photo_api.log == []
    path.write_text(path.read_text().replace('permission = ""', 'permission = "granted"'))
    monkeypatch.setenv("ISITCAKE_UNSPLASH_ACCESS_KEY", "wrong")
    with pytest.raises(CrawlError, match="does not know the access key"):
        collect(open_project(path), ["objects"]).raise_for_failures()
    assert issubclass(PhotoApiError, Exception)


def test_folder(tmp_path: Path, world: World) -> None:
    """Pictures on this disk; what is no picture is rejected."""
    folder = tmp_path / "photos" / "inner"
    folder.mkdir(parents=True)
    for picture in world.bakers[0].gallery[:3]:
        (folder / file_name(picture)).write_bytes(picture.content)
    (folder / "notes.txt").write_text("not a picture")
    path = tmp_path / "isitcake.toml"
    path.write_text('[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n')
    project = open_project(path)
    report = collect(project)
    assert report.sources[0].outcomes == {"stored": 3, "rejected": 1}
    assert {r.source for r in last_reports(project)} == {"mine"}


def one_site(folder: Path, url: str, allowed: list[str]) -> Project:
    path = folder / "isitcake.toml"
    hosts = ", ".join(f'"{host}"' for host in allowed)
    path.write_text(
        f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = [{hosts}]\n'
        f'[[sources]]\nname = "one"\nkind = "site"\nlabel = "cake"\nstart_urls = ["{url}"]\n'
    )
    return open_project(path)
