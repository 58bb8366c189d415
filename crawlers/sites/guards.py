"""The rules of crawlers.politeness at every point where Scrapy makes a request or a connection."""

from typing import Any

from scrapy import Request
from scrapy.core.downloader.handlers import http11
from scrapy.http.request import NO_CALLBACK
from scrapy.resolver import CachingThreadedResolver
from twisted.internet import defer
from twisted.internet.error import DNSLookupError
from twisted.web import _newclient

from crawlers.politeness.public_addresses import check_url, is_public
from crawlers.politeness.refusals import OptedOut
from crawlers.politeness.robots import MAX_ROBOTS_BYTES, Robots

MAX_HEAD_BYTES = 256 * 1024
ROBOTS_TIMEOUT_S = 10


class AddressMiddleware:
    """Downloader middleware: checks the address of every request, of redirects and images too."""

    def __init__(self, allowed: list[str]) -> None:
        self.allowed = frozenset(allowed)

    @classmethod
    def from_crawler(cls, crawler: Any) -> "AddressMiddleware":
        return cls(crawler.settings.getlist("ALLOW_PRIVATE_HOSTS"))

    def process_request(self, request: Any) -> None:
        check_url(request.url, self.allowed)


class RobotsMiddleware:
    """Downloader middleware: checks every request against its host's robots.txt, and images for opt-outs."""

    def __init__(self, robots: Robots) -> None:
        self.robots = robots

    @classmethod
    def from_crawler(cls, crawler: Any) -> "RobotsMiddleware":
        return cls(crawler.robots)

    async def process_request(self, request: Any) -> None:
        if request.meta.get("is_robots"):
            return
        await self.robots.check(request.url)
        if request.meta.get("is_image") and (evidence := await self.robots.objection(request.url)):
            raise OptedOut(evidence)


def robots_request(url: str, tries: int) -> Request:
    """The request for a robots.txt or tdmrep.json, which RobotsMiddleware lets pass."""
    return Request(
        url,
        callback=NO_CALLBACK,
        meta={
            "is_robots": True,
            "download_maxsize": MAX_ROBOTS_BYTES * 8,
            "download_timeout": ROBOTS_TIMEOUT_S,
            "max_retry_times": tries - 1,
            "handle_httpstatus_all": False,
        },
    )


class PublicResolver(CachingThreadedResolver):
    """Refuses a name that resolves to a private address, at the moment the connection is made."""

    allowed_hosts: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "PublicResolver":
        resolver: PublicResolver = super().from_crawler(crawler, reactor)
        hosts = crawler.settings.getlist("ALLOW_PRIVATE_HOSTS")
        resolver.allowed_hosts = frozenset(host.rpartition(":")[0] for host in hosts)
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> Any:  # noqa: N802  Twisted's name
        answer: defer.Deferred[str] = super().getHostByName(name, timeout)
        if name in self.allowed_hosts:
            return answer

        def check(address: str) -> str:
            if not is_public(address):
                raise DNSLookupError(f"{name} resolves to a private address")
            return address

        return answer.addCallback(check)


def limit_headers() -> None:
    """Let no answer in this process have more than MAX_HEAD_BYTES of headers: Twisted sets no limit."""
    parser: Any = getattr(http11, "_LenientHTTPClientParser", _newclient.HTTPClientParser)
    receive = parser.lineReceived

    def bounded(self: Any, line: bytes) -> None:
        self.head_bytes = getattr(self, "head_bytes", 0) + len(line)
        if self.head_bytes > MAX_HEAD_BYTES:
            raise _newclient.ParseError("headers without end", b"")
        receive(self, line)

    parser.lineReceived = bounded
