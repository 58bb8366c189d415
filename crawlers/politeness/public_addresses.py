"""Which addresses a crawl may connect to: the public internet, and the hosts that the user lists by host:port."""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from crawlers.politeness.refusals import AddressRefused

DEFAULT_PORTS = {"http": 80, "https": 443}


def check_url(url: str, allowed: Iterable[str]) -> None:
    """Raise AddressRefused unless `url` is http(s) to a public address or to a listed host:port.

    allowed: `host:port` each.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise AddressRefused("address: malformed") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise AddressRefused(f"address: {parts.scheme or 'no'} scheme")
    if not host:
        raise AddressRefused("address: no host")
    if f"{host}:{port}" in allowed or f"[{host}]:{port}" in allowed:
        return
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise AddressRefused("address: private host")
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise AddressRefused("address: private host")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if embedded is not None:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def resolves_public(host: str) -> bool:
    """Whether `host` resolves, and to public addresses only: for connections that Scrapy does not make."""
    try:
        entries = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return False
    return all(is_public(str(entry[4][0])) for entry in entries)


def _literal(host: str) -> str | None:
    """The IP address that `host` spells, in any notation that a browser accepts; None for a name."""
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
