"""Behaviour 24 of docs/crawling.md: a run can be killed; and what the ledger keeps of text from outside."""

import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crawling import command, crawled, gallery, html, jpeg, site, stored, wait_until
from sqlalchemy import select

from crawlers.sites.download_originals import MAX_IN_MEMORY
from dataset.catalog.claims import standing
from dataset.catalog.tables import claims, outcomes
from dataset.opening import open_project
from dataset.project import Project
from foundation.safe_text import MAX_TEXT_CHARS, clean_text
from simulator.server import Scripted, Server


def facts(project: Project) -> dict[str, tuple[str, str, str]]:
    """What the ledger says of every candidate, whatever the run."""
    with project.catalog.read() as connection:
        return {
            row.image_url.rpartition("/")[2]: (row.outcome, row.reason, row.sha256)
            for row in connection.execute(select(outcomes))
        }


@pytest.mark.long
def test_24_killed_three_times_and_run_again_is_as_undisturbed(tmp_path: Path) -> None:
    """The same catalog, and no image that was stored is asked for again."""
    calm = Server(Scripted(gallery(40)))
    undisturbed = site(tmp_path / "calm", f"{calm.url}/gallery", allowed=[calm.address])
    crawled(undisturbed)
    calm.stop()
    server = Server(Scripted(gallery(40)))
    project = site(tmp_path / "killed", f"{server.url}/gallery", allowed=[server.address])
    rng = random.Random(24)
    for _ in range(3):
        before = len(server.log)
        process = command(project, "collect")
        enough = before + rng.randrange(6, 16)
        wait_until(lambda n=enough, p=process: len(server.log) >= n or p.poll() is not None)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
    crawled(project)
    server.stop()
    assert facts(project) == facts(undisturbed)
    assert stored(project) == stored(undisturbed)
    asked = Counter(hit.path for hit in server.log if hit.is_image and hit.status == 200)
    # An answer may be under way, or a picture be decoded, when the process dies: those alone are asked for again.
    assert sum(count - 1 for count in asked.values()) <= 3 * MAX_IN_MEMORY


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00b", "ab"),
        ("x" * 10_000, "x" * MAX_TEXT_CHARS),
    ],
)
def test_text_from_outside_is_made_harmless(text: str, kept: str) -> None:
    assert clean_text(text) == kept


def test_a_crawl_that_is_answered_unchanged_asserts_the_claim_too(tmp_path: Path) -> None:
    """Data F4: label and licence are corrected, the server says 304, the new claim holds; then none is added."""
    server = Server(Scripted({"/": html('<img src="/a.jpg">'), "/more": html('<img src="/a.jpg">'), "/a.jpg": jpeg(1)}))
    project = site(tmp_path, f"{server.url}/", f"{server.url}/more", allowed=[server.address])
    crawled(project)
    project.close()
    path = tmp_path / "isitcake.toml"
    path.write_text(path.read_text().replace('label = "cake"', 'label = "not_cake"\nlicence = "CC0-1.0"'))
    project = open_project(path)
    for _ in range(2):
        crawled(project)
        with project.catalog.read() as connection:
            held = {(row.source_label, row.licence) for row in connection.execute(select(standing))}
            assert held == {("not_cake", "CC0-1.0")}
            assert len(connection.execute(select(claims)).all()) == 1
    server.stop()
    project.close()


def test_a_page_that_shows_a_picture_no_longer_ends_no_claim(tmp_path: Path) -> None:
    """A crawl is never whole: only folders are."""
    pages: dict[str, Any] = {"/": html('<img src="/a.jpg"><img src="/b.jpg">'), "/a.jpg": jpeg(1), "/b.jpg": jpeg(2)}
    server = Server(Scripted(pages))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    pages["/"] = html('<img src="/a.jpg">')
    crawled(project)
    server.stop()
    with project.catalog.read() as connection:
        assert len(connection.execute(select(standing)).all()) == 2
    project.close()
