"""Behaviour 25 of docs/crawling.md: the report of a run adds up."""

import json
from datetime import UTC, datetime
from pathlib import Path

from crawling import add_source, command, crawled, html, jpeg, site
from sqlalchemy import func, select

from crawlers.ledger.reports import last_reports
from crawlers.ledger.sole_run import sole_run
from dataset.catalog.tables import outcomes, runs
from simulator.server import Scripted, Server


def test_25_outcomes_add_up_and_an_ill_source_ends_with_1(tmp_path: Path) -> None:
    """One line and one table per source; exit code 1 though the other source was well."""
    server = Server(Scripted({
        "/": html('<img src="/1.jpg"><img src="/2.jpg"><img src="/gone.jpg"><img src="/x.svg">'),
        "/1.jpg": jpeg(1), "/2.jpg": jpeg(1),
    }))  # fmt: skip
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    add_source(project, "ill", f"{server.url}/none")
    ended = command(project, "collect")
    out, err = ended.communicate()
    assert ended.returncode == 1
    assert "2 sources, 4 candidates: 1 stored, 1 duplicate, 0 unchanged, 1 rejected, 1 failed" in out
    assert "failed: answered 404 1; rejected: drawing 1" in " ".join(out.split())
    assert err.strip().splitlines()[-1].startswith("error: ill: no usable picture: 404")
    ended = command(project, "collect", "one", "--json")
    printed = json.loads(ended.communicate()[0])["sources"][0]
    server.stop()
    assert ended.returncode == 0
    assert sum(printed["outcomes"].values()) == printed["candidates"] == 4
    with project.catalog.read() as connection:
        rows: dict[int, int] = dict(
            connection.execute(select(outcomes.c.run_id, func.count()).group_by(outcomes.c.run_id)).all()
        )
        counted = {row.id: row.candidates for row in connection.execute(select(runs)) if row.candidates}
    assert rows == counted


def test_the_last_report_is_the_one_that_the_run_gave(tmp_path: Path) -> None:
    """Read from the catalog, with its notes as sentences; a later run takes its place."""
    server = Server(Scripted({"/": html('<img src="/1.jpg">', '<img src="/gone.jpg">'), "/1.jpg": jpeg(1)}))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    assert last_reports(project) == []
    first = crawled(project)
    assert last_reports(project) == [first]
    assert first.row()["why not"] == "failed: answered 404 1"
    server.host.answers.clear()
    second = crawled(project)
    server.stop()
    assert last_reports(project) == [second]
    assert second.notes[0].startswith("no usable picture: 404 (page ")


def test_a_run_that_no_process_continues_is_interrupted(tmp_path: Path) -> None:
    """Only who holds the source runs: a killed run is not said to be running."""
    project = site(tmp_path, "http://127.0.0.1:9/", allowed=[])
    begun = {"source": "one", "status": "running", "started_at": datetime.now(UTC), "notes": []}
    with project.catalog.write() as connection:
        connection.execute(runs.insert().values(begun))
    assert [report.status for report in last_reports(project)] == ["interrupted"]
    with sole_run(project, project.settings.sources[0]):
        assert [report.status for report in last_reports(project)] == ["running"]
