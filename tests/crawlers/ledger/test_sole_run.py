"""Behaviour 28 of docs/crawling.md: one run of a source at a time; processes share sources."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from crawling import add_source, command, html, jpeg, site, stored, wait_until

from crawlers.collect import BY_ANOTHER, CollectReport, collect
from crawlers.ledger.sole_run import is_collected_now
from dataset.project import Project
from simulator.server import Answer, Scripted, Server


class Gate:
    """A site whose page waits until somebody opens the gate, and another that answers at once."""

    def __init__(self, folder: Path) -> None:
        self.opened = threading.Event()
        self.server = Server(Scripted({"/": self.page, "/1.jpg": jpeg(1)}))
        self.other = Server(Scripted({"/": html('<img src="/2.jpg">'), "/2.jpg": jpeg(2)}))
        self.project = site(folder, f"{self.server.url}/", allowed=[self.server.address, self.other.address])
        self.project = add_source(self.project, "two", f"{self.other.url}/")

    def page(self, headers: dict[str, str]) -> Answer:
        self.opened.wait(60)
        return html('<img src="/1.jpg">')

    def asked(self, server: Server) -> list[str]:
        return [hit.path for hit in server.log if hit.path.endswith(".jpg")]

    @contextmanager
    def collecting(self) -> Iterator["subprocess.Popen[str]"]:
        """Another process that collects the first site."""
        process = command(self.project, "collect", "one")
        try:
            wait_until(lambda: is_collected_now(self.project, "one"))
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.opened.set()
    gate.server.stop()
    gate.other.stop()


@contextmanager
def collecting_too(project: Project) -> Iterator[Future[CollectReport]]:
    """Collect in this process, once another one holds a source; entered when this one has seen that."""
    has_seen = threading.Event()

    def tell(_source: str, _images: int, doing: str, _total: int) -> None:
        if doing == "another process collects it":
            has_seen.set()

    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(collect, project, progress=tell)
        assert has_seen.wait(60)
        yield report


def test_28_two_collections_share_the_sources(gate: Gate) -> None:
    """The second takes what is free, waits for the rest, and asks for nothing that the first asked for."""
    with gate.collecting() as first, collecting_too(gate.project) as second:
        wait_until(lambda: gate.asked(gate.other) == ["/2.jpg"])
        gate.opened.set()
        out, err = first.communicate()
    assert first.returncode == 0, err
    assert BY_ANOTHER not in out
    assert {report.source: BY_ANOTHER in report.notes for report in second.result().sources} == {
        "one": True,
        "two": False,
    }
    assert second.result().failed == {}
    assert gate.asked(gate.server) == ["/1.jpg"]
    assert len(stored(gate.project)) == 2


def test_28_what_a_killed_process_collected_is_taken_over(gate: Gate) -> None:
    with gate.collecting() as first, collecting_too(gate.project) as second:
        first.kill()
        gate.opened.set()
    assert {report.source: report.status for report in second.result().sources} == {"one": "done", "two": "done"}
    assert not any(BY_ANOTHER in report.notes for report in second.result().sources)
    assert len(stored(gate.project)) == 2
