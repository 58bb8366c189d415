"""What a crawl in its own process says of its hosts."""

import subprocess
import sys
from pathlib import Path

import pytest
from crawling import crawled, html, jpeg, site, stored

from crawlers.sites.process import of_the_source
from crawlers.sites.spider import SiteSpider
from crawlers.source_health import Note, NoteKind, Run, RunStatus, diagnose
from simulator.server import Scripted, Server


def test_a_host_without_pictures_is_not_the_source() -> None:
    """A font's host whose robots.txt cannot be read defers nothing; the host of a candidate does."""
    spider = SiteSpider(["https://www.a.example/"])
    spider.photo_hosts = {"cdn.example"}
    notes = [
        Note(NoteKind.ROBOTS_UNREADABLE, host, "deferred") for host in ("fonts.example", "cdn.example", "a.example")
    ]
    kinds = [note.kind for note in of_the_source(notes, spider)]
    assert kinds == [NoteKind.ELSEWHERE, NoteKind.ROBOTS_UNREADABLE, NoteKind.ROBOTS_UNREADABLE]
    assert diagnose(Run({}, {}, 0, of_the_source(notes[:1], spider)), []).status == RunStatus.UNHEALTHY


def test_a_crawl_leaves_nothing_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be one that we must not write to, as a service's is."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    server = Server(Scripted({"/": html('<img src="/1.jpg">'), "/1.jpg": jpeg()}))
    project = site(tmp_path / "project", f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert len(stored(project)) == 1
    assert list(here.iterdir()) == []


def test_what_keeps_a_crawl_from_beginning_is_raised(tmp_path: Path) -> None:
    """A pipeline that cannot be built, in a process of its own: Scrapy runs once in one."""
    project = site(tmp_path, "http://a.example/", allowed=[])
    code = (
        "import sys; from crawlers.sites import download_originals, process\n"
        "def broken(*_, **__): raise OSError('the disk is gone')\n"
        "download_originals.OriginalsPipeline.__init__ = broken\n"
        "process.main(*sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, str(project.settings.config_path), "one"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "OSError: the disk is gone" in process.stderr.read()
