"""Pictures on a hash list: on every road they are refused, counted, and told; nothing of them is kept or shown."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from commands import here
from crawling import crawled, html, jpeg, photo, site, stored
from small_projects import SmallProject
from sqlalchemy import select

from crawlers.ledger.listing import list_outcomes
from dataset.catalog.tables import outcomes
from dataset.opening import open_project
from dataset.project import Project
from simulator.server import Scripted, Server

CONTACT = "https://hotline.example"


def with_list(folder: Path, *contents: bytes) -> None:
    """Give the project in `folder` a list with these files."""
    digests = "\n".join(hashlib.md5(content).hexdigest() for content in contents)
    (folder / "md5.txt").write_text(digests)
    path = folder / "isitcake.toml"
    path.write_text(f'{path.read_text()}\n[safety]\nhash_lists = ["md5.txt"]\ncontact = "{CONTACT}"\n')


def files_with(folder: Path, content: bytes) -> list[Path]:
    """Files of a library that have these bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]


def test_a_file_on_a_list_is_not_stored_and_not_named(tmp_path: Path) -> None:
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own", "cakes c cake own")
    victim = sorted((tmp_path / "n").iterdir())[0]
    with_list(tmp_path, victim.read_bytes())
    for _ in range(2):  # a folder is read each time, and the picture is told each time
        ended = here(tmp_path, "collect", "cups", "--json")
        report = json.loads(ended.stdout)["sources"][0]
        assert report["outcomes"]["rejected"] == 1
        assert report["reasons"]["rejected: on a hash list"] == 1
        assert report["notes"][0] == (
            f"1 picture is on a hash list (md5.txt 1), not stored and not shown; tell {CONTACT}"
        )
    assert files_with(tmp_path / "library", victim.read_bytes()) == []
    listing = small.run("outcomes cups")[0]
    assert victim.name not in listing
    assert "(not shown)" in listing
    assert victim.name in small.run("outcomes cups --on-hash-lists")[0]
    assert victim.name in small.run("outcomes cups --on-hash-lists --outcome rejected")[0]
    assert small.run("outcomes cups --on-hash-lists --outcome stored") == ["cups: nothing stored on a hash list\n"]


def test_a_picture_of_a_page_is_refused_and_never_asked_for_again(tmp_path: Path) -> None:
    """Also under another address: its bytes are known. Other pictures of the page are collected."""
    pages: dict[str, Any] = {
        "/": html('<img src="/1.jpg"><img src="/2.jpg"><img src="/again.jpg">'),
        "/1.jpg": jpeg(1),
        "/2.jpg": jpeg(2),
        "/again.jpg": jpeg(1),
    }
    server = Server(Scripted(pages))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    project.close()
    with_list(tmp_path, photo(1))
    project = open_project(tmp_path)
    report = crawled(project)
    assert stored(project) == {hashlib.sha256(photo(2)).hexdigest()}
    assert report.reasons["rejected: on a hash list"] == 2
    assert CONTACT in report.notes[0]
    asked = [hit.path for hit in server.log if hit.path.endswith(".jpg")]
    server.log.clear()
    crawled(project)
    assert sorted(asked) == ["/1.jpg", "/2.jpg", "/again.jpg"]
    assert [hit.path for hit in server.log if hit.path.endswith(".jpg")] == ["/2.jpg"]
    shown = {one.address.rpartition("/")[2] for one in list_outcomes(project, "one")}
    assert shown == {"2.jpg", "(not shown)"}
    named = {one.address.rpartition("/")[2] for one in list_outcomes(project, "one", on_hash_lists=True)}
    assert named == {"1.jpg", "again.jpg"}
    assert kept_bytes(project) == []
    project.close()


def test_an_entry_that_was_wrong_can_be_removed_from_its_list(tmp_path: Path) -> None:
    """The address is asked for again, without the old answer's etag; while the list is as it was, it is not."""
    pages: dict[str, Any] = {"/": html('<img src="/1.jpg"><img src="/2.jpg">'), "/1.jpg": jpeg(1), "/2.jpg": jpeg(2)}
    server = Server(Scripted(pages))
    site(tmp_path, f"{server.url}/", allowed=[server.address]).close()
    with_list(tmp_path, photo(1), b"another picture")
    with contextlib.closing(open_project(tmp_path)) as project:
        crawled(project)
        assert stored(project) == {hashlib.sha256(photo(2)).hexdigest()}
    (tmp_path / "md5.txt").write_text(hashlib.md5(b"another picture").hexdigest())
    with contextlib.closing(open_project(tmp_path)) as project:
        report = crawled(project)
        assert stored(project) == {hashlib.sha256(photo(number)).hexdigest() for number in (1, 2)}
    assert report.notes == []


def kept_bytes(project: Project) -> list[str]:
    """SHA-256 that outcomes of refused pictures have; none is kept."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(outcomes).where(outcomes.c.reason.startswith("on a hash list")))
        return [row.sha256 for row in rows if row.sha256]


def test_a_list_that_cannot_be_read_stops_before_anything_is_collected(tmp_path: Path) -> None:
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own")
    with_list(tmp_path, b"nothing")
    (tmp_path / "md5.txt").write_text("not a hash")
    ended = here(tmp_path, "collect")
    assert "md5.txt, line 1: neither 32 hex digits" in ended.sentence(2)
