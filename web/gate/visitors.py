"""Who sent a request: the address of the connection, or what a configured proxy says."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDING = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via")
HOPS = 20  # most addresses of one X-Forwarded-For that are read, from the end
IPV6_SITE_BITS = 64  # one customer has at least a /64 of IPv6, that is 2^64 addresses: they count as one


@dataclass(frozen=True)
class Visitor:
    """address: of the visitor; None for a caller inside this process. host: the name that was asked for.

    scheme: http or https. is_direct: whether no proxy stands between, as far as the request shows.
    """

    address: Address | None
    host: str
    scheme: str
    is_direct: bool

    @property
    def is_loopback(self) -> bool:
        return self.address is not None and self.address.is_loopback

    @property
    def key(self) -> str:
        return limit_key(self.address)


class Proxies:
    """The proxies of [web] trusted_proxies. The headers of everybody else are not read."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted]

    def trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)

    def visitor(self, scope: Scope) -> Visitor:
        """Who sent this request."""
        headers = Headers(scope=scope)
        client = scope.get("client")
        address = parse_address(client[0]) if client else None
        host = headers.get("host", "")
        scheme = scope["scheme"].replace("ws", "http")
        is_direct = not any(name in headers for name in FORWARDING)
        if self.trusts(address):
            host = _last(headers, "x-forwarded-host") or host
            proto = _last(headers, "x-forwarded-proto").lower()
            scheme = proto if proto in ("http", "https") else scheme
            address = self._before_proxies(headers) or address
        return Visitor(address, host, scheme, is_direct)

    def _before_proxies(self, headers: Headers) -> Address | None:
        """The last address of X-Forwarded-For that is no proxy of ours. Those before it are the visitor's own words."""
        nearest = None
        for text in reversed(_values(headers, "x-forwarded-for")[-HOPS:]):
            address = parse_address(text)
            if address is None:
                break
            nearest = address
            if not self.trusts(address):
                break
        return nearest


def visitor_key(connection: HTTPConnection) -> str:
    """What limits count a request by: the visitor's address."""
    client = connection.client
    return limit_key(parse_address(client.host)) if client else ""


def limit_key(address: Address | None) -> str:
    """The address, or the network of one IPv6 site; empty where nothing is known."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_SITE_BITS), strict=False))
    return str(address) if address else ""


def parse_address(text: str) -> Address | None:
    """An address, without zone; that of IPv4 inside IPv6 as IPv4. None for what is none."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _last(headers: Headers, name: str) -> str:
    return next(reversed(_values(headers, name)), "")


def _values(headers: Headers, name: str) -> list[str]:
    return [part.strip() for part in ",".join(headers.getlist(name)).split(",") if part.strip()]
