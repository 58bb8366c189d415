"""Tries one page: which images a crawl would collect from it, and the TOML of a source that collects them."""

import contextlib
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from urllib.parse import urlsplit

import tomli_w
from sqlalchemy import select

from crawlers.collect import crawl_apart
from crawlers.ledger.listed_pictures import shown_address
from crawlers.ledger.reports import SourceReport
from crawlers.sites.messages import CrawlOptions, SiteTraits
from dataset.catalog.tables import images, outcomes, sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import CrawlError, UsageError
from foundation.settings import CONFIG_NAME, Settings
from foundation.settings_file import load


@dataclass(frozen=True)
class ProbedPhoto:
    """One candidate of the page. width, height: pixels of the fetched image; None where none was kept.

    evidence: why the address that was fetched is tried, in words. only_in_browser: whether nothing but the browser saw
    the photo.
    """

    image_url: str
    fetched_url: str
    outcome: str
    reason: str
    sha256: str | None
    format: str | None
    width: int | None
    height: int | None
    alt: str
    evidence: str = ""
    only_in_browser: bool = False


@dataclass(frozen=True)
class ProbeReport:
    """What a crawl of the page would do.

    platforms: photos by website builder. objections: opt-out signals, `page: evidence`. toml: the `[[sources]]` entry
    to paste.
    """

    url: str
    run: SourceReport
    photos: list[ProbedPhoto]
    platforms: dict[str, int]
    objections: list[str]
    took_browser: bool
    toml: str

    def line(self) -> str:
        """The result in one line."""
        kept = sum(photo.sha256 is not None for photo in self.photos)
        builders = ", ".join(self.platforms) or "no website builder that we know"
        seen = sum(photo.only_in_browser for photo in self.photos)
        way = f"in a browser, which alone saw {seen}" if self.took_browser else "over HTTP"
        return f"{self.url}: {kept} of {len(self.photos)} candidates would be collected; {builders}; read {way}"


@contextlib.contextmanager
def probe(settings: Settings, url: str, label: str | None = None) -> Iterator[tuple[Project, ProbeReport]]:
    """Crawl the one page into a temporary library, which is deleted when this context ends.

    label: of the project's labels; the first one if None. The project's own library does not change.
    Raises UsageError for what is no web address, ConfigError without a contact, CrawlError if the crawl fails or the
    page cannot be read.
    """
    settings.require_contact()
    if not re.match(r"https?://[^\s/\"\\]+[^\s\"\\]*$", url):
        raise UsageError(f"{url!r} is not a web address; write it with http:// or https://")
    label = label or settings.project.labels[0]
    if label not in settings.project.labels:
        raise UsageError(f"no label {label!r}; the project has {', '.join(settings.project.labels)}")
    toml = tomli_w.dumps({"sources": [_source(url, label, {source.name for source in settings.sources})]})
    with tempfile.TemporaryDirectory(prefix="isitcake-probe-") as folder:
        path = Path(folder) / CONFIG_NAME
        frame = {
            "project": {"contact": settings.project.contact, "labels": list(settings.project.labels)},
            "crawl": {
                "allow_private_hosts": list(settings.crawl.allow_private_hosts),
                "ai_crawler_bans": settings.crawl.ai_crawler_bans,
            },
            "safety": {
                "hash_lists": [str((settings.root / name).resolve()) for name in settings.safety.hash_lists],
                "contact": settings.safety.contact,
            },
        }
        path.write_text(f"{tomli_w.dumps(frame)}\n{toml}", encoding="utf-8")
        project = open_project(load(path, environ={}))
        try:
            source = project.settings.sources[0]
            finished = crawl_apart(project, source, CrawlOptions(pages=1, depth=0), lambda *_: None)
            if not finished.report.pages:
                raise CrawlError(f"{url} could not be read: {_why_not_read(finished.report)}")
            traits = finished.traits
            report = ProbeReport(
                url=url,
                run=finished.report,
                photos=_photos(project, traits),
                platforms=traits.platforms,
                objections=traits.objections,
                took_browser=bool(traits.rendered_pages),
                toml=toml,
            )
            yield project, report
        finally:
            project.close()


def _why_not_read(report: SourceReport) -> str:
    """The note about the page itself; else what the run says of itself."""
    of_page = (note.partition(": ")[2] for note in report.notes if note.startswith("page "))
    return next(of_page, report.notes[0] if report.notes else "it is no web page")


def _source(url: str, label: str, taken: Collection[str]) -> dict[str, object]:
    """An entry of `[[sources]]` for the site at `url`, named after its host. taken: names of the project's sources."""
    host = (urlsplit(url).hostname or "site").removeprefix("www.")
    name = re.sub(r"[^a-z0-9]+", "-", host)[:60].strip("-") or "site"
    others = (f"{name}-{number}" for number in count(2))
    return {
        "name": next(other for other in chain([name], others) if other not in taken),
        "kind": "site",
        "label": label,
        "start_urls": [url],
        "licence": "all rights reserved; research use",
    }


def _photos(project: Project, traits: SiteTraits) -> list[ProbedPhoto]:
    with project.catalog.read() as connection:
        alts = {row.image_url: row.alt for row in connection.execute(select(sightings).order_by(sightings.c.id.desc()))}
        rows = connection.execute(
            select(outcomes, images.c.format, images.c.width, images.c.height)
            .outerjoin(images, images.c.sha256 == outcomes.c.sha256)
            .order_by(outcomes.c.id)
        ).all()
    only_shown = set(traits.only_shown)
    return [
        ProbedPhoto(
            image_url=shown_address(row.image_url, row.reason),
            fetched_url=shown_address(row.fetched_url or row.image_url, row.reason),
            outcome=row.outcome,
            reason=row.reason,
            sha256=row.sha256,
            format=row.format,
            width=row.width,
            height=row.height,
            alt=alts.get(row.image_url, ""),
            evidence=traits.evidence.get(row.image_url, {}).get(row.fetched_url or row.image_url, ""),
            only_in_browser=row.image_url in only_shown,
        )
        for row in rows
    ]
