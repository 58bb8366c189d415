"""Owners are asked again before a publish: who objects since leaves the next version, with the reason.

Names asking.py too: it asks, recheck.py says about what, and stores what comes back.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from crawling import add_source, command, crawled, html, jpeg, photo, site, text, with_xmp
from servers.postgresql import USER, running_postgresql
from sqlalchemy import delete, func, select, update

from crawlers.collect import collect
from crawlers.ledger.receipt import receipt
from crawlers.recheck import RecheckReport, recheck
from dataset.catalog.tables import consents, images, signals
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.pictures.decoding import normalise
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify
from simulator.server import Answer, Scripted, Server

LATER = timedelta(days=8)  # more than [publish] recheck_days, by default
NOTICE = "© 2026 A Baker"


PAGE = html('<img src="/a.jpg"><img src="/b.jpg"><img src="/c.jpg"><img src="/d.jpg">')
ANSWERS: dict[str, Any] = {"/": PAGE, **{f"/{name}.jpg": jpeg(n, ETag=f'"{n}"') for n, name in enumerate("abcd")}}
ANSWERS["/a.jpg"] = with_xmp(0, notice=NOTICE, etag="0")
ALL = 5  # pictures: four of the site, one of another


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """The site that changes its mind, and another one that does not."""
    changing, other = Server(Scripted({})), Server(Scripted({"/": html('<img src="/x.jpg">'), "/x.jpg": jpeg(7)}))
    yield changing, other
    changing.stop()
    other.stop()


@pytest.fixture(scope="module")
def home(servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one version of both sites, to copy from."""
    changing, other = servers
    changing.host.answers = dict(ANSWERS)
    folder = tmp_path_factory.mktemp("consent") / "project"
    project = site(folder, f"{changing.url}/", allowed=[changing.address, other.address])
    project.close()
    project = add_source(project, "two", f"{other.url}/")
    assert not collect(project).failed
    curate(project)
    assert publish(project).images == ALL
    project.close()
    return folder


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    """The site as it was when it was collected."""
    for one in servers:
        one.log.clear()
    servers[0].host.answers = dict(ANSWERS)
    return servers[0]


@pytest.fixture
def project(home: Path, server: Server, tmp_path: Path) -> Iterator[Project]:
    """A copy of that project."""
    shutil.copytree(home, tmp_path / "copy")
    opened = open_project(tmp_path / "copy" / "isitcake.toml")
    yield opened
    opened.close()


def again(project: Project, days: int = 8) -> RecheckReport:
    """Ask owners again, so many days later."""
    return recheck(project, datetime.now(UTC) + timedelta(days=days))


OBJECTIONS: list[tuple[str, Any, int, str]] = [
    ("/robots.txt", text("User-agent: GPTBot\nDisallow: /\n"), 4, "robots.txt keeps out GPTBot"),
    ("/robots.txt", text("User-agent: CCBot\nDisallow: /b\n"), 1, "robots.txt keeps out CCBot"),
    ("/robots.txt", text("User-agent: *\nDisallow: /\n"), 4, "robots.txt: disallowed"),
    ("/robots.txt", text("User-agent: *\nContent-Signal: ai-train=no\n"), 4, "Content-Signal: ai-train=no"),
    (
        "/.well-known/tdmrep.json",
        Answer(body=b'[{"location": "/*c.jpg$", "tdm-reservation": 1}]'),
        1,
        "tdmrep.json: tdm-reservation 1",
    ),
    ("/ai.txt", text("User-Agent: *\nDisallow: *.jpg\n"), 4, "ai.txt: disallowed"),
    ("/", html('<meta name="robots" content="noai">', PAGE.body.decode()), 4, "meta robots: noai"),
    ("/d.jpg", jpeg(3, ETag='"3"', X_Robots_Tag="noai"), 1, "X-Robots-Tag: noai"),
    (
        "/c.jpg",
        with_xmp(2, mining="DMI-PROHIBITED-AIMLTRAINING"),
        1,
        "XMP plus:DataMining: DMI-PROHIBITED-AIMLTRAINING",
    ),
]


