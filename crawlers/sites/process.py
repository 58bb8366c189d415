"""One crawl of one `site` source, in a process of its own because Twisted's reactor cannot start twice.

    python -m crawlers.sites.process CONFIG SOURCE [OPTIONS]

OPTIONS and the lines on stdout are the messages of crawlers.sites.messages.
"""

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings as ScrapySettings

from crawlers.ledger.ledger import Ledger
from crawlers.ledger.rows import OutcomeRow, RunTotals
from crawlers.ledger.signals import Signal
from crawlers.ledger.sole_run import sole_run
from crawlers.parents import end_with_parent
from crawlers.politeness.pacing import Pacing
from crawlers.politeness.robots import Robots
from crawlers.sites.guards import limit_headers, robots_request
from crawlers.sites.messages import CrawlOptions, Failed, Finished, Message, Progress, SiteTraits
from crawlers.sites.rendering.requests_in_turn import context_options
from crawlers.sites.spider import SiteSpider
from crawlers.sites.walking.hosts import site_host
from crawlers.source_health import Note, NoteKind, Outcome
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import drop_secrets
from foundation.errors import IsItCakeError
from foundation.settings import Settings, Source

PROGRESS_EVERY_S = 0.5
MIDDLEWARES = {
    "crawlers.sites.guards.AddressMiddleware": 50,
    "crawlers.sites.guards.InsideMiddleware": 60,
    "crawlers.sites.guards.RobotsMiddleware": 100,
    "crawlers.sites.guards.RedirectCookies": 650,  # between RedirectMiddleware and the network
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
}


class SourceCrawler(Crawler):
    """Scrapy's crawler with the run's ledger, its pace and its robots.txt, and a way to stop that says why."""

    def __init__(self, settings: ScrapySettings, ledger: Ledger, pacing: Pacing) -> None:
        super().__init__(SiteSpider, settings)
        self.ledger = ledger
        self.pacing = pacing
        self.robots = Robots(
            self._fetch_rules,
            pacing.slow_down,
            record=self._record,
            heeds_bans=settings["AI_CRAWLER_BANS"] == "objection",
        )
        self.fatal: IsItCakeError | None = None
        self.originals: Any = None  # the pipeline, once Scrapy has built it
        self._progress_at = 0.0

    def stop_with(self, error: IsItCakeError) -> None:
        """End the crawl for a reason that a retry does not remove."""
        if self.fatal is None:
            self.fatal = error
            asyncio.get_running_loop().create_task(self.stop_async())

    def progress(self) -> None:
        if time.monotonic() - self._progress_at >= PROGRESS_EVERY_S:
            self._progress_at = time.monotonic()
            _send(Progress(getattr(self.spider, "pages", 0), len(self.ledger.settled)))

    def _record(self, said: Signal) -> None:
        try:
            self.ledger.consent.record(said)
        except IsItCakeError as error:  # no room on the disk, no catalog: the crawl cannot go on
            self.stop_with(error)
            raise

    async def _fetch_rules(self, url: str, tries: int) -> Any:
        assert self.engine is not None  # noqa: S101
        return await self.engine.download_async(robots_request(url, tries))


