"""One crawl of one `site` source in a process of its own: Twisted's reactor cannot start twice.

    python -m crawlers.run CONFIG SOURCE

Writes JSON lines to stdout: {"progress": …} now and then, and {"report": …} or {"error": …} last.
"""

import asyncio
import dataclasses
import json
import logging
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings as ScrapySettings

from crawlers.rendering import abort_rule, context_options
from crawlers.spider import SiteSpider
from dataset.ledger import Ledger, SourceReport, sole_run
from dataset.project import Project
from isitcake.errors import IsItCakeError
from isitcake.settings import Settings, Source

PROGRESS_EVERY_S = 0.5


class SourceCrawler(Crawler):
    """Scrapy's crawler with the run's ledger, and a way to end it that says why."""

    def __init__(self, settings: ScrapySettings, ledger: Ledger) -> None:
        super().__init__(SiteSpider, settings)
        self.ledger = ledger
        self.fatal: IsItCakeError | None = None
        self.originals: Any = None  # the pipeline, once it is built
        self.robots: Any = None
        self._told_at = 0.0

    def stop_with(self, error: IsItCakeError) -> None:
        """End the crawl for a reason that no retry mends."""
        if self.fatal is None:
            self.fatal = error
            asyncio.get_running_loop().create_task(self.stop_async())

    def progress(self) -> None:
        if time.monotonic() - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = time.monotonic()
            _tell(progress={"pages": getattr(self.spider, "pages", 0), "images": len(self.ledger.settled)})


def scrapy_settings(settings: Settings) -> ScrapySettings:
    """Polite, bounded, and closed where Scrapy's defaults are open."""
    allowed = settings.crawl.allow_private_hosts
    handler = "crawlers.rendering.LazyBrowser"
    return ScrapySettings(
        {
            "USER_AGENT": settings.user_agent,
            "ROBOTSTXT_OBEY": False,  # crawlers.robots does, without the leaks
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "COOKIES_ENABLED": False,
            "LOG_ENABLED": True,
            "LOG_LEVEL": "ERROR",
            "LOG_FILE": str(settings.home / "crawl.log"),
            "DOWNLOAD_DELAY": 0.1,
            "RANDOMIZE_DOWNLOAD_DELAY": False,
            "CONCURRENT_REQUESTS": 16,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
            "DOWNLOAD_TIMEOUT": 60,
            "DOWNLOAD_MAXSIZE": 50 * 1024 * 1024,
            "DOWNLOAD_WARNSIZE": 0,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "REDIRECT_MAX_TIMES": 5,
            "RETRY_TIMES": 2,
            "MEDIA_ALLOW_REDIRECTS": True,
            "DNS_RESOLVER": "crawlers.guard.GuardResolver",
            "ALLOW_PRIVATE_HOSTS": allowed,
            "DOWNLOADER_MIDDLEWARES": {
                "crawlers.guard.GuardMiddleware": 50,
                "crawlers.robots.RobotsMiddleware": 100,
                "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            },
            "ITEM_PIPELINES": {"crawlers.pipelines.OriginalsPipeline": 1},
            "DOWNLOAD_HANDLERS": {
                "http": handler,
                "https": handler,
                "file": None,
                "ftp": None,
                "s3": None,
                "data": None,
            },
            "PLAYWRIGHT_ABORT_REQUEST": abort_rule(frozenset(allowed)),
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 2,
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 30_000,
            "BROWSER_CONTEXT": context_options(settings.user_agent),
        }
    )


def crawl(project: Project, source: Source) -> SourceReport:
    """Collect one site, or go on where a killed run stopped. Once per process.

    Raises CrawlError, CatalogError or StorageError when the crawl cannot go on.
    """
    with sole_run(project, source):
        ledger = Ledger(project, source, datetime.now(UTC))
        settings = scrapy_settings(project.settings)
        process = AsyncCrawlerProcess(settings)
        crawler = SourceCrawler(settings, ledger)
        process.crawl(crawler, start_urls=list(source.start_urls))
        process.start()
        if crawler.fatal is not None:
            raise crawler.fatal
        spider, pipeline = crawler.spider, crawler.originals
        return ledger.finish(
            pages=spider.pages,  # type: ignore[union-attr]
            candidates=len(pipeline.candidates),
            requests=pipeline.requests,
            notes=[*spider.notes, *crawler.robots.notes],  # type: ignore[union-attr]
        )


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _end_with_parent() -> None:
    """Exit when whoever started us is gone: nobody would hear what we find, and the next run needs the lock."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(config: str, source_name: str) -> int:
    _end_with_parent()
    logging.getLogger("scrapy.utils.log").setLevel(logging.ERROR)
    try:
        project = Project.open(Path(config))
        report = crawl(project, project.settings.source(source_name))
    except IsItCakeError as error:
        _tell(error=str(error), kind=type(error).__name__)
        return error.exit_code
    _tell(report=dataclasses.asdict(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