@pytest.mark.parametrize(("path", "answer", "gone", "evidence"), OBJECTIONS)
def test_who_objects_between_two_publishes_is_out_of_the_next_version(
    project: Project, server: Server, path: str, answer: Any, gone: int, evidence: str
) -> None:
    """Whatever the objection is made with: the diff says why, the receipt has both dates, both versions verify."""
    before = published.newest(project.home)
    assert before is not None
    server.host.answers[path] = answer
    assert again(project).objections == gone
    report = publish(project)
    assert (report.images, report.removed) == (ALL - gone, gone)
    assert report.version is not None
    version = published.load(project.home, report.version)
    told = pq.read_table(version.path / "diff.parquet").to_pylist()
    assert [row["change"] for row in told] == ["removed"] * gone
    assert all(evidence in row["reason"] for row in told)
    assert published.diff(project.home, before.name, version.name).removed[0]["reason"] == told[0]["reason"]
    assert verify(project.home, version.name).problems == verify(project.home, before.name).problems == []
    found = receipt(project, told[0]["sha256"])
    assert evidence in found.line()
    assert len({one.asked_at.date() for one in found.asked}) == 2
    assert [one.verdict for one in found.asked][-1] in ("objects", "partly")


def test_who_objects_no_longer_comes_back(project: Project, server: Server) -> None:
    """Consent is alive in both directions, and a publish that changes nothing makes no version."""
    server.host.answers["/robots.txt"] = text("User-agent: GPTBot\nDisallow: /\n")
    again(project)
    assert publish(project).images == 1
    del server.host.answers["/robots.txt"]
    assert again(project, days=9).pictures == 0  # asked yesterday
    assert again(project, days=16).objections == 0
    assert publish(project).images == ALL
    again(project, days=24)
    assert publish(project).version is None


def test_each_host_page_and_picture_is_asked_once(project: Project, server: Server) -> None:
    """robots.txt first; no body of a picture that did not change is sent; a second look asks nobody."""
    report = again(project)
    assert (report.pictures, report.objections, report.unreached, report.left) == (ALL, 0, {}, 0)
    asked = [(hit.method, hit.path) for hit in server.log]
    assert asked[0] == ("GET", "/robots.txt")
    assert sorted(asked[1:]) == [
        ("GET", "/"), ("GET", "/.well-known/tdmrep.json"), ("GET", "/ai.txt"),
        *(("HEAD", f"/{name}.jpg") for name in "abcd"),
    ]  # fmt: skip
    assert all("isitcakebot/" in hit.user_agent for hit in server.log)
    server.log.clear()
    assert again(project) == RecheckReport()
    assert server.log == []


def test_answers_that_are_new_are_not_asked_for(project: Project, server: Server) -> None:
    """Also not where the settings say never."""
    assert again(project, days=6) == RecheckReport()
    never = project.settings.model_copy(
        update={"publish": project.settings.publish.model_copy(update={"recheck_days": 0.0})}
    )
    assert recheck(Project(never, project.catalog, project.blobs), datetime.now(UTC) + LATER) == RecheckReport()
    assert server.log == []


@pytest.mark.parametrize("broken", ["robots.txt", "page", "picture"])
def test_who_cannot_be_reached_does_not_object(project: Project, server: Server, broken: str) -> None:
    """It is a note, the picture stays, and the next publish asks again."""
    path = {"robots.txt": "/robots.txt", "page": "/", "picture": "/a.jpg"}[broken]
    server.host.answers[path] = Answer(500)
    report = again(project)
    assert report.objections == 0
    assert list(report.unreached) == [server.address]
    assert "is no objection" in report.notes()[1]
    assert publish(project).version is None
    left = 1 if broken == "picture" else 4
    del server.host.answers[path]
    server.host.answers |= ANSWERS
    assert again(project).pictures == left


def test_a_page_that_is_gone_says_nothing(project: Project, server: Server) -> None:
    """404 is an answer: neither an objection, nor a host out of reach."""
    del server.host.answers["/"]
    report = again(project)
    assert (report.pictures, report.objections, report.unreached) == (ALL, 0, {})


def test_a_recheck_that_was_stopped_goes_on(project: Project, server: Server) -> None:
    """What was asked is not asked again; what is left is said."""
    report = recheck(project, datetime.now(UTC) + LATER, max_s=0.0)
    assert (report.pictures, report.left) == (0, ALL)
    assert "next publish goes on" in report.notes()[-1]
    with project.catalog.write() as connection:  # two were asked before the stop
        two = select(consents.c.image_url).order_by(consents.c.image_url).limit(2)
        asked = consents.c.image_url.in_(two)
        connection.execute(update(consents).where(asked).values(checked_at=datetime.now(UTC) + LATER))
    assert again(project).pictures == ALL - 2


def test_pictures_of_an_older_program_are_read_for_rights(project: Project) -> None:
    """It kept no consent: owners are asked, the stored bytes are read, and the notice goes into the picture."""
    with project.catalog.write() as connection:
        sha256 = connection.execute(select(images.c.sha256).where(images.c.copyright_notice == NOTICE)).scalar_one()
        connection.execute(delete(consents))
        connection.execute(update(images).values(copyright_notice=""))
    path = project.normalised.path(sha256)
    carrying = path.read_bytes()
    path.unlink()
    path.write_bytes(normalise(photo(0)))
    assert again(project).pictures == ALL
    assert path.read_bytes() == carrying
    assert receipt(project, sha256).copyright_notice == NOTICE
    assert publish(project).version is None  # it says what the newest version says


