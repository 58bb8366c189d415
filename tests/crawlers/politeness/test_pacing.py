"""Behaviours 4 and 5 of docs/crawling.md: a host is asked slowly, and left alone when it wants that."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from crawling import GALLERY_BY_FETCH, crawled, html, jpeg, site, text

from crawlers.politeness.pacing import MAX_FAILURES_IN_A_ROW, retry_after_s
from simulator.server import Answer, Scripted, Server


def test_4_crawl_delay_holds_for_pages_images_and_the_browser_together(tmp_path: Path) -> None:
    """Two seconds between the starts of any two requests, one at a time."""
    server = Server(
        Scripted(
            {
                "/robots.txt": text("User-agent: *\nCrawl-delay: 2\n"),
                "/": html(GALLERY_BY_FETCH),
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
    # The server's clock: on a busy machine a request may arrive a little later than it started.
    assert min(later - earlier for earlier, later in pairwise(times)) > 1.8
    assert server.most_at_once == 1


def test_4_without_a_crawl_delay_two_connections_and_a_pause(tmp_path: Path) -> None:
    """A host never has more than two connections, nor more than ten requests a second."""
    names = [f"/{n}.jpg" for n in range(12)]
    answers: dict[str, Any] = {name: jpeg(number) for number, name in enumerate(names)}
    server = Server(Scripted({"/": html(*(f'<img src="{name}">' for name in names)), **answers}), latency_s=0.3)
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    times = [hit.at for hit in server.log]
    # A request that is delayed on its way arrives shortly before the next one; five in a row show the pace.
    assert min(later - earlier for earlier, later in zip(times, times[4:], strict=False)) > 0.35
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.04
    assert server.most_at_once == 2


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_5_retry_after_silences_the_host_that_long_and_no_other(tmp_path: Path, status: int, as_date: bool) -> None:
    """Nothing goes to the host until its time is over; other hosts continue; then the photo is collected."""
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
    assert len([hit for hit in images.log if hit.path.endswith(".jpg")]) <= MAX_FAILURES_IN_A_ROW + 1
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
        ("²", None),  # Security 10: isdigit() says yes, int() refuses it
        ("٣", None),
        ("1e999", None),
        ("9" * 5000, 999_999_999.0),
        ("Tue, 24 Nov 2026 10:00:30 -9999", None),
        ("Tue, 24 Nov 99999 10:00:30 GMT", None),
        ("(" * 10_000, None),
        ("", None),
    ],
)
def test_5_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)) == seconds
