"""The first stage: collects sources into sightings and blobs."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from crawlers.folder import collect_folder, is_emptied
from crawlers.ledger.reports import OUTCOMES, RunsBefore, SourceReport
from crawlers.ledger.sole_run import is_collected_now
from crawlers.photo_apis.commons import Commons
from crawlers.photo_apis.openverse import Openverse
from crawlers.photo_apis.protocol import Connection, PhotoApi, collect_photos
from crawlers.photo_apis.unsplash import collect_unsplash
from crawlers.sites.messages import CrawlOptions, Failed, Finished, Message, Progress, message_from_json
from crawlers.source_health import RunStatus
from crawlers.stopping import Stop
from dataset.project import Project
from foundation import errors
from foundation.environment import child_environment
from foundation.memory import Cost, Meter
from foundation.safe_text import counted
from foundation.settings import Source

SOURCES_AT_ONCE = 8  # each is another host, so no host gets more requests because of it
LOOK_AGAIN_S = 1.0  # at the sources that other processes collect
BY_ANOTHER = "another process collected it"

OPEN_APIS: dict[str, Callable[[Connection, Project, Source], PhotoApi]] = {
    "openverse": Openverse,
    "commons": Commons,
}

# source, candidates with an outcome so far, what is being done, how many candidates there are (0: nobody knows)
TellProgress = Callable[[str, int, str, int], None]


@dataclass(frozen=True)
class CollectReport:
    """failed: by source, why it could not be collected. folders: those of the sources that are folders. cost: of all
    sources together.
    """

    sources: list[SourceReport]
    failed: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    cost: Cost | None = None

    @property
    def candidates(self) -> int:
        """Of all sources."""
        return sum(report.candidates for report in self.sources)

    def line(self) -> str:
        """What happened, in one line."""
        counts = {outcome: sum(report.outcomes.get(outcome, 0) for report in self.sources) for outcome in OUTCOMES}
        listed = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
        candidates = counted(self.candidates, "candidate")
        failed = f"; {counted(len(self.failed), 'source')} failed" if self.failed else ""
        return f"{counted(len(self.sources), 'source')}, {candidates}: {listed}{failed}"

    def rows(self) -> list[dict[str, str | int]]:
        """The table with a row per source; failed sources come last."""
        rows = [report.row() for report in self.sources]
        empty = dict.fromkeys(SourceReport("", 0, "", 0, 0, 0, {}, {}).row(), 0)
        return rows + [
            {**empty, "source": name, "status": "failed", "why not": "", "notes": why}
            for name, why in self.failed.items()
        ]

    def raise_for_failures(self) -> None:
        """Raise CrawlError if a source failed, was deferred, or is unhealthy."""
        if self.failed:
            name, why = next(iter(self.failed.items()))
            more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
            raise errors.CrawlError(f"source {name!r} failed{more}: {why}")
        troubled = [report for report in self.sources if report.status in (RunStatus.UNHEALTHY, RunStatus.DEFERRED)]
        if troubled:
            names = ", ".join(report.source for report in troubled)
            first = troubled[0]
            more = "" if first.source in self.folders else "`isitcake source probe` shows why; "
            lists = f"`isitcake outcomes {first.source}` lists what was refused; " if first.outcomes else ""
            raise errors.CrawlError(f"{names}: {first.notes[0]}; {more}{lists}what was collected stays")


def collect(project: Project, names: Sequence[str] = (), progress: TellProgress | None = None) -> CollectReport:
    """Collect the named sources, or all if none is named; several at once.

    Several processes, on one machine or on several, may collect at once: each takes the sources that no other one is
    collecting, waits for the others', and takes over what a killed one left. A run of another process is reported, too.
    A source that fails is reported in `failed`; the others continue. After Ctrl-C all of them stop soon, and what they
    did is kept. Raises UsageError for an unknown source or a missing contact, before any request is made, and
    CatalogError or StorageError if nothing can be written.
    """
    settings = project.settings
    sources = [settings.source(name) for name in dict.fromkeys(names)] or settings.sources
    if not sources:
        raise errors.ConfigError(f"{settings.config_path} names no sources; add [[sources]]")
    if any(source.kind != "folder" for source in sources):
        settings.require_contact()
    meter = Meter()
    work = _Work(project, progress or _silent, RunsBefore.now(project))
    # A folder without files is last: then the catalog has what was moved from it into another source's folder.
    last = [source for source in sources if is_emptied(project, source)]
    for wave in ([source for source in sources if source not in last], last):
        work.all_of(wave)
    order = {source.name: number for number, source in enumerate(sources)}
    reports = sorted(work.reports, key=lambda report: order[report.source])
    folders = [source.name for source in sources if source.kind == "folder"]
    report = CollectReport(reports, dict(sorted(work.failed.items())), folders)
    return replace(report, cost=meter.cost(report.candidates))


@dataclass
class _Work:
    """What one collection does. before: the runs when it began. elsewhere: sources that other processes collect now."""

    project: Project
    tell: TellProgress
    before: RunsBefore
    reports: list[SourceReport] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    elsewhere: list[Source] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def all_of(self, sources: Sequence[Source]) -> None:
        """Collect these sources; those that other processes collect, once these have ended."""
        _all_at_once(self._one, sources, self.stop)
        while self.elsewhere:
            time.sleep(LOOK_AGAIN_S)
            again, self.elsewhere = self.elsewhere, []
            _all_at_once(self._one, again, self.stop)

    def _one(self, source: Source) -> None:
        self.stop.check()
        try:
            report = self._report_of(source)
        except errors.BeingCollected:
            with self.lock:
                self.elsewhere.append(source)
            self.tell(source.name, 0, "another process collects it", 0)
            return
        except (errors.UsageError, errors.CatalogError, errors.StorageError):
            raise
        except errors.StageError as error:
            with self.lock:
                self.failed[source.name] = str(error)
            self.tell(source.name, 0, "failed", 0)
            return
        with self.lock:
            self.reports.append(report)
        number = sum(report.outcomes.values())
        self.tell(source.name, number, "done", number)

    def _report_of(self, source: Source) -> SourceReport:
        """Collect a source, unless another process did meanwhile. Raises BeingCollected where one does it now."""
        if report := self.before.ended_since(self.project, source.name):
            return replace(report, notes=[*report.notes, BY_ANOTHER])
        if is_collected_now(self.project, source.name):
            raise errors.BeingCollected
        self.tell(source.name, 0, "starting", 0)
        return _collect_one(self.project, source, self.tell, self.stop)


def _all_at_once(work: Callable[[Source], None], sources: Sequence[Source], stop: Stop) -> None:
    """Work on several sources at once. Raises the first error when all have ended."""
    with ThreadPoolExecutor(SOURCES_AT_ONCE, thread_name_prefix="collect") as pool:
        try:
            for future in [pool.submit(work, source) for source in sources]:
                future.result()
        except KeyboardInterrupt:
            stop.request()  # leaving the block waits for the threads
            raise


def _silent(_source: str, _images: int, _doing: str, _total: int) -> None: ...


def _collect_one(project: Project, source: Source, tell: TellProgress, stop: Stop) -> SourceReport:
    def count(done: int, expected: int) -> None:
        tell(source.name, done, "", expected)
        stop.check()

    now = datetime.now(UTC)
    if source.kind == "folder":
        return collect_folder(project, source, now, count, stop)
    if source.kind == "unsplash":
        return collect_unsplash(project, source, now, count)
    if source.kind in OPEN_APIS:
        return collect_photos(project, source, OPEN_APIS[source.kind], {}, now, count)
    return crawl_apart(project, source, options_of(source), tell, stop).report


def options_of(source: Source) -> CrawlOptions:
    """Where the crawl of a site ends, as its source says."""
    return CrawlOptions(pages=source.pages, depth=source.depth, skip=tuple(source.skip))


def crawl_apart(
    project: Project, source: Source, options: CrawlOptions, tell: TellProgress, stop: Stop | None = None
) -> Finished:
    """Crawl one site in a subprocess. It ends when this process ends, because its stdin closes.

    Ctrl-C in a terminal does not reach the subprocess: Scrapy would close the run as if it had seen the whole site.
    Raises the error that ended the crawl; CrawlError if the subprocess died without a message; Stopped if `stop`, which
    kills it, was requested.
    """
    stop = stop or Stop()
    command = [sys.executable, "-m", "crawlers.sites.process", str(project.settings.config_path), source.name]
    command.append(options.to_json())
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(PYTHONUNBUFFERED="1"),
        process_group=0,
    )
    with process, stop.calling(process.kill):
        complaints: list[str] = []
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        reader = threading.Thread(target=lambda: complaints.extend(process.stderr or ()), daemon=True)
        reader.start()
        last: Message | None = None
        for line in process.stdout:
            last = message_from_json(line)
            if isinstance(last, Progress):
                tell(source.name, last.images, f"page {last.pages}", 0)
        reader.join()
        status = process.wait()
    if isinstance(last, Finished):
        return last
    stop.check()
    if isinstance(last, Failed):
        raise last.to_error()
    why = complaints[-1].strip() if complaints else f"exit code {status}"
    raise errors.CrawlError(
        f"the crawl of {source.name!r} ended early ({why}); run it again, it continues where it stopped"
    )
