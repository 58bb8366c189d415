"""Web addresses: one strict reading of them, and which of them may be connected to.

Every outgoing connection is judged here twice: its address before a request is made (`check_url`), and the numeric
address it connects to at that moment (`checked_addresses`). Programs read odd addresses differently; where they
may differ (user names, backslashes, control characters, percent signs in a host) an address is refused.
"""

import ipaddress
import re
import socket
from collections.abc import Set
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARACTERS = 8192  # what common servers take
MAX_HOST_CHARACTERS = 253  # RFC 1035 2.3.4
HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
PRIVATE_NAMES = ("localhost", "local", "internal", "localdomain", "lan", "intranet", "corp", "home")  # last labels
PRIVATE_DOMAIN = "home.arpa"  # RFC 8375
IPV4_IN_IPV6 = (  # networks whose last 32 bits are an IPv4 address that the packets reach in the end
    ipaddress.IPv6Network("::ffff:0:0/96"),  # IPv4-mapped, RFC 4291 2.5.5.2
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
)
NEVER_PUBLIC_IPV4 = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
)
NEVER_PUBLIC = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, given up: RFC 4291 2.5.5.1
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 inside one network, RFC 8215
    ipaddress.IPv6Network("100::/64"),  # discard, RFC 6666
    ipaddress.IPv6Network("3fff::/20"),  # documentation, RFC 9637
    ipaddress.IPv6Network("fec0::/10"),  # site-local, RFC 3879
)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out: RFC 4291 2.4
ISATAP = re.compile(r"(0000|0200):5efe", re.IGNORECASE)  # RFC 5214: the last 32 bits are an IPv4 address


class Refused(Exception):
    """No connection is made to this address; the message says why."""


class NoSuchName(Refused):
    """The host's name has no numeric address."""


@dataclass(frozen=True)
class Address:
    """Where a URL leads. host: lower case, ASCII; an IP address without brackets. port: 1 to 65535."""

    scheme: str
    host: str
    port: int

    @property
    def host_port(self) -> str:
        """As `[crawl] allow_private_hosts` lists it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(url: str) -> Address:
    """Where an http or https URL leads. Raises Refused for anything that two programs could read differently."""
    if len(url) > MAX_URL_CHARACTERS:
        raise Refused("address: too long")
    if any(character <= " " or character == "\x7f" for character in url):
        raise Refused("address: control character or blank")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused("address: malformed") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise Refused(f"address: {parts.scheme[:20] or 'no'} scheme")
    authority = re.split(r"[/?#]", url.partition(":")[2].removeprefix("//"), maxsplit=1)[0]
    if not url[len(parts.scheme) :].startswith("://") or authority != parts.netloc or not authority:
        raise Refused("address: no host")
    if "@" in authority or "\\" in authority or "%" in authority:
        raise Refused("address: user name, backslash or percent sign in the host")
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?", authority)
    if found is None:
        raise Refused("address: malformed host or port")
    port = int(found[2]) if found[2] else DEFAULT_PORTS[parts.scheme]
    if not 1 <= port <= 65535:
        raise Refused("address: no such port")
    return Address(parts.scheme, _host(found[1]), port)


def check_url(url: str, allowed: Set[str] = frozenset()) -> Address:
    """The address of a URL that may be asked: public as far as its text says, or listed in `allowed` as host:port.

    Raises Refused.
    """
    address = parse(url)
    check_host(address, allowed)
    return address


def check_host(address: Address, allowed: Set[str] = frozenset()) -> None:
    """Raise Refused where the text of an address says that it is not public. Names are not resolved."""
    if address.host_port in allowed:
        return
    if address.host.rpartition(".")[2] in PRIVATE_NAMES or f".{address.host}".endswith(f".{PRIVATE_DOMAIN}"):
        raise Refused("address: private host")
    if is_literal(address.host) and not is_public(address.host):
        raise Refused("address: private host")


def checked_addresses(host: str, port: int, allowed: Set[str] = frozenset()) -> list[str]:
    """Numeric addresses of a host, all of them public, or all of them allowed by host:port. Connect to these only.

    host: as in a URL, an IPv6 address with or without brackets. Raises Refused; NoSuchName where there is none.
    """
    address = Address("", _host(f"[{host}]" if ":" in host and not host.startswith("[") else host), port)
    check_host(address, allowed)
    try:
        rows = socket.getaddrinfo(address.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoSuchName("address: no such name") from None
    numbers = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if address.host_port not in allowed and not all(map(is_public, numbers)):
        raise Refused("address: private host")
    return numbers


def is_public(number: str) -> bool:
    """Whether a numeric address belongs to the public internet, and what it carries does. False for no address."""
    if "%" in number:  # a zone: only links of this machine have one
        return False
    try:
        ip = ipaddress.ip_address(number)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in NEVER_PUBLIC_IPV4)
    if any(ip in network for network in NEVER_PUBLIC):
        return False
    if any(ip in network for network in IPV4_IN_IPV6):
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    if ip.sixtofour is not None:
        return is_public(str(ip.sixtofour))
    if ip.teredo is not None:
        return all(is_public(str(carried)) for carried in ip.teredo)
    if ISATAP.fullmatch(ip.exploded[20:29]) and not is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))):
        return False
    return ip in GLOBAL_UNICAST and ip.is_global and not ip.is_multicast


def is_literal(host: str) -> bool:
    """Whether a host is a numeric address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host(text: str) -> str:
    """The host in one spelling: a number in its plain form, a name in ASCII, without a final dot. Raises Refused."""
    if "%" in text or len(text) > MAX_HOST_CHARACTERS:
        raise Refused("address: malformed host")
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise Refused("address: malformed host") from None
    try:
        name = text.lower() if text.isascii() else idna.encode(text, uts46=True, std3_rules=False).decode()
    except idna.IDNAError:
        raise Refused("address: malformed host") from None
    name = name.removesuffix(".")
    if len(name) > MAX_HOST_CHARACTERS or not HOST.fullmatch(name):
        raise Refused("address: malformed host")
    last = name.rpartition(".")[2]
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):  # WHATWG: a host that ends in a number is a number
        return _ipv4(name)
    return name


def _ipv4(text: str) -> str:
    """127.1, 0x7f.1, 017700000001 and 2130706433 as browsers read them. Raises Refused.

    Source: WHATWG URL, IPv4 parser.
    """
    numbers = [_number(part) for part in text.split(".")]
    last_limit = 256 ** (5 - len(numbers)) if len(numbers) <= 4 else 0
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= last_limit:
        raise Refused("address: malformed host")
    value = numbers[-1] + sum(number << (8 * (3 - place)) for place, number in enumerate(numbers[:-1]))
    return str(ipaddress.IPv4Address(value))


def _number(text: str) -> int:
    """One part of an IPv4 address: hexadecimal, octal or decimal. Raises Refused."""
    if re.fullmatch(r"0x[0-9a-f]*", text):
        return int(text[2:] or "0", 16)
    if re.fullmatch(r"0[0-7]*", text):
        return int(text, 8)
    if re.fullmatch(r"[1-9][0-9]*", text):
        return int(text)
    raise Refused("address: malformed host")  # int() would take 1_0 and 0o17 as well
