"""One crawl of one `site` source in a process of its own: Twisted's reactor cannot start twice.

    python -m crawlers.sites.process CONFIG SOURCE [OPTIONS]

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

from crawlers.ledger import Ledger, SourceReport, sole_run
from crawlers.politeness.pacing import MIN_DELAY_S, Pacing
from crawlers.politeness.public_addresses import limit_headers
from crawlers.sites.requests_in_turn import PAGES_AT_ONCE, context_options
from crawlers.sites.spider import Limits, SiteSpider
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import IsItCakeError
from foundation.settings import Settings, Source

PROGRESS_EVERY_S = 0.5


class SourceCrawler(Crawler):
    """Scrapy's crawler with the run's ledger, and a way to end it that says why."""

    def __init__(self, settings: ScrapySettings, ledger: Ledger, pacing: Pacing) -> None:
        super().__init__(SiteSpider, settings)
        self.ledger = ledger
        self.pacing = pacing
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
    handler = "crawlers.sites.requests_in_turn.PoliteHandler"
    return ScrapySettings(
        {
            "USER_AGENT": settings.user_agent,
            "ROBOTSTXT_OBEY": False,  # crawlers.politeness.robots does, without the leaks
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "COOKIES_ENABLED": False,
            "LOG_ENABLED": True,
            "LOG_LEVEL": "ERROR",
            "LOG_FILE": str(settings.home / "crawl.log"),
            # crawlers.politeness.pacing says when a host may be asked; Scrapy's own slots only bound what waits.
            "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS": 64,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
            "CONCURRENT_ITEMS": 20,
            "DOWNLOAD_TIMEOUT": 45,  # of a whole answer, body included
            "DOWNLOAD_MAXSIZE": 50 * 1024 * 1024,
            "DOWNLOAD_WARNSIZE": 0,
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            "REDIRECT_MAX_TIMES": 5,
            "RETRY_TIMES": 2,
            "RETRY_HTTP_CODES": [500, 502, 504, 522, 524, 408],  # 429 and 503 wait in crawlers.sites.requests_in_turn
            "RETRY_EXCEPTIONS": [
                "scrapy.exceptions.DownloadConnectionRefusedError",
                "scrapy.exceptions.DownloadFailedError",
                "scrapy.exceptions.ResponseDataLossError",
                "playwright.async_api.Error",  # the browser died
            ],
            "MEDIA_ALLOW_REDIRECTS": True,
            "DNS_RESOLVER": "crawlers.politeness.public_addresses.GuardResolver",
            "ALLOW_PRIVATE_HOSTS": allowed,
            "DOWNLOADER_MIDDLEWARES": {
                "crawlers.politeness.public_addresses.GuardMiddleware": 50,
                "crawlers.politeness.robots.RobotsMiddleware": 100,
                "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            },
            "ITEM_PIPELINES": {"crawlers.sites.download_originals.OriginalsPipeline": 1},
            "DOWNLOAD_HANDLERS": {
                "http": handler,
                "https": handler,
                "file": None,
                "ftp": None,
                "s3": None,
                "data": None,
            },
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": PAGES_AT_ONCE,
            "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 30_000,
            "BROWSER_CONTEXT": context_options(settings.user_agent),
        }
    )


def crawl(
    project: Project, source: Source, limits: Limits | None = None, min_delay_s: float = MIN_DELAY_S
) -> tuple[SourceReport, dict[str, Any]]:
    """Collect one site, or go on where a killed run stopped. Once per process.

    Returns the report, and what the pages showed of themselves: platforms, objections, how many took a browser.

    Raises CrawlError, CatalogError or StorageError when the crawl cannot go on.
    """
    with sole_run(project, source):
        ledger = Ledger(project, source, datetime.now(UTC))
        settings = scrapy_settings(project.settings)
        limit_headers()
        process = AsyncCrawlerProcess(settings)
        crawler = SourceCrawler(settings, ledger, Pacing(min_delay_s))
        process.crawl(crawler, start_urls=list(source.start_urls), limits=limits)
        process.start()
        if crawler.fatal is not None:
            raise crawler.fatal
        spider, pipeline = crawler.spider, crawler.originals
        report = ledger.finish(
            pages=spider.pages,  # type: ignore[union-attr]
            candidates=len(pipeline.candidates),
            requests=pipeline.requests,
            notes=[*crawler.robots.notes, *crawler.pacing.notes, *spider.notes],  # type: ignore[union-attr]
            placeholders=spider.placeholders,  # type: ignore[union-attr]
            deferred=bool(crawler.robots.deferred),
        )
        return report, {
            "platforms": dict(spider.platforms.most_common()),  # type: ignore[union-attr]
            "objections": spider.objections,  # type: ignore[union-attr]
            "rendered_pages": spider.rendered_pages,  # type: ignore[union-attr]
        }


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _end_with_parent() -> None:
    """Exit when whoever started us is gone: nobody would hear what we find, and the next run needs the lock."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(config: str, source_name: str, options: str = "{}") -> int:
    """options: JSON of Limits' fields and min_delay_s, for a look at one page and for measurements."""
    _end_with_parent()
    logging.getLogger("scrapy.utils.log").setLevel(logging.ERROR)
    chosen = json.loads(options)
    delay = chosen.pop("min_delay_s", MIN_DELAY_S)
    try:
        project = open_project(Path(config))
        report, seen = crawl(project, project.settings.source(source_name), Limits(**chosen), delay)
    except IsItCakeError as error:
        _tell(error=str(error), kind=type(error).__name__)
        return error.exit_code
    _tell(report=dataclasses.asdict(report), seen=seen)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
