"""The rules of crawlers.politeness at every point where Scrapy makes a request or a connection."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers import http11
from scrapy.exceptions import CannotResolveHostError
from scrapy.http.request import NO_CALLBACK
from scrapy.resolver import HostResolution
from scrapy.utils.defer import deferred_to_future
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.threads import deferToThreadPool
from twisted.web import _newclient
from zope.interface import implementer  # type: ignore[import-untyped]

from crawlers.politeness.refusals import KnownPage, LeftSite, OptedOut
from crawlers.politeness.robots import MAX_ROBOTS_BYTES, Robots
from crawlers.sites.walking.hosts import page_key, site_host
from foundation.network.addresses import NoSuchName, Refused, check_url, checked_addresses

MAX_HEAD_BYTES = 256 * 1024
ROBOTS_TIMEOUT_S = 10
NAME_AGE_S = 600.0  # a name is resolved and judged again after so long, as after the usual life of a DNS answer
UNKNOWN_AGE_S = 30.0  # a name without an address, or with a private one, is asked for again after so long
REDIRECTS = (301, 302, 303, 307, 308)
MAX_COOKIES, MAX_COOKIE_CHARS = 10, 1_000  # of one host, and of each
MAX_NAMES = 10_000  # that are kept, as many as Scrapy keeps (DNSCACHE_SIZE)


class AddressMiddleware:
    """Downloader middleware: checks the address of every request, of redirects and images too, and its numbers."""

    def __init__(self, allowed: list[str]) -> None:
        self.allowed = frozenset(allowed)

    @classmethod
    def from_crawler(cls, crawler: Any) -> "AddressMiddleware":
        return cls(crawler.settings.getlist("ALLOW_PRIVATE_HOSTS"))

    async def process_request(self, request: Any) -> None:
        """Raises Refused, and Scrapy's CannotResolveHostError for a name that does not exist."""
        from twisted.internet import reactor  # Scrapy installs it late

        address = check_url(request.url, self.allowed)
        try:
            await reactor.nameResolver.numbers(address.host, address.port)
        except NoSuchName as error:
            raise CannotResolveHostError(f"{address.host}: no such name") from error


class InsideMiddleware:
    """Downloader middleware: a page that redirects to another host, or to a page that is read anyway, ends there.

    The request's meta has the hosts of the site as `inside`, and as `keys` the pages that are or will be read.
    """

    async def process_request(self, request: Any) -> None:
        meta = request.meta
        inside, keys = meta.get("inside"), meta.get("keys")
        if inside is not None and site_host(request.url) not in inside:
            raise LeftSite(f"leads to another host, {request.url}; it ends there")
        if keys is None or not meta.get("redirect_urls") or meta.get("arrived") == request.url:
            return
        key = page_key(request.url)
        if key in keys and key not in map(page_key, meta["redirect_urls"]):
            raise KnownPage(f"leads to {request.url}, which is read")
        keys.add(key)
        meta["arrived"] = request.url  # and may be asked for again


class RedirectCookies:
    """Downloader middleware: sends a host the cookies that came with its redirects, and no others.

    Some sites answer every request with a redirect until it brings their cookie. They get it until the run ends.
    """

    def __init__(self) -> None:
        self._of_hosts: dict[str, dict[str, str]] = {}

    async def process_request(self, request: Any) -> None:
        if (cookies := self._of_hosts.get(urlsplit(request.url).netloc)) and "Cookie" not in request.headers:
            request.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())

    async def process_response(self, request: Any, response: Any) -> Any:
        if response.status in REDIRECTS:
            for line in response.headers.getlist("Set-Cookie"):
                name, _, value = line.decode("latin-1").partition(";")[0].strip().partition("=")
                cookies = self._of_hosts.setdefault(urlsplit(request.url).netloc, {})
                if len(cookies) < MAX_COOKIES and len(name) + len(value) <= MAX_COOKIE_CHARS:
                    cookies[name] = value
        return response


@implementer(IHostnameResolver)
class CheckedResolver:
    """Twisted's resolver: gives the numeric addresses that were judged for a host and a port together.

    Every connection of a crawl asks it with its port, and connects to what it answers, to nothing else. A private or
    unknown host has no address.
    """

    def __init__(self, reactor: Any, allowed: list[str]) -> None:
        self._reactor = reactor
        self._allowed = frozenset(allowed)
        self._known: dict[tuple[str, int], tuple[float, asyncio.Future[list[str]]]] = {}
        self._answering: set[asyncio.Future[None]] = set()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "CheckedResolver":
        return cls(reactor, crawler.settings.getlist("ALLOW_PRIVATE_HOSTS"))

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    async def numbers(self, host: str, port: int) -> list[str]:
        """The numeric addresses of a host that may be connected to at this port. Raises Refused."""
        now = asyncio.get_running_loop().time()
        until, pending = self._known.get((host, port), (0.0, None))
        if pending is None or until < now:
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            pool = self._reactor.getThreadPool()
            looking = deferToThreadPool(self._reactor, pool, checked_addresses, host, port, self._allowed)
            pending = deferred_to_future(looking)
            until = now + NAME_AGE_S
            self._known[host, port] = until, pending
        try:
            return await asyncio.shield(pending)
        except Refused:
            self._known[host, port] = min(until, now + UNKNOWN_AGE_S), pending
            raise

    def resolveHostName(  # noqa: N802  Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> HostResolution:
        resolution = HostResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        async def answer() -> None:
            with contextlib.suppress(Refused):
                for number in await self.numbers(hostName, portNumber):
                    kind = IPv6Address if ":" in number else IPv4Address
                    resolutionReceiver.addressResolved(kind("TCP", number, portNumber))
            resolutionReceiver.resolutionComplete()

        task = asyncio.ensure_future(answer())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return resolution


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
    """The request for a robots.txt, tdmrep.json or ai.txt, which RobotsMiddleware lets pass."""
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