def scrapy_settings(settings: Settings) -> ScrapySettings:
    """Polite, bounded, and without the open ends of Scrapy's defaults."""
    handler = "crawlers.sites.rendering.requests_in_turn.PoliteHandler"
    return ScrapySettings(
        {
            "USER_AGENT": settings.user_agent,
            "ROBOTSTXT_OBEY": False,  # crawlers.politeness.robots does it; see there why Scrapy's does not
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "COOKIES_ENABLED": False,  # but see crawlers.sites.guards.RedirectCookies
            "LOG_ENABLED": True,
            "LOG_LEVEL": "ERROR",
            "LOG_FILE": str(settings.home / "crawl.log"),
            # crawlers.politeness.pacing decides when a host is asked; Scrapy's own slots only limit what waits.
            "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS": 64,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
            "CONCURRENT_ITEMS": 20,
            "DOWNLOAD_TIMEOUT": 45,  # of a whole answer, body included
            "DOWNLOAD_MAXSIZE": 50 * 1024 * 1024,
            "DOWNLOAD_WARNSIZE": 0,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "REDIRECT_MAX_TIMES": 5,
            "METAREFRESH_MAXDELAY": 5,  # seconds; a page that stays longer is read, its target is a link
            "RETRY_TIMES": 2,
            "RETRY_HTTP_CODES": [
                500,
                502,
                504,
                522,
                524,
                408,
            ],  # 429 and 503 wait in crawlers.sites.rendering.requests_in_turn
            "RETRY_EXCEPTIONS": [
                "scrapy.exceptions.DownloadConnectionRefusedError",
                "scrapy.exceptions.DownloadFailedError",
                "scrapy.exceptions.ResponseDataLossError",
                "playwright.async_api.Error",  # the browser died
            ],
            "MEDIA_ALLOW_REDIRECTS": True,
            "TWISTED_DNS_RESOLVER": "crawlers.sites.guards.CheckedResolver",
            "HTTPPROXY_ENABLED": False,  # http_proxy in the environment: the target would not be checked
            "ALLOW_PRIVATE_HOSTS": settings.crawl.allow_private_hosts,
            "AI_CRAWLER_BANS": settings.crawl.ai_crawler_bans,
            "DOWNLOADER_MIDDLEWARES": MIDDLEWARES,
            "ITEM_PIPELINES": {"crawlers.sites.download_originals.OriginalsPipeline": 1},
            "DOWNLOAD_HANDLERS": {
                "http": handler,
                "https": handler,
                "file": None,
                "ftp": None,
                "s3": None,
                "data": None,
            },
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 30_000,
            "BROWSER_CONTEXT": context_options(settings.user_agent),
        }
    )


def crawl(project: Project, source: Source, options: CrawlOptions) -> Finished:
    """Collect one site, or continue a run that was killed. Once per process.

    Raises CrawlError, CatalogError or StorageError when the crawl cannot go on.
    """
    with sole_run(project, source):
        ledger = Ledger(project, source, datetime.now(UTC))
        settings = scrapy_settings(project.settings)
        limit_headers()
        process = AsyncCrawlerProcess(settings)
        crawler = SourceCrawler(settings, ledger, Pacing(options.min_delay_s))
        crawling = process.crawl(crawler, start_urls=list(source.start_urls), options=options)
        process.start()
        if crawler.fatal is not None:
            raise crawler.fatal
        if crawling.done():
            crawling.result()  # raises what kept the crawl from beginning
        spider, pipeline = crawler.spider, crawler.originals
        assert isinstance(spider, SiteSpider)  # noqa: S101
        for photo in spider.doubtful.left(ledger.settled):
            ledger.settle(OutcomeRow(photo.named_url, photo.page_url, Outcome.REJECTED, photo.rejected))
            pipeline.candidates.add(photo.named_url)
        totals = RunTotals(spider.pages, len(pipeline.candidates), pipeline.requests, spider.placeholders)
        asked = [*crawler.robots.notes, *crawler.pacing.notes]
        report = ledger.finish(totals, [*of_the_source(asked, spider), *spider.notes])
        traits = SiteTraits(
            platforms=dict(spider.platforms.most_common()),
            objections=spider.objections,
            rendered_pages=spider.rendered_pages,
            only_shown=spider.only_shown,
            evidence=spider.evidence,
        )
        return Finished(report, traits)


def of_the_source(notes: list[Note], spider: SiteSpider) -> list[Note]:
    """Notes about hosts; those about hosts that have no page and no candidate say nothing of the source's health."""
    hosts = spider.hosts | spider.photo_hosts
    return [note if site_host(f"//{note.host}") in hosts else _elsewhere(note) for note in notes]


def _elsewhere(note: Note) -> Note:
    text = f"{note.text.removeprefix('deferred: ')}; pages were read without its scripts and styles"
    return Note(NoteKind.ELSEWHERE, note.host, text)


def _send(message: Message) -> None:
    print(message.to_json(), flush=True)


def main(config: str, source_name: str, options: str = "{}") -> int:
    """options: CrawlOptions as JSON; what it leaves out has its default."""
    end_with_parent()  # nobody would read our messages, and the next run needs the lock
    logging.getLogger("scrapy.utils.log").setLevel(logging.ERROR)
    try:
        project = open_project(Path(config))
        drop_secrets()  # Playwright and the browser start from here
        finished = crawl(project, project.settings.source(source_name), CrawlOptions.from_json(options))
    except IsItCakeError as error:
        _send(Failed.of(error))
        return error.exit_code
    _send(finished)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
