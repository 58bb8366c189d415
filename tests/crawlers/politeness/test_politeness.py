"""Behaviours 1 to 10 of docs/crawling.md: asked where it is wanted, when it is wanted, once."""

import asyncio
import hashlib
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crawling import crawled, html, jpeg, photo, said, site, stored, text

from crawlers.collect import collect
from crawlers.politeness import optout
from crawlers.politeness.pacing import BREAK_AFTER, Pacing, retry_after_s
from crawlers.politeness.robots import RobotsMiddleware
from dataset.catalog.tables import outcomes
from dataset.duplicates.fingerprints import fingerprint
from dataset.erasure.tombstones import bury
from foundation.errors import CrawlError
from simulator.hostile import HostileServer, hangs, resets
from simulator.server import Answer, Scripted, Server, resized

ALL = "User-agent: *\nDisallow: /\n"


def test_1_disallowed_hosts_get_one_request_however_many_come_at_once(tmp_path: Path) -> None:
    """50 first requests at once, to a page host and to an image host: robots.txt and nothing else."""
    pages = Server(Scripted({"/robots.txt": text(ALL)}))
    project = site(tmp_path / "pages", *(f"{pages.url}/{n}" for n in range(50)), allowed=[pages.address])
    report = crawled(project)
    assert [hit.path for hit in pages.log] == ["/robots.txt"]
    assert report.status == "unhealthy"
    assert "robots.txt" in report.notes[0]

    images = Server(Scripted({"/robots.txt": text(ALL)}))
    gallery = Server(Scripted({"/": html(*(f'<img src="{images.url}/{n}.jpg">' for n in range(50)))}))
    project = site(tmp_path / "images", f"{gallery.url}/", allowed=[gallery.address, images.address])
    crawled(project)
    assert [hit.path for hit in images.log] == ["/robots.txt"]
    assert set(said(project).values()) == {("rejected", "robots.txt: disallowed")}
    for server in (pages, images, gallery):
        server.stop()


@pytest.mark.parametrize("broken", ["500", "hangs", "resets"])
def test_2_a_robots_txt_out_of_order_defers_the_source(tmp_path: Path, broken: str) -> None:
    """No page is fetched, and the run says why."""
    if broken == "500":
        server: Any = Server(Scripted({"/robots.txt": Answer(500), "/": html('<img src="/a.jpg">')}))
    else:
        server = HostileServer({"/robots.txt": hangs if broken == "hangs" else resets})
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = collect(project)
    server.stop()
    asked = {getattr(hit, "path", hit) for hit in server.log}
    assert asked == {"/robots.txt"}
    assert report.sources[0].status == "deferred"
    assert "robots.txt" in report.sources[0].notes[0]
    with pytest.raises(CrawlError, match=r"deferred: .*robots\.txt"):
        report.raise_for_failures()


@pytest.mark.parametrize(
    ("answer", "noted"), [(Answer(404), False), (html("<!doctype html><html><title>Home</title></html>"), True)]
)
def test_2_no_robots_txt_allows_all_and_a_page_in_its_place_is_noted(
    tmp_path: Path, answer: Answer, noted: bool
) -> None:
    server = Server(Scripted({"/robots.txt": answer, "/": html('<img src="/a.jpg">'), "/a.jpg": jpeg()}))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 1}
    assert any("HTML page" in note for note in report.notes) == noted


def test_3_rules_for_us_come_first_and_the_longest_match_wins(tmp_path: Path) -> None:
    """The product token before `*`, then longest match, `$` and `*`."""
    rules = (
        "User-agent: *\nDisallow: /\n\nUser-agent: isitcakebot\nDisallow: /private\nAllow: /private/open\n"
        "Disallow: /*.gif$\nDisallow: /any*secret\n"
    )
    names = ["/private/a.jpg", "/private/open/b.jpg", "/c.gif", "/c.gif.jpg", "/any/of/secret.jpg", "/d.jpg"]
    page = html(*(f'<img src="{name}">' for name in names))
    answers: dict[str, Any] = {name: jpeg(number) for number, name in enumerate(names)}
    server = Server(Scripted({"/robots.txt": text(rules), "/": page, **answers}))
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert {hit.path for hit in server.log if hit.is_image} == {"/private/open/b.jpg", "/c.gif.jpg", "/d.jpg"}


