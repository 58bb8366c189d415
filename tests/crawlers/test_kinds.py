"""The kinds of sites in simulator/kinds: all photos and nothing else, judged by the logs of their servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.ledger.reports import SourceReport
from dataset.catalog.tables import sightings
from dataset.opening import open_project
from simulator.kinds import KINDS
from simulator.kinds.kind import Kind, KindServers, faults

ONE_IN = 3  # of so many kinds, `.ci/run` crawls one; `make test` crawls all
CHOSEN = [
    pytest.param(kind, id=kind.source, marks=[] if number % ONE_IN == 0 else pytest.mark.long)
    for number, kind in enumerate(KINDS)
]


@dataclass
class Crawled:
    """One crawl of kinds. stored: SHA-256 of the images by source."""

    kinds: list[Kind]
    servers: KindServers
    reports: dict[str, SourceReport]
    failed: dict[str, str]
    stored: dict[str, set[str]]


@pytest.fixture(scope="module")
def crawled_kinds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """The kinds whose tests run."""
    tests = [item for item in request.session.items if item.path == request.path]
    kinds = [cast(Kind, test.callspec.params["kind"]) for test in tests if isinstance(test, pytest.Function)]
    servers = KindServers(kinds)
    folder: Path = tmp_path_factory.mktemp("kinds")
    (folder / "isitcake.toml").write_text(servers.config())
    project = open_project(folder / "isitcake.toml")
    report = collect(project)
    stored: dict[str, set[str]] = {}
    with project.catalog.read() as connection:
        for row in connection.execute(select(sightings.c.source, sightings.c.sha256)):
            stored.setdefault(row.source, set()).add(row.sha256)
    project.close()
    yield Crawled(kinds, servers, {one.source: one for one in report.sources}, report.failed, stored)
    servers.stop()


@pytest.mark.slow  # the first one crawls
@pytest.mark.parametrize("kind", CHOSEN)
def test_a_kind_of_site_is_crawled_as_it_should_be(kind: Kind, crawled_kinds: Crawled) -> None:
    """Every photo is stored, nothing else is, and its server saw no request that it should not have seen."""
    assert kind.source not in crawled_kinds.failed
    number = crawled_kinds.kinds.index(kind)
    report = crawled_kinds.reports[kind.source]
    servers = crawled_kinds.servers
    stored = crawled_kinds.stored.get(kind.source, set())
    assert faults(kind, servers.sites[number], servers.other, stored, report.notes, report.status) == []
