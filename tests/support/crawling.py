"""One site on loopback, crawled: what the tests of crawlers/ share."""

import random
from functools import cache
from pathlib import Path

from sqlalchemy import select

from crawlers.collect import CollectReport, collect
from crawlers.ledger import SourceReport
from dataset.catalog.tables import images, outcomes
from dataset.opening import open_project
from dataset.project import Project
from simulator import drawings
from simulator.server import Answer


@cache
def photo(number: int = 1) -> bytes:
    """A drawn photo, another one for each number."""
    return drawings.thing(random.Random(number), "cup")


def jpeg(number: int = 1, **headers: str) -> Answer:
    return Answer(
        body=photo(number), content_type="image/jpeg", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def html(*parts: str, **headers: str) -> Answer:
    return Answer(body="\n".join(parts).encode(), headers=_named(headers))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def text(body: str) -> Answer:
    return Answer(body=body.encode(), content_type="text/plain")


def site(folder: Path, *start_urls: str, allowed: list[str], name: str = "one") -> Project:
    """A project with one source."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "isitcake.toml"
    listed = ", ".join(f'"{host}"' for host in allowed)
    starts = ", ".join(f'"{url}"' for url in start_urls)
    path.write_text(
        f'[project]\ncontact = "https://example.org/c"\n[crawl]\nallow_private_hosts = [{listed}]\n'
        f'[[sources]]\nname = "{name}"\nkind = "site"\nlabel = "cake"\nstart_urls = [{starts}]\n'
    )
    return open_project(path)


def crawled(project: Project) -> SourceReport:
    """The report of the one source; a failure of the crawl itself is a failure of the test."""
    report: CollectReport = collect(project)
    assert not report.failed
    return report.sources[0]


def said(project: Project) -> dict[str, tuple[str, str]]:
    """Outcome and reason of every candidate of the newest run, by what follows the last slash of its address."""
    with project.catalog.read() as connection:
        rows = connection.execute(select(outcomes).order_by(outcomes.c.id)).all()
    newest = max(row.run_id for row in rows)
    return {row.image_url.rpartition("/")[2]: (row.outcome, row.reason) for row in rows if row.run_id == newest}


def stored(project: Project) -> set[str]:
    with project.catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())
