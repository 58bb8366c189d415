"""Behaviours 24 to 28 of docs/crawling.md: a run can be killed, adds up, knows when a site fell ill, and is alone."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from crawling import crawled, html, jpeg, said, site, stored
from sqlalchemy import func, select

from crawlers.collect import CollectReport, collect
from crawlers.source_health import Run, cause, diagnose
from dataset.catalog.tables import outcomes, runs
from dataset.project import Project
from foundation.environment import child_environment
from foundation.errors import CrawlError
from simulator.server import Answer, Scripted, Server

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def gallery(photos: int, per_page: int = 6) -> dict[str, Any]:
    """Pages of a numbered gallery, with their photos."""
    answers: dict[str, Any] = {}
    for page in range(-(-photos // per_page)):
        numbers = range(page * per_page, min(photos, (page + 1) * per_page))
        tags = [f'<img src="/{n}.jpg">' for n in numbers]
        path = f"/gallery/{page + 1}" if page else "/gallery"
        answers[path] = html(*tags, f'<a href="/gallery/{page + 2}">next</a>')
        answers |= {f"/{n}.jpg": jpeg(n, ETag=f'"{n}"') for n in numbers}
    return answers


def facts(project: Project) -> dict[str, tuple[str, str, str]]:
    """What the ledger says of every candidate, whatever the run."""
    with project.catalog.read() as connection:
        return {
            row.image_url.rpartition("/")[2]: (row.outcome, row.reason, row.sha256)
            for row in connection.execute(select(outcomes))
        }


def command(project: Project, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from isitcake.cli import main; main()", *arguments],
        cwd=project.settings.root, env=child_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


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
        while len(server.log) < before + rng.randrange(6, 16) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    crawled(project)
    server.stop()
    assert facts(project) == facts(undisturbed)
    assert stored(project) == stored(undisturbed)
    asked = Counter(hit.path for hit in server.log if hit.is_image and hit.status == 200)
    # An answer may be under way when the process dies, at most two at a time: those alone are asked for again.
    assert sum(count - 1 for count in asked.values()) <= 3 * 2


def test_25_outcomes_add_up_and_an_ill_source_ends_with_1(tmp_path: Path) -> None:
    """One line and one table per source; exit code 1 though the other source was well."""
    server = Server(Scripted({
        "/": html('<img src="/1.jpg"><img src="/2.jpg"><img src="/gone.jpg"><img src="/x.svg">'),
        "/1.jpg": jpeg(1), "/2.jpg": jpeg(1),
    }))  # fmt: skip
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    path = tmp_path / "isitcake.toml"
    more = f'[[sources]]\nname = "ill"\nkind = "site"\nlabel = "cake"\nstart_urls = ["{server.url}/none"]\n'
    path.write_text(path.read_text() + more)
    ended = command(project, "collect")
    out, err = ended.communicate()
    assert ended.returncode == 1
    assert "2 sources, 4 candidates: 1 stored, 1 duplicate, 0 unchanged, 1 rejected, 1 failed" in out
    assert "failed: answered 404 1; rejected: drawing 1" in " ".join(out.split())
    assert err.strip().splitlines()[-1].startswith("error: ill: no usable picture: 404")
    ended = command(project, "collect", "one", "--json")
    told = json.loads(ended.communicate()[0])["sources"][0]
    server.stop()
    assert ended.returncode == 0
    assert sum(told["outcomes"].values()) == told["candidates"] == 4
    with project.catalog.read() as connection:
        rows: dict[int, int] = dict(
            connection.execute(select(outcomes.c.run_id, func.count()).group_by(outcomes.c.run_id)).all()
        )
        counted = {row.id: row.candidates for row in connection.execute(select(runs)) if row.candidates}
    assert rows == counted


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"/gallery": Answer(404, b"no")}, "404"),
        ({"/gallery": Answer(403, b"no")}, "blocked"),
        ({"/gallery": html("<p>We have moved to another platform, and there is nothing to see on this page now.</p>")},
         "site changed"),
        ({"/gallery": html(*[f'<img src="{PIXEL}" data-of="{n}">' for n in range(9)], '<img src="/0.jpg">')},
         "site changed"),
        ({"/gallery": html(*[f'<img src="/{n}.jpg">' for n in range(8)], *[f'<img src="{PIXEL}">' for _ in range(30)])},
         "placeholders"),
        ({f"/{n}.jpg": Answer(500, b"") for n in range(1, 12)} | {"/gallery": html(*[f'<img src="/{n}.jpg">' for n in
          range(12)])}, "server error"),
    ],
    ids=["404", "403", "emptied", "fell by 90 %", "placeholders", "broken"],
)  # fmt: skip
def test_26_a_site_that_fell_ill_is_flagged_with_its_cause(tmp_path: Path, second: dict[str, Any], why: str) -> None:
    """Zero, by 80 %, or to placeholders; what was collected stays."""
    answers = gallery(12, per_page=12)
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/gallery", allowed=[server.address])
    assert crawled(project).status == "done"
    before = stored(project)
    answers.update(second)
    report = crawled(project)
    server.stop()
    assert report.status == "unhealthy"
    assert any(why in note for note in report.notes), report.notes
    assert stored(project) == before
    with pytest.raises(CrawlError, match="what was collected stays"):
        CollectReport([report]).raise_for_failures()


def test_26_a_name_that_is_gone_is_called_dns(tmp_path: Path) -> None:
    """The site's name does not resolve any more."""
    project = site(tmp_path, "http://no-such-baker.invalid/", allowed=[])
    with contextlib.suppress(CrawlError):
        report = crawled(project)
        assert report.status in ("unhealthy", "deferred")
        assert any("resolve" in note.lower() or "dns" in note.lower() for note in report.notes), report.notes
    run = Run({}, {}, notes=["page http://x.example/: dns: DNS lookup failed"])
    assert diagnose(run, [20, 22])[0] == "unhealthy"
    assert cause(run).startswith("dns")


