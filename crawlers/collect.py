"""The first stage: every source, or those named, into sightings and blobs."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crawlers.folder import collect_folder
from crawlers.ledger import OUTCOMES, SourceReport
from crawlers.photo_apis.commons import Commons
from crawlers.photo_apis.openverse import Openverse
from crawlers.photo_apis.protocol import Connection, PhotoApi, collect_photos
from crawlers.photo_apis.unsplash import collect_unsplash
from dataset.project import Project
from foundation import errors
from foundation.environment import child_environment
from foundation.settings import Source

AT_ONCE = 8  # sources collected side by side: each is another host, so nobody is asked twice as often

OPEN_APIS: dict[str, Callable[[Connection, Project, Source], PhotoApi]] = {
    "openverse": Openverse,
    "commons": Commons,
}

Progress = Callable[[str, int, str], None]  # source, images so far, what it is doing


@dataclass(frozen=True)
class CollectReport:
    sources: list[SourceReport]
    failed: dict[str, str] = field(default_factory=dict)  # source → why

    def line(self) -> str:
        """What happened, in one line."""
        count = {kind: sum(report.outcomes.get(kind, 0) for report in self.sources) for kind in OUTCOMES}
        told = ", ".join(f"{count[kind]} {kind}" for kind in OUTCOMES)
        return f"{len(self.sources)} sources, {sum(r.candidates for r in self.sources)} candidates: {told}"

    def rows(self) -> list[dict[str, str | int]]:
        """The table per source; sources that failed stand last."""
        rows = [report.row() for report in self.sources]
        empty = dict.fromkeys(SourceReport("", 0, "", 0, 0, 0, {}, {}).row(), 0)
        return rows + [
            {**empty, "source": name, "status": "failed", "why not": "", "notes": why}
            for name, why in self.failed.items()
        ]

    def raise_for_failures(self) -> None:
        """Raise CrawlError if a source failed, was put off, or is not what it was."""
        ill = [report for report in self.sources if report.status in ("unhealthy", "deferred")]
        if self.failed:
            name, why = next(iter(self.failed.items()))
            more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
            raise errors.CrawlError(f"source {name!r} failed{more}: {why}")
        if ill:
            names = ", ".join(report.source for report in ill)
            raise errors.CrawlError(
                f"{names}: {ill[0].notes[0]}; `isitcake source probe` shows why; what was collected stays"
            )


def collect(project: Project, names: Sequence[str] = (), progress: Progress | None = None) -> CollectReport:
    """Collect the named sources (all, where none is named), several at once.

    Each source ends on its own: one that fails is reported in `failed`, the others go on. Raises
    UsageError for an unknown source or a missing contact, before anything is asked of anybody, and
    CatalogError or StorageError where nothing can be written.
    """
    settings = project.settings
    sources = [settings.source(name) for name in dict.fromkeys(names)] or settings.sources
    if not sources:
        raise errors.ConfigError(f"{settings.config_path} names no sources; add [[sources]]")
    if any(source.kind != "folder" for source in sources):
        settings.require_contact()
    tell = progress or _silent
    reports: list[SourceReport] = []
    failed: dict[str, str] = {}
    lock = threading.Lock()

    def one(source: Source) -> None:
        tell(source.name, 0, "starting")
        try:
            report = _collect_one(project, source, tell)
        except (errors.UsageError, errors.CatalogError, errors.StorageError):
            raise
        except errors.StageError as error:
            with lock:
                failed[source.name] = str(error)
            tell(source.name, 0, "failed")
            return
        with lock:
            reports.append(report)
        tell(source.name, sum(report.outcomes.values()), "done")

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="collect") as pool:
        for future in [pool.submit(one, source) for source in sources]:
            future.result()
    order = {source.name: number for number, source in enumerate(sources)}
    return CollectReport(sorted(reports, key=lambda report: order[report.source]), dict(sorted(failed.items())))


def _silent(_source: str, _images: int, _doing: str) -> None: ...


def _collect_one(project: Project, source: Source, tell: Progress) -> SourceReport:
    def count(done: int, expected: int) -> None:
        tell(source.name, done, f"of {expected}")

    now = datetime.now(UTC)
    if source.kind == "folder":
        return collect_folder(project, source, now, count)
    if source.kind == "unsplash":
        return collect_unsplash(project, source, now, count)
    if source.kind in OPEN_APIS:
        return collect_photos(project, source, OPEN_APIS[source.kind], {}, now, count)
    return _crawl(project, source, tell)


def _crawl(project: Project, source: Source, tell: Progress) -> SourceReport:
    return SourceReport(**crawl_apart(project, source, tell)["report"])


def crawl_apart(project: Project, source: Source, tell: Progress, **options: float) -> dict[str, Any]:
    """One site in a subprocess, its progress passed on. It dies with us: its stdin closes.

    options: of crawlers.sites.process. Returns its last message: report, and seen (what its pages showed of
    themselves).
    """
    command = [sys.executable, "-m", "crawlers.sites.process", str(project.settings.config_path), source.name]
    command.append(json.dumps(options))
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # closes when we die, however we die, and ends the crawl
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(PYTHONUNBUFFERED="1"),
    ) as process:
        complaints: list[str] = []
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        reader = threading.Thread(target=lambda: complaints.extend(process.stderr or ()), daemon=True)
        reader.start()
        last: dict[str, Any] = {}
        for line in process.stdout:
            last = json.loads(line)
            if isinstance(seen := last.get("progress"), dict):
                tell(source.name, seen["images"], f"page {seen['pages']}")
        reader.join()
        status = process.wait()
    if "report" in last:
        return last
    if "error" in last:
        kind = getattr(errors, str(last["kind"]), errors.CrawlError)
        raise kind(str(last["error"]))
    why = complaints[-1].strip() if complaints else f"exit code {status}"
    raise errors.CrawlError(f"the crawl of {source.name!r} ended early ({why}); run it again, it goes on from there")