def test_the_command_asks_shows_and_prints(project: Project, server: Server) -> None:
    """`isitcake publish` asks, its JSON has the note; `isitcake consent` prints the receipt of an address."""
    server.host.answers["/robots.txt"] = text("User-agent: Google-Extended\nDisallow: /\n")
    with project.catalog.write() as connection:
        connection.execute(update(consents).values(checked_at=datetime.now(UTC) - LATER))
    out, err = command(project, "publish", "--json").communicate()
    assert json.loads(out)["notes"][0] == f"owners of {ALL} pictures were asked again, 4 object to training", err
    out, err = command(project, "consent", f"{server.url}/a.jpg", "--json").communicate()
    found = json.loads(out)
    assert found["standing"][0]["objection"] == "robots.txt keeps out Google-Extended", err
    assert {one["kind"] for one in found["asked"]} >= {"robots.txt", "tdmrep.json", "page", "picture"}
    out, _ = command(project, "consent", f"{server.url}/a.jpg").communicate()
    assert "the owner objects to training" in out
    unknown = command(project, "consent", "https://nobody.example/")
    assert "nothing was asked about" in unknown.communicate()[1]
    assert unknown.returncode == 2


def test_an_erasure_takes_the_receipt_with_it(project: Project, server: Server) -> None:
    """No row of signals and consents names an erased picture or its address; those of others stay."""
    url = f"{server.url}/a.jpg"
    erase(project, Selection(Kind.URL, url), "the owner asked")
    with project.catalog.read() as connection:
        assert connection.execute(select(signals).where(signals.c.about == url)).first() is None
        assert connection.execute(select(consents).where(consents.c.image_url == url)).first() is None
        assert connection.execute(select(func.count()).select_from(consents)).scalar() == ALL - 1
        assert connection.execute(select(signals).where(signals.c.about == f"{server.url}/")).first() is not None


def test_a_crawl_that_meets_an_objection_takes_the_picture_out_too(project: Project, server: Server) -> None:
    """Collecting asks as well: nothing needs to grow old first."""
    server.host.answers["/b.jpg"] = jpeg(1, ETag='"1"', X_Robots_Tag="noai")
    crawled(project)
    report = publish(project)
    assert (report.images, report.removed) == (ALL - 1, 1)


def test_the_manifest_says_what_owners_say(project: Project, server: Server) -> None:
    """usage_preference, copyright_notice and checked_at; times alone make no new version."""
    server.host.answers["/robots.txt"] = text("User-agent: *\nContent-Usage: train-ai=y\n")
    with project.catalog.write() as connection:
        connection.execute(update(images).values(copyright_notice="© A Baker"))
    again(project)
    report = publish(project)
    assert report.version is not None
    rows = published.load(project.home, report.version).rows()
    assert sorted(row.usage_preference for row in rows) == ["", *["train-ai=y"] * 4]
    assert {row.copyright_notice for row in rows} == {"© A Baker"}
    assert all(row.checked_at is not None and row.checked_at > row.first_seen for row in rows)
    assert verify(project.home, report.version).problems == []
    again(project, days=16)
    assert publish(project).version is None


def test_on_postgresql(servers: tuple[Server, Server], server: Server, tmp_path: Path) -> None:
    """The same on a server's catalog: asked, objected, out, and the receipt."""
    with running_postgresql() as port:
        made = site(tmp_path, f"{server.url}/", allowed=[server.address])
        made.close()
        path = tmp_path / "isitcake.toml"
        shutil.rmtree(tmp_path / "library")
        path.write_text(f'{path.read_text()}[catalog]\nurl = "postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"\n')
        opened = open_project(path)
        crawled(opened)
        curate(opened)
        assert publish(opened).images == 4
        server.host.answers["/d.jpg"] = jpeg(3, ETag='"3"', X_Robots_Tag="noai")
        assert again(opened).objections == 1
        report = publish(opened)
        assert (report.images, report.removed) == (3, 1)
        assert "X-Robots-Tag: noai" in receipt(opened, f"{server.url}/d.jpg").line()
        erase(opened, Selection(Kind.URL, f"{server.url}/a.jpg"), "the owner asked")
        with opened.catalog.read() as connection:
            assert connection.execute(select(func.count()).select_from(consents)).scalar() == 3
        opened.close()
