"""Behaviours 1 to 3 of docs/crawling.md: robots.txt is read first, once, and obeyed."""

import asyncio
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crawling import crawled, html, jpeg, outcome_by_name, site, text

from crawlers.collect import collect
from crawlers.politeness.robots import Robots
from foundation.errors import CrawlError
from simulator.hostile import HostileServer, hangs, resets
from simulator.server import Answer, Scripted, Server

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
    assert set(outcome_by_name(project).values()) == {("rejected", "robots.txt: disallowed")}
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


def test_3_robots_txt_is_read_again_after_a_day() -> None:
    """One request a day, however often and by however many it is consulted."""
    server = Server(Scripted({"/robots.txt": text("User-agent: *\nDisallow: /no\n")}))
    now_s = 0.0

    async def fetch(url: str, tries: int) -> Any:
        with urllib.request.urlopen(url) as answer:
            return SimpleNamespace(status=answer.status, body=answer.read())

    async def consult_on_two_days() -> list[int]:
        nonlocal now_s
        robots = Robots(fetch, slow_down=lambda host, delay_s: None, clock=lambda: now_s)
        requests = []
        for hour in (0, 23, 25):
            now_s = hour * 3600.0
            await asyncio.gather(*(robots.check(f"{server.url}/yes") for _ in range(20)))
            requests.append(len(server.log))
        return requests

    assert asyncio.run(consult_on_two_days()) == [1, 1, 2]
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
    assert outcome_by_name(project) == {"a.jpg": ("rejected", "robots.txt: disallowed"), "b.jpg": ("stored", "")}
