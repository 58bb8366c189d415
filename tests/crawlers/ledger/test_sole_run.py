"""Behaviour 28 of docs/crawling.md: one run of a source at a time."""

import threading
from pathlib import Path

from crawling import command, html, jpeg, outcome_by_name, site, wait_until

from simulator.server import Answer, Scripted, Server


def test_28_two_crawls_of_one_source_do_not_meet(tmp_path: Path) -> None:
    """The second says that the source is being collected, and makes no request; the first ends well."""
    one_has_ended = threading.Event()

    def page(headers: dict[str, str]) -> Answer:
        one_has_ended.wait(60)
        return html('<img src="/1.jpg">')

    server = Server(Scripted({"/": page, "/1.jpg": jpeg(1)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    processes = [command(project, "collect"), command(project, "collect")]
    wait_until(lambda: any(process.poll() is not None for process in processes))
    one_has_ended.set()
    errors = {process.returncode: err for process, (_, err) in ((p, p.communicate()) for p in processes)}
    server.stop()
    assert sorted(errors) == [0, 1]
    assert "is being collected by another process" in errors[1]
    assert "Traceback" not in errors[1]
    assert [hit.path for hit in server.log].count("/1.jpg") == 1
    assert outcome_by_name(project) == {"1.jpg": ("stored", "")}
