"""Which addresses may be connected to: the public internet, and hosts the user listed by host:port."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers import http11
from scrapy.exceptions import IgnoreRequest
from scrapy.resolver import CachingThreadedResolver
from twisted.internet import defer
from twisted.internet.error import DNSLookupError
from twisted.web import _newclient

DEFAULT_PORTS = {"http": 80, "https": 443}


class Refused(IgnoreRequest):
    """No request is made to this address; the message says why."""


def check_url(url: str, allowed: Iterable[str]) -> None:
    """Raise Refused for anything but http(s) to a public address or a listed host:port."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise Refused("address: malformed") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise Refused(f"address: {parts.scheme or 'no'} scheme")
    if not host:
        raise Refused("address: no host")
    if f"{host}:{port}" in allowed or f"[{host}]:{port}" in allowed:
        return
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise Refused("address: private host")
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise Refused("address: private host")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def resolves_public(host: str) -> bool:
    """Whether every address of `host` is public: for connections that Scrapy does not make."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return False
    return all(is_public(str(entry[4][0])) for entry in found)


class GuardMiddleware:
    """Downloader middleware: every request, redirects and images included, is checked before it is made."""

    def __init__(self, allowed: list[str]) -> None:
        self.allowed = frozenset(allowed)

    @classmethod
    def from_crawler(cls, crawler: Any) -> "GuardMiddleware":
        return cls(crawler.settings.getlist("ALLOW_PRIVATE_HOSTS"))

    def process_request(self, request: Any) -> None:
        check_url(request.url, self.allowed)


class GuardResolver(CachingThreadedResolver):
    """Refuses a name that resolves to a private address, at the moment the connection is made."""

    allowed_hosts: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "GuardResolver":
        resolver: GuardResolver = super().from_crawler(crawler, reactor)
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


MAX_HEAD_BYTES = 256 * 1024


def limit_headers() -> None:
    """Let no answer in this process have more than 256 KiB of headers: Twisted takes them without end."""
    parser: Any = getattr(http11, "_LenientHTTPClientParser", _newclient.HTTPClientParser)
    receive = parser.lineReceived

    def bounded(self: Any, line: bytes) -> None:
        self.head_bytes = getattr(self, "head_bytes", 0) + len(line)
        if self.head_bytes > MAX_HEAD_BYTES:
            raise _newclient.ParseError("headers without end", b"")
        receive(self, line)

    parser.lineReceived = bounded


def _literal(host: str) -> str | None:
    """The IP address `host` is, in any notation a browser would take; None for a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").split("%")[0]))
    except ValueError:
        pass
    if host[:1].isdigit():
        try:  # 0x7f.1, 2130706433, 127.1
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            return None
    return None