def test_3_robots_txt_is_read_again_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a day, however often it is consulted."""
    server = Server(Scripted({"/robots.txt": text("User-agent: *\nDisallow: /no\n")}))

    async def download(request: Any) -> Any:
        with urllib.request.urlopen(request.url) as answer:
            return SimpleNamespace(status=answer.status, body=answer.read())

    crawler = SimpleNamespace(engine=SimpleNamespace(download_async=download), pacing=Pacing())
    middleware = RobotsMiddleware(crawler)

    async def consult() -> None:
        await asyncio.gather(*(middleware.check(f"{server.url}/yes") for _ in range(20)))

    began = time.monotonic()
    for hours, requests in ((0, 1), (23, 1), (25, 2)):
        monkeypatch.setattr("crawlers.politeness.robots.time.monotonic", lambda hours=hours: began + hours * 3600)
        asyncio.run(consult())
        assert len(server.log) == requests
        middleware._locks.clear()  # a lock belongs to one event loop, and each asyncio.run has its own
    server.stop()


def test_3_robots_txt_may_redirect_five_times_and_500_kib_of_it_count(tmp_path: Path) -> None:
    hops: dict[str, Any] = {f"/hop{n}": Answer(301, headers={"Location": f"/hop{n + 1}"}) for n in range(1, 4)}
    long = "#" * (500 * 1024 - 40) + "\nUser-agent: *\nDisallow: /a\n" + "#" * 1024 + "\nDisallow: /b\n"
    server = Server(
        Scripted(
            {
                "/robots.txt": Answer(301, headers={"Location": "/hop1"}),
                **hops,
                "/hop4": text(long),
                "/": html('<img src="/a.jpg"><img src="/b.jpg">'),
                "/a.jpg": jpeg(1),
                "/b.jpg": jpeg(2),
            }
        )
    )
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert said(project) == {"a.jpg": ("rejected", "robots.txt: disallowed"), "b.jpg": ("stored", "")}


SCRIPTED = """<main id="gallery"></main><script>
window.addEventListener('scroll', () => {});
fetch('/more.json').then(a => a.json()).then(names => names.forEach(name => {
  const image = document.createElement('img'); image.src = name; document.getElementById('gallery').append(image);
}));</script>"""


def test_4_crawl_delay_holds_for_pages_images_and_the_browser_together(tmp_path: Path) -> None:
    """Two seconds between the starts of any two requests, one at a time."""
    server = Server(
        Scripted(
            {
                "/robots.txt": text("User-agent: *\nCrawl-delay: 2\n"),
                "/": html(SCRIPTED),
                "/more.json": Answer(body=b'["/a.jpg", "/b.jpg"]', content_type="application/json"),
                "/a.jpg": jpeg(1),
                "/b.jpg": jpeg(2),
            }
        )
    )
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 2}
    assert [hit.path for hit in server.log].count("/more.json") == 1
    times = [hit.at for hit in server.log]
    assert min(later - earlier for earlier, later in pairwise(times)) > 1.95
    assert server.most_at_once == 1


def test_4_without_a_crawl_delay_two_connections_and_a_pause(tmp_path: Path) -> None:
    """A host is never asked by more than two connections, nor more than ten times a second."""

    def slow(number: int) -> Any:
        def answer(headers: dict[str, str]) -> Answer:
            time.sleep(0.3)
            return jpeg(number)

        return answer

    names = [f"/{n}.jpg" for n in range(12)]
    answers: dict[str, Any] = {name: slow(number) for number, name in enumerate(names)}
    server = Server(Scripted({"/": html(*(f'<img src="{name}">' for name in names)), **answers}))
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    times = [hit.at for hit in server.log]
    # One that was held up on its way comes close before the next; five in a row tell the pace.
    assert min(later - earlier for earlier, later in zip(times, times[4:], strict=False)) > 0.35
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.04
    assert server.most_at_once == 2


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_5_retry_after_silences_the_host_that_long_and_no_other(tmp_path: Path, status: int, as_date: bool) -> None:
    """Nothing goes to the host until its time is over; other hosts go on; then the photo is had."""
    busy_until: list[float] = []

    def busy(headers: dict[str, str]) -> Answer:
        if not busy_until:
            busy_until.append(time.monotonic() + 3)
            until = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
            return Answer(status, headers={"Retry-After": until if as_date else "3"})
        return jpeg(1)

    names = [f"/{n}.jpg" for n in range(2, 8)]
    other = Server(Scripted({name: jpeg(int(name[1])) for name in names}))
    page = html('<img src="/1.jpg">', '<img src="/1b.jpg">', *(f'<img src="{other.url}{name}">' for name in names))
    server = Server(Scripted({"/": page, "/1.jpg": busy, "/1b.jpg": jpeg(9)}))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address, other.address]))
    for stopped in (server, other):
        stopped.stop()
    assert report.outcomes == {"stored": 8}
    refused = next(hit.at for hit in server.log if hit.status == status)
    later = [hit.at for hit in server.log if hit.at > refused + 0.05]
    assert later
    assert min(later) >= refused + 2.9
    assert any(refused < hit.at < refused + 2.5 for hit in other.log)


def test_5_a_host_that_keeps_failing_is_left_alone(tmp_path: Path) -> None:
    """The circuit breaker: after some failures in a row the host is not asked again in this run."""
    names = [f"/{n}.jpg" for n in range(40)]
    images = Server(Scripted({name: Answer(503, headers={"Retry-After": "0"}) for name in names}))
    page = Server(Scripted({"/": html(*(f'<img src="{images.url}{name}">' for name in names))}))
    report = crawled(site(tmp_path, f"{page.url}/", allowed=[page.address, images.address]))
    for server in (page, images):
        server.stop()
    assert len([hit for hit in images.log if hit.path.endswith(".jpg")]) <= BREAK_AFTER + 1
    assert sum(report.outcomes.values()) == 40
    assert any("left alone" in note for note in report.notes)
    assert "blocked" in report.notes[0] or "host paused" in report.notes[0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 10:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_5_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)) == seconds


def test_6_every_request_says_who_asks(tmp_path: Path) -> None:
    """Name, version and contact; from the browser too."""
    server = Server(
        Scripted(
            {
                "/": html(SCRIPTED),
                "/more.json": Answer(body=b'["/a.jpg"]', content_type="application/json"),
                "/a.jpg": jpeg(),
            }
        )
    )
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert {"/robots.txt", "/", "/more.json", "/a.jpg"} <= {hit.path for hit in server.log}
    assert {hit.user_agent for hit in server.log} == {"isitcakebot/0.1 (+https://example.org/c)"}


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last_Modified": "Wed, 01 May 2024 10:00:00 GMT"}])
def test_7_a_second_crawl_asks_whether_anything_changed(tmp_path: Path, validator: dict[str, str]) -> None:
    """304 for what was stored and for what was rejected; no body moves, nothing is stored."""
    small = Answer(body=resized(photo(2), 90), content_type="image/jpeg", headers={"ETag": '"s"'})
    server = Server(
        Scripted({"/": html('<img src="/a.jpg"><img src="/s.jpg">'), "/a.jpg": jpeg(1, **validator), "/s.jpg": small})
    )
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    first = crawled(project)
    server.log.clear()
    second = crawled(project)
    server.stop()
    assert {hit.path: (hit.status, hit.size_bytes) for hit in server.log if hit.is_image} == {
        "/a.jpg": (304, 0),
        "/s.jpg": (304, 0),
    }
    assert first.outcomes == {"stored": 1, "rejected": 1}
    assert second.outcomes == {"unchanged": 1, "rejected": 1}
    assert second.reasons == {**first.reasons, "unchanged: 304": 1}


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        ("noai", True),
        ("NoImageAI", True),
        ("noindex", True),
        ("nofollow, noimageindex", True),
        ("noml", True),
        ("isitcakebot: noai", True),
        ("*: noai", True),
        ("otherbot: noai", False),
        ("otherbot: noindex, nofollow, isitcakebot: noml", True),
        ("isitcakebot: nofollow, otherbot: noai", False),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", True),
        ("max-image-preview: large", False),
        ("index, follow", False),
    ],
)
def test_8_x_robots_tag(value: str, objects: bool) -> None:
    """Any case, comma lists, meant for us or for all; what is meant for another bot is not meant for us."""
    assert bool(optout.from_headers([("x-robots-tag", value)])) == objects


def test_8_a_picture_whose_headers_object_is_not_stored(tmp_path: Path) -> None:
    """The ledger names the header; scoped to another bot it is stored."""
    page = html('<img src="/a.jpg"><img src="/b.jpg">')
    answers: dict[str, Any] = {
        "/a.jpg": jpeg(1, X_Robots_Tag="NoAI, nofollow"),
        "/b.jpg": jpeg(2, X_Robots_Tag="otherbot: noai"),
    }
    server = Server(Scripted({"/": page, **answers}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert said(project) == {"a.jpg": ("rejected", "opt-out: X-Robots-Tag: noai"), "b.jpg": ("stored", "")}


@pytest.mark.parametrize(
    ("path", "answer", "evidence"),
    [
        ("/", html('<meta name="ROBOTS" content="index, NoAI"><img src="/a.jpg">'), "meta robots: noai"),
        ("/", html('<meta name="tdm-reservation" content="1"><img src="/a.jpg">'), "meta tdm-reservation: 1"),
        ("/", html('<img src="/a.jpg">', tdm_reservation="1"), "tdm-reservation: 1"),
        ("/", html('<img src="/a.jpg">', Content_Usage="train-ai=n"), "Content-Usage: train-ai=n"),
        (
            "/.well-known/tdmrep.json",
            Answer(body=b'[{"location": "/open/*", "tdm-reservation": 0}, {"location": "/*", "tdm-reservation": 1}]'),
            "tdmrep.json: tdm-reservation 1",
        ),
        ("/robots.txt", text("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n"), "robots.txt Content-Usage"),
        ("/robots.txt", text("User-Agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n"), "Content-Signal"),
    ],
)
def test_9_a_page_that_objects_keeps_its_pictures(tmp_path: Path, path: str, answer: Answer, evidence: str) -> None:
    """None of them is requested, and the ledger names the signal."""
    server = Server(Scripted({"/": html('<img src="/a.jpg">'), "/a.jpg": jpeg(), path: answer}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert not [hit for hit in server.log if hit.is_image]
    ((outcome, reason),) = said(project).values()
    assert outcome == "rejected"
    assert reason.startswith("opt-out: ")
    assert evidence in reason
    assert "opted out" in report.notes[0]


def test_9_noindex_of_a_gallery_page_says_nothing_of_its_photos() -> None:
    """Shops mark /gallery/page/2 noindex for search engines."""
    assert optout.from_page('<meta name="robots" content="noindex, follow">') == ""


def test_10_what_was_erased_stays_out(tmp_path: Path) -> None:
    """Its address, its bytes and its resized copy, on every later crawl; the address is not even asked."""
    copy = Answer(body=resized(photo(1), 320), content_type="image/jpeg")
    answers: dict[str, Any] = {"/a.jpg": jpeg(1), "/same.jpg": jpeg(1), "/copy.jpg": copy, "/b.jpg": jpeg(2)}
    server = Server(Scripted({"/": html(*(f'<img src="{name}">' for name in answers)), **answers}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    with project.catalog.write() as connection:
        bury(
            connection,
            datetime.now(UTC),
            "asked for",
            sha256=hashlib.sha256(photo(1)).hexdigest(),
            url=f"{server.url}/a.jpg",
            phash16=fingerprint(photo(1)).phash16,
        )
    for _ in range(2):
        crawled(project)
        assert said(project)["a.jpg"] == said(project)["same.jpg"] == ("rejected", "erased: it stays out")
        assert said(project)["copy.jpg"] == ("rejected", "erased: it stays out")
    server.stop()
    assert "/a.jpg" not in {hit.path for hit in server.log}
    assert stored(project) == {hashlib.sha256(photo(2)).hexdigest()}
    with project.catalog.read() as connection:
        assert len(connection.execute(outcomes.select()).all()) == 8
