"""Behaviours 6, 7 and 10 of docs/crawling.md: what every request says, and what is not requested again."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crawling import GALLERY_BY_FETCH, crawled, html, jpeg, outcome_by_name, photo, site, stored

from dataset.catalog.tables import outcomes
from dataset.duplicates.fingerprints import luminance
from dataset.duplicates.imprints import imprints_of
from dataset.erasure.tombstones import bury
from foundation.version import VERSION
from simulator.server import Answer, Scripted, Server, resized


def test_6_every_request_says_who_asks(tmp_path: Path) -> None:
    """Name, version and contact; from the browser too."""
    server = Server(
        Scripted(
            {
                "/": html(GALLERY_BY_FETCH),
                "/more.json": Answer(body=b'["/a.jpg"]', content_type="application/json"),
                "/a.jpg": jpeg(),
            }
        )
    )
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert {"/robots.txt", "/", "/more.json", "/a.jpg"} <= {hit.path for hit in server.log}
    assert {hit.user_agent for hit in server.log} == {f"isitcakebot/{VERSION} (+https://example.org/c)"}


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
            prints=[("imprint", value) for value in imprints_of(luminance(photo(1)))],
        )
    for _ in range(2):
        crawled(project)
        assert (
            outcome_by_name(project)["a.jpg"]
            == outcome_by_name(project)["same.jpg"]
            == ("rejected", "erased: it stays out")
        )
        assert outcome_by_name(project)["copy.jpg"] == ("rejected", "erased: it stays out")
    server.stop()
    assert "/a.jpg" not in {hit.path for hit in server.log}
    assert stored(project) == {hashlib.sha256(photo(2)).hexdigest()}
    with project.catalog.read() as connection:
        assert len(connection.execute(outcomes.select()).all()) == 8
