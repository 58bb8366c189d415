"""Where the web service listens, and the names under which visitors may reach it."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

from foundation.settings import Settings

HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(\d{1,5}))?")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

Origin = tuple[str, str, int]  # scheme, host, port


@dataclass(frozen=True)
class Listening:
    """The address that the service listens at. host: as it was asked for, such as 0.0.0.0."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return url_of(self.host, self.port)


class Names:
    """The names of the service. listening: None where requests come from this process only: then every name is ours."""

    def __init__(self, settings: Settings, listening: Listening | None) -> None:
        self._public_url = settings.web.public_url
        self._listening = listening
        is_one_address = listening is not None and not is_unspecified(listening.host)
        own = listening.url if listening and is_one_address else ""
        urls = (settings.web.public_url, settings.review.pictures_url, own)
        self._hosts = {*LOOPBACK_NAMES, *(host for url in urls if (host := host_of(urlsplit(url).netloc)))}

    def has(self, host_header: str, scope: Scope) -> bool:
        """Whether a Host header names this service. Another name is that of an attacker who points it at us.

        The address that the connection came in at is one of ours: no name had to be looked up for it.
        """
        if self._listening is None:
            return True
        host = host_of(host_header)
        server = scope.get("server") or ("", None)
        return bool(host) and host in (*self._hosts, bracketed(server[0]))

    def has_origin(self, origin: str, host_header: str, scheme: str) -> bool:
        """Whether a page of this origin is one of ours: of [web] public_url, or of the host that was asked."""
        wanted = parse_origin(origin)
        own = (parse_origin(self._public_url), parse_origin(f"{scheme}://{host_header}"))
        return wanted is not None and wanted in own

    def base_url(self, scope: Scope) -> str:
        """The address for links and QR codes: never what the request says about itself."""
        if self._public_url:
            return self._public_url
        if self._listening is not None and not is_unspecified(self._listening.host):
            return self._listening.url
        host, port = scope.get("server") or ("127.0.0.1", self._listening.port if self._listening else 80)
        return url_of(host, port or 80)


def host_of(netloc: str) -> str:
    """Host without port, in lower case; empty for what is none."""
    match = HOST.fullmatch(netloc.lower())
    return match[1] if match else ""


def parse_origin(text: str) -> Origin | None:
    """Scheme, host and port of an origin; None for what is none, such as "null"."""
    scheme, _, netloc = text.lower().partition("://")
    match = HOST.fullmatch(netloc)
    if match is None or scheme not in DEFAULT_PORTS:
        return None
    return scheme.replace("ws", "http"), match[1], int(match[2] or DEFAULT_PORTS[scheme])


def url_of(host: str, port: int) -> str:
    suffix = "" if port == DEFAULT_PORTS["http"] else f":{port}"
    return f"http://{bracketed(host)}{suffix}"


def bracketed(host: str) -> str:
    """An address as it stands in a URL; that of IPv4 inside IPv6 as IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower()
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address.compressed}]"
    return str(address)


def is_unspecified(host: str) -> bool:
    """Whether this host means every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
