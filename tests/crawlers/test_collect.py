"""Collecting from a small internet, with its access logs as the judge."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from commands import IN_FRONT, here
from crawling import add_source, html, jpeg, photo, site, stored, wait_until
from projects import write_config
from sqlalchemy import func, select

from crawlers.collect import collect
from dataset.catalog.tables import outcomes, sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import child_environment
from foundation.errors import ConfigError, CrawlError
from simulator.hostile import HostileServer, drips
from simulator.internet import Internet
from simulator.server import Answer, Scripted, Server
from simulator.world import World


def test_every_original_of_every_platform_is_stored(project: Project, world: World, internet: Internet) -> None:
    """All galleries and the photo API, byte for byte, with one outcome per candidate; again: no body moves."""
    report = collect(project)
    report.raise_for_failures()
    wanted = {p.sha256 for baker in world.bakers for p in baker.gallery} | {
        p.sha256 for results in world.photos.values() for p in results
    }
    assert wanted <= stored(project)
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
    assert {kind for source in again.sources for kind in source.outcomes} <= {"unchanged", "rejected"}
    rejected = {reason for source in again.sources for reason in source.reasons if reason.startswith("rejected")}
    assert rejected <= {"rejected: not content"}
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


def refusing(robots: Answer) -> Server:
    """A site with this robots.txt."""
    return Server(Scripted({"/robots.txt": robots, "/": html('<img src="/a.jpg"><a href="/b">b</a>')}))


@pytest.mark.parametrize(
    ("robots", "why"),
    [
        (Answer(body=b"User-agent: *\nDisallow: /", content_type="text/plain"), "robots.txt: disallowed"),
        (Answer(500, b"oops"), "robots.txt"),
    ],
)
def test_robots_txt_is_obeyed(tmp_path: Path, robots: Answer, why: str) -> None:
    """Disallowed or out of order: one request for robots.txt and no other."""
    server = refusing(robots)
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with pytest.raises(CrawlError, match=why):
        collect(project).raise_for_failures()
    server.stop()
    assert {hit.path for hit in server.log} == {"/robots.txt"}


def test_private_hosts_are_refused(tmp_path: Path) -> None:
    """A site on this machine that nobody listed is not asked for anything."""
    server = refusing(Answer(404))
    project = site(tmp_path, f"{server.url}/", allowed=[])
    with pytest.raises(CrawlError, match="private host"):
        collect(project).raise_for_failures()
    server.stop()
    assert server.log == []


def test_after_the_photo_api_limit_the_next_run_continues(internet: Internet, world: World, project: Project) -> None:
    """Past the hourly limit the run fails in one sentence; the next goes on where it stopped."""
    internet.api.remaining = 4
    with pytest.raises(CrawlError, match="run this again in an hour"):
        collect(project, ["objects"]).raise_for_failures()
    before = len(stored(project))
    assert 0 < before < 6
    internet.api.remaining = 100
    collect(project, ["objects"]).raise_for_failures()
    assert len(stored(project)) == sum(map(len, world.photos.values()))
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


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    """Before any request."""
    project = site(tmp_path, "http://127.0.0.1:9/", allowed=[])
    with pytest.raises(LookupError, match="no source 'two'"):
        collect(project, ["two"])


def test_two_sources_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """A site that sends one byte a second does not delay another source."""
    evil = HostileServer({"/": drips})
    good = Server(Scripted({"/": html('<img src="/a.jpg">'), "/a.jpg": jpeg()}))
    project = site(tmp_path, f"{good.url}/", allowed=[good.address, evil.address])
    ends: list[str] = []
    report = collect(
        add_source(project, "evil", f"{evil.url}/"),
        progress=lambda name, _images, doing, _total: ends.append(name) if doing == "done" else None,
    )
    evil.stop()
    good.stop()
    assert {source.source: source.status for source in report.sources} == {"one": "done", "evil": "unhealthy"}
    assert ends == ["one", "evil"]


def begin(project: Project) -> "subprocess.Popen[str]":
    """`isitcake collect` as a shell starts it: in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", IN_FRONT, "collect"],
        cwd=project.settings.root, env=child_environment(), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def stop(process: "subprocess.Popen[str]") -> None:
    """Ctrl-C: the signal goes to the whole group. The command says that it stopped, and its exit code is 130."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == 130
    assert "stopped; what was done is kept" in err
    assert "Traceback" not in err


def test_ctrl_c_stops_collecting_a_folder(tmp_path: Path) -> None:
    """At once, with most pictures to go; those that were decoded are kept whole, and the next run has the others."""
    most = 400
    (tmp_path / "photos").mkdir()
    for number in range(most):
        (tmp_path / "photos" / f"{number:03}.jpg").write_bytes(photo() + str(number).encode())
    (tmp_path / "isitcake.toml").write_text(
        '[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n'
    )
    project = open_project(tmp_path)
    process = begin(project)
    wait_until(lambda: bool(stored(project)))
    stop(process)
    with project.catalog.read() as connection:
        done = set(connection.execute(select(outcomes.c.sha256)).scalars())
        assert set(connection.execute(select(sightings.c.sha256)).scalars()) == done == stored(project)
    assert 0 < len(done) < most
    assert "interrupted" in here(tmp_path, "status").stdout
    (report,) = collect(project).sources
    assert (report.status, report.outcomes) == ("done", {"stored": most})
    assert "interrupted" not in here(tmp_path, "status").stdout


def test_ctrl_c_stops_a_crawl(tmp_path: Path) -> None:
    """Though a page never comes; the run is not closed as if the site had no more."""
    asked, never = threading.Event(), threading.Event()

    def page(headers: dict[str, str]) -> Answer:
        asked.set()
        never.wait(60)
        return html()

    server = Server(Scripted({"/": html('<img src="/1.jpg"><a href="/2">2</a>'), "/2": page, "/1.jpg": jpeg(1)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    process = begin(project)
    wait_until(lambda: bool(stored(project)) and asked.is_set())
    stop(process)
    never.set()
    assert len(stored(project)) == 1
    assert "interrupted" in here(tmp_path, "status").stdout
    collect(project).raise_for_failures()
    server.stop()
    assert [hit.path for hit in server.log if hit.is_image and hit.status == 200] == ["/1.jpg"]
