"""Behaviour 27 of docs/crawling.md, and which browser is started."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from crawling import crawled, html, jpeg, site

from crawlers.sites.browser import executable
from foundation.errors import CrawlError
from simulator.server import Answer, Scripted, Server

PAGES = 150  # each in a browser context of its own
SCRIPTED = """<main id="gallery"></main><script>
addEventListener('load', () => { for (const name of %s) { const i = document.createElement('img'); i.src = name;
  document.getElementById('gallery').append(i); } });</script>"""


def browsers() -> list[psutil.Process]:
    """Chromium's main processes below this one."""
    main_processes = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name() and "--type=" not in " ".join(process.cmdline()):
                main_processes.append(process)
    return main_processes


def test_27_when_the_browser_dies_the_page_is_read_in_a_new_one(tmp_path: Path) -> None:
    """Killed while it shows a page; every photo is collected all the same."""
    killed: list[int] = []

    def page_with_a_death(headers: dict[str, str]) -> Answer:
        if "Chrome" not in headers.get("sec-ch-ua", "") and headers.get("sec-fetch-mode") != "navigate":
            return html(SCRIPTED % '["/3.jpg", "/4.jpg"]')  # our own HTTP request
        if not killed:
            for process in browsers():
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)
        return html(SCRIPTED % '["/3.jpg", "/4.jpg"]')

    answers: dict[str, Any] = {
        "/": html(SCRIPTED % '["/1.jpg", "/2.jpg"]'),
        "/two": page_with_a_death,
        **{f"/{n}.jpg": jpeg(n) for n in range(1, 5)},
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", f"{server.url}/two", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert killed
    assert report.outcomes == {"stored": 4}, report


class Watch(threading.Thread):
    """The most pages and memory that the browser below this process ever had."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes: list[float] = []
        self.renderers = 0
        self.ended = threading.Event()

    def run(self) -> None:
        before: set[int] = set()
        while not self.ended.wait(0.5):
            total, renderers = 0.0, set()
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "chrom" in process.name():
                        memory = process.memory_info()
                        total += (memory.rss - memory.shared) / 1e6
                        if "--type=renderer" in " ".join(process.cmdline()):
                            renderers.add(process.pid)
            self.megabytes.append(total)
            self.renderers = max(self.renderers, len(renderers & before))  # others are ending or beginning
            before = renderers


@pytest.mark.long
def test_27_many_pages_keep_the_browser_small(tmp_path: Path) -> None:
    """Memory at the end is as in the beginning, and never more than a few pages are open."""
    answers: dict[str, Any] = {"/1.jpg": jpeg(1)}
    for n in range(PAGES):
        links = "".join(f"const a{k} = document.createElement('a'); a{k}.href = '/p{k}'; document.body.append(a{k});"
                        for k in (n + 1, n + 2))  # fmt: skip
        answers[f"/p{n}"] = html(SCRIPTED % '["/1.jpg"]', f"<script>{links}</script>")
    server = Server(Scripted(answers))
    starts = [f"{server.url}/p{n}" for n in range(PAGES)]
    project = site(tmp_path, *starts, allowed=[server.address])
    watch = Watch()
    watch.start()
    report = crawled(project)
    watch.ended.set()
    server.stop()
    assert report.pages == PAGES
    assert report.outcomes == {"stored": 1}
    assert watch.renderers <= 8
    third = len(watch.megabytes) // 3
    early, late = max(watch.megabytes[third : 2 * third]), max(watch.megabytes[2 * third :])
    assert late < early * 1.3 + 60


def test_a_setting_that_names_no_browser_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISITCAKE_BROWSER", "/nowhere/chromium")
    with pytest.raises(CrawlError, match="ISITCAKE_BROWSER names /nowhere/chromium"):
        executable()


@pytest.mark.parametrize("module", ["crawlers.collect", "crawlers.probe", "crawlers.sites.browser"])
def test_scrapy_and_playwright_load_only_where_a_site_is_crawled(module: str) -> None:
    """`isitcake collect` starts the crawl in a process of its own; `isitcake doctor` only asks for the browser."""
    code = f"import sys, {module}; print(sorted({{m.split('.')[0] for m in sys.modules}}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'scrapy'", "'twisted'", "'playwright'"} & set(ended.stdout.strip("[]\n").split(", "))