SCRIPTED = """<main id="gallery"></main><script>
addEventListener('load', () => { for (const name of %s) { const i = document.createElement('img'); i.src = name;
  document.getElementById('gallery').append(i); } });</script>"""


def browsers() -> list[psutil.Process]:
    """Chromium's main processes below this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name() and "--type=" not in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_27_when_the_browser_dies_the_page_is_read_in_a_new_one(tmp_path: Path) -> None:
    """Killed while it shows a page; every photo is had all the same."""
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
        while not self.ended.wait(0.5):
            total, renderers = 0.0, 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "chrom" in process.name():
                        memory = process.memory_info()
                        total += (memory.rss - memory.shared) / 1e6
                        renderers += "--type=renderer" in " ".join(process.cmdline())
            self.megabytes.append(total)
            self.renderers = max(self.renderers, renderers)


def test_27_three_hundred_pages_keep_the_browser_small(tmp_path: Path) -> None:
    """Memory at the end is as in the beginning, and never more than a few pages are open."""
    answers: dict[str, Any] = {"/1.jpg": jpeg(1)}
    for n in range(300):
        links = "".join(f"const a{k} = document.createElement('a'); a{k}.href = '/p{k}'; document.body.append(a{k});"
                        for k in (n + 1, n + 2))  # fmt: skip
        answers[f"/p{n}"] = html(SCRIPTED % '["/1.jpg"]', f"<script>{links}</script>")
    server = Server(Scripted(answers))
    starts = [f"{server.url}/p{n}" for n in range(300)]
    project = site(tmp_path, *starts, allowed=[server.address])
    watch = Watch()
    watch.start()
    report = crawled(project)
    watch.ended.set()
    server.stop()
    assert report.pages == 300
    assert report.outcomes == {"stored": 1}
    assert watch.renderers <= 8
    third = len(watch.megabytes) // 3
    early, late = max(watch.megabytes[third : 2 * third]), max(watch.megabytes[2 * third :])
    assert late < early * 1.3 + 60


@pytest.fixture
def slow_site() -> Iterator[Server]:
    def slowly(headers: dict[str, str]) -> Answer:
        time.sleep(3)
        return html('<img src="/1.jpg">')

    server = Server(Scripted({"/": slowly, "/1.jpg": jpeg(1)}))
    yield server
    server.stop()


def test_28_two_crawls_of_one_source_do_not_meet(tmp_path: Path, slow_site: Server) -> None:
    """The second waits for the first, or says that it is being collected; nothing is asked twice."""
    project = site(tmp_path, f"{slow_site.url}/", allowed=[slow_site.address])
    ended = [command(project, "collect"), command(project, "collect")]
    told = [process.communicate() for process in ended]
    assert sorted(process.returncode for process in ended)[0] == 0
    assert all("Traceback" not in err for _, err in told)
    for process, (_, err) in zip(ended, told, strict=True):
        assert process.returncode == 0 or "is being collected by another process" in err
    bodies = [hit.path for hit in slow_site.log if hit.path == "/1.jpg" and hit.status == 200]
    assert len(bodies) <= 2  # once, and once more only if the second one waited: this site has no validators
    assert set(said(project).values()) <= {("stored", ""), ("unchanged", "")}


def test_no_crawl_is_without_its_source(tmp_path: Path) -> None:
    """An unknown source is refused before anything is asked."""
    project = site(tmp_path, "http://127.0.0.1:9/", allowed=[])
    with pytest.raises(LookupError, match="no source 'two'"):
        collect(project, ["two"])
