"""A look at one page: what would be collected from it, and the lines that would collect it."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from crawlers.collect import crawl_apart
from crawlers.ledger import SourceReport
from dataset.catalog.tables import images, outcomes, sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import UsageError
from foundation.settings import CONFIG_NAME, Settings
from foundation.settings_file import load

TOML = """[[sources]]
name = "{name}"
kind = "site"
label = "{label}"
start_urls = ["{url}"]
licence = "all rights reserved; research use"
"""


@dataclass(frozen=True)
class ProbedPhoto:
    """One candidate of the page. width and height in pixels of what was fetched; None where nothing was kept."""

    image_url: str
    fetched_url: str
    outcome: str
    reason: str
    sha256: str | None
    format: str | None
    width: int | None
    height: int | None
    alt: str


@dataclass(frozen=True)
class ProbeReport:
    """platforms: photos by website builder. objections: opt-out signals, as found. toml: what to paste."""

    url: str
    run: SourceReport
    photos: list[ProbedPhoto]
    platforms: dict[str, int]
    objections: list[str]
    took_browser: bool
    toml: str

    def line(self) -> str:
        """What was seen, in one line."""
        kept = sum(photo.sha256 is not None for photo in self.photos)
        by = ", ".join(self.platforms) or "no platform we know"
        browser = "in a browser" if self.took_browser else "over HTTP"
        return f"{self.url}: {kept} of {len(self.photos)} candidates would be collected; {by}; read {browser}"


@contextlib.contextmanager
def probe(settings: Settings, url: str, label: str | None = None) -> Iterator[tuple[Project, ProbeReport]]:
    """Crawl the one page into a library that lasts as long as this context; the project's own is not touched.

    Raises UsageError for what is no web address, ConfigError without a contact, CrawlError where the crawl fails.
    """
    settings.require_contact()
    if not re.match(r"https?://[^\s/\"\\]+[^\s\"\\]*$", url):
        raise UsageError(f"{url!r} is not a web address; write it with http:// or https://")
    label = label or settings.project.labels[0]
    if label not in settings.project.labels:
        raise UsageError(f"no label {label!r}; the project has {', '.join(settings.project.labels)}")
    host = (urlsplit(url).hostname or "site").removeprefix("www.")
    name = re.sub(r"[^a-z0-9]+", "-", host).strip("-")[:64] or "site"
    toml = TOML.format(name=name, label=label, url=url)
    with tempfile.TemporaryDirectory(prefix="isitcake-probe-") as folder:
        path = Path(folder) / CONFIG_NAME
        path.write_text(
            f"[project]\ncontact = {json.dumps(settings.project.contact)}\n"
            f"labels = {json.dumps(settings.project.labels)}\n"
            f"[crawl]\nallow_private_hosts = {json.dumps(settings.crawl.allow_private_hosts)}\n{toml}",
            encoding="utf-8",
        )
        project = open_project(load(path, environ={}))
        try:
            answer = crawl_apart(project, project.settings.sources[0], lambda *_: None, pages=1, depth=0)
            seen = answer["seen"]
            yield (
                project,
                ProbeReport(
                    url,
                    SourceReport(**answer["report"]),
                    _photos(project),
                    seen["platforms"],
                    seen["objections"],
                    bool(seen["rendered_pages"]),
                    toml,
                ),
            )
        finally:
            project.close()


def _photos(project: Project) -> list[ProbedPhoto]:
    with project.catalog.read() as connection:
        alts = {row.image_url: row.alt for row in connection.execute(select(sightings).order_by(sightings.c.id.desc()))}
        rows = connection.execute(
            select(outcomes, images.c.format, images.c.width, images.c.height)
            .outerjoin(images, images.c.sha256 == outcomes.c.sha256)
            .order_by(outcomes.c.id)
        ).all()
    return [
        ProbedPhoto(
            row.image_url,
            row.fetched_url or row.image_url,
            row.outcome,
            row.reason,
            row.sha256,
            row.format,
            row.width,
            row.height,
            alts.get(row.image_url, ""),
        )
        for row in rows
    ]
